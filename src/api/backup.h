// Routes of a backup that is streamed from a live server, under /api/fettle/v1/backups.
//
// A backup begins with a dump of one snapshot of the tables; the list of objects and events is taken after it, so that
// all that the snapshot refers to is there. It stays, for downloads to go on, until it is deleted, or a day.
#pragma once

#include <string>
#include <vector>

#include "api/access.h"
#include "base/clock.h"
#include "blob/objects.h"
#include "http/server.h"
#include "sql/database.h"

namespace fettle::api {

struct BackupParts {  // borrowed; all outlive the server that the routes are mounted on
  sql::Database& database;
  std::vector<sql::Migrations> modules;
  std::vector<const blob::Objects*> objects;  // every place where objects lie
  const Clock& clock;
  std::string folder;  // for dumps that are being fetched
  std::string events_folder;
  std::string version;  // of the program
  const Access& access;
};
void add_backup_routes(http::Router& router, const BackupParts& parts);

}  // namespace fettle::api
