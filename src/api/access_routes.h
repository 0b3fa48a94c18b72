// Users, API tokens, grants, sessions and the audit trail over REST, under /api/fettle/v1: docs/reference/rest.md.
//
// GET /me answers while access control is off, too; everything else of it then says that it is off.
#pragma once

#include "api/access.h"
#include "auth/authenticator.h"
#include "http/server.h"

namespace fettle::api {

struct AccessRouteParts {  // borrowed; all but `access` are null while access control is off
  const Access& access;
  auth::Audit* audit = nullptr;
  auth::Authenticator* authenticator = nullptr;
};
void add_access_routes(http::Router& router, const AccessRouteParts& parts);

}  // namespace fettle::api
