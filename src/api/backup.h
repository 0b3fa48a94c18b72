// Routes of a backup that is streamed from a live server, under /api/fettle/v1/backups.
//
// A backup begins with a dump of one snapshot of the tables; the list of objects and events is taken after it, so that
// all that the snapshot refers to is there. Begun with {"artifacts": false}, it lacks what only artifacts need. It
// stays, for downloads to go on, until it is deleted, or a day.
#pragma once

#include <functional>
#include <mutex>
#include <string>
#include <vector>

#include "api/access.h"
#include "base/clock.h"
#include "blob/store.h"
#include "control/store.h"
#include "http/server.h"
#include "sql/database.h"
#include "tracking/artifacts.h"

namespace fettle::api {

// The dumps of backups that are being fetched. As long as there is one, no object may be removed: the backup's snapshot
// may refer to it. Thread-safe.
class BackupsInFlight {
 public:
  BackupsInFlight(std::string folder, const Clock& clock) : folder_(std::move(folder)), clock_(clock) {}
  // The path of a new, empty dump; those that nobody came back for are gone. No removal is under way when it returns.
  [[nodiscard]] Result<std::string> begin(const std::string& id);
  [[nodiscard]] std::string path_of(const std::string& id) const { return folder_ + "/" + id + ".dump"; }
  // Does `removal` unless there is a dump; whether it did.
  [[nodiscard]] Result<bool> unless_any(const std::function<Result<void>()>& removal);

 private:
  [[nodiscard]] Result<bool> any() const;  // removes what is too old
  std::string folder_;
  const Clock& clock_;
  std::mutex mutex_;
};

struct BackupParts {  // borrowed; all outlive the server that the routes are mounted on
  sql::Database& database;
  std::vector<sql::Migrations> modules;
  const control::Store& records;
  const tracking::Artifacts& artifacts;
  const blob::Store& blobs;     // bundles, and artifacts unless they lie in
  const blob::Objects* remote;  // the artifact store; may be null
  const Clock& clock;
  BackupsInFlight& dumps;
  std::string data;     // the server's folder, with its keys and events/
  std::string version;  // of the program
  const Access& access;
};
void add_backup_routes(http::Router& router, const BackupParts& parts);

}  // namespace fettle::api
