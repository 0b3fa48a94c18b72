// The server put together: the only place that sees all modules.
//
// Order of starting: stores, runtime, control loop, listeners; of stopping: listeners (draining), loop, stores.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "blob/objects.h"
#include "server_verb.h"
#include "sql/database.h"

namespace fettle::cli {

// Of every module that keeps tables.
[[nodiscard]] std::vector<sql::Migrations> migrations();

// Where a server with this folder keeps its records. InvalidArgument if `database` is neither empty nor PostgreSQL's.
[[nodiscard]] Result<std::string> database_url(const std::string& data, const std::string& database);

// --artifact-store: where proxied artifacts lie instead of the data folder.
[[nodiscard]] Result<std::unique_ptr<blob::Objects>> open_artifact_store(const std::string& uri);

// Of a server that is stopped: makes a user an admin with a new password, which is printed unless it was given in
// FETTLE_ADMIN_PASSWORD. FailedPrecondition while the server runs.
[[nodiscard]] Result<void> reset_user(const ResetOptions& options);

class Platform {
 public:
  // Opens (or makes) the data folder and answers on every listener. FailedPrecondition if another server has the
  // folder; DataLoss if the database is damaged; Unavailable if a port is in use.
  [[nodiscard]] static Result<std::unique_ptr<Platform>> start(const ServerOptions& options);
  ~Platform();  // stop()
  [[nodiscard]] std::string control_url() const;
  [[nodiscard]] std::string predict_url() const;
  [[nodiscard]] std::string grpc_address() const;
  void stop();  // lets running requests finish, at most ten seconds

 private:
  struct Impl;
  explicit Platform(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace fettle::cli
