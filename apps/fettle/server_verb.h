// `fettle server`: its options. The verb is known to the command line; the server itself is the program fettle-server.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "cli.h"

namespace fettle::cli {

struct AccessOptions {  // who may ask the server
  bool on = false;
  bool allow_plain = false;                 // beyond this machine without TLS
  std::vector<std::string> hosts, origins;  // auth::OriginRules
  std::int64_t audit_days = 365;
  std::string oidc_issuer, oidc_audience, oidc_keys, oidc_ca_file, oidc_admin_group;
  std::string oidc_user_claim = "sub", oidc_groups_claim = "groups";
};

struct ServerOptions {
  std::string data;
  std::string database;  // postgresql://... ; empty = FETTLE_DATABASE, else SQLite in the data folder
  std::string control = "127.0.0.1:5000";
  std::string predict = "127.0.0.1:8000";
  std::string grpc = "127.0.0.1:8001";
  std::string artifact_root = "mlflow-artifacts:/";  // what new experiments get
  std::vector<std::string> artifact_allow;           // further roots that experiments may name
  std::string artifact_store;                        // where proxied artifacts lie; empty = <data>/blobs
  std::string certificate, key;                      // PEM files; both set = every listener speaks TLS
  std::string ready_file;                            // empty = none
  bool allow_unauthenticated = false;
  bool webhook_allow_http = false;     // else https only
  bool webhook_allow_private = false;  // else public addresses only
  AccessOptions access;
  std::string gc_every;  // a length of time; empty = only when asked
  std::string gc_older_than = "30d";
};

struct RestoreOptions {
  std::string artifact_store;  // as of the server
  std::string backups, name, data, database;
};
struct ResetOptions {
  std::string data, database;  // one of them
  std::string name = "admin";
};

// Like `fettle server`, known to both programs: only the server knows all tables.
void add_restore_verb(Program& program, std::function<Result<void>(const RestoreOptions&, Output&)> restore);
void add_server_verb(Program& program, std::function<Result<void>(const ServerOptions&)> serve);

// `fettle user reset`: for when nobody knows an admin's password any more.
void add_user_reset_verb(Program& program, std::function<Result<void>(const ResetOptions&)> reset);
constexpr std::string_view kUserHelp = "Users of a server with access control";

// Becomes the program fettle-server beside this one, with the same words; returns only if that fails.
[[nodiscard]] Result<void> become_server(char** argv);

}  // namespace fettle::cli
