// Routes of the receiving end of an import, under /api/fettle/v1/import: batches of records, what is known of them.
#pragma once

#include "api/access.h"
#include "http/server.h"
#include "tracking/artifacts.h"
#include "tracking/store.h"
#include "transfer/apply.h"

namespace fettle::api {

struct ImportParts {  // borrowed; all outlive the server that the routes are mounted on
  transfer::Importer& importer;
  tracking::Store& tracking;
  tracking::Artifacts& artifacts;
  const Access& access;
};
void add_import_routes(http::Router& router, const ImportParts& parts);

}  // namespace fettle::api
