#include "server_verb.h"

#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <memory>

#include "base/text.h"
#include "os/process.h"

namespace fettle::cli {

namespace {

constexpr std::string_view kDatabaseHelp =
    "postgresql://... if the server keeps its records there; FETTLE_DATABASE says the same without showing a password "
    "to ps";

void from_environment(std::string& database) {
  if (database.empty()) database = os::environment("FETTLE_DATABASE").value_or("");
}

void add_access_options(Verb& verb, AccessOptions& access) {
  verb.flag("--access-control", access.on,
            "Ask everyone for a password or token; the first start makes the user 'admin' (password in "
            "FETTLE_ADMIN_PASSWORD, else printed once)");
  verb.flag("--allow-plain", access.allow_plain, "With access control, listen beyond this machine without TLS");
  verb.option("--allowed-host", access.hosts, "Name that this server is asked by, beside addresses (*.example.org)");
  verb.option("--allowed-origin", access.origins, "Origin whose pages may change things here (https://portal.org)");
  verb.option("--audit-days", access.audit_days, "Days that the audit trail is kept");
  verb.option("--oidc-issuer", access.oidc_issuer, "Take bearer tokens of this OpenID Connect issuer (their 'iss')");
  verb.option("--oidc-audience", access.oidc_audience, "What such a token must be meant for (its 'aud')");
  verb.option("--oidc-keys", access.oidc_keys, "The issuer's keys: file or https:// address of a JSON Web Key Set");
  verb.option("--oidc-ca-file", access.oidc_ca_file, "PEM file: who signs that address's certificate");
  verb.option("--oidc-user-claim", access.oidc_user_claim, "Claim that holds the user's name");
  verb.option("--oidc-groups-claim", access.oidc_groups_claim, "Claim that lists groups; grant to '@GROUP'");
  verb.option("--oidc-admin-group", access.oidc_admin_group, "Group whose members are admins of this server");
}

}  // namespace

void add_server_verb(Program& program, std::function<Result<void>(const ServerOptions&)> serve) {
  auto options = std::make_shared<ServerOptions>();
  auto verb = program.verb("server", "Start the server and stay until SIGINT or SIGTERM");
  verb.option("--data", options->data, "Folder that holds all of the server's state").required();
  verb.option(
      "--database", options->database,
      "postgresql://... to keep records in PostgreSQL instead of the data folder; FETTLE_DATABASE says the same "
      "without showing a password to ps");
  verb.option("--control", options->control, "HOST:PORT of the control plane: MLflow's API, Fettle's API, the page");
  verb.option("--predict", options->predict, "HOST:PORT of predictions over HTTP");
  verb.option("--grpc", options->grpc, "HOST:PORT of predictions over gRPC");
  verb.option("--artifact-root", options->artifact_root,
              "Where artifacts of new experiments go: mlflow-artifacts:/ (through this server), or file:///folder or "
              "s3://bucket/prefix, which clients reach by themselves");
  verb.option("--artifact-allow", options->artifact_allow,
              "Further file: or s3: roots that experiments may name and that the server reads; repeatable");
  verb.option("--artifact-store", options->artifact_store,
              "Where artifacts that go through this server lie: s3://bucket/prefix, or the data folder if left out");
  verb.option("--tls-cert", options->certificate, "PEM file: every listener speaks TLS; it should name this host");
  verb.option("--tls-key", options->key, "PEM file: the certificate's key");
  verb.option("--ready-file", options->ready_file, "Write the real addresses here once every listener answers");
  verb.flag("--allow-unauthenticated", options->allow_unauthenticated,
            "Listen beyond this machine without access control");
  verb.flag("--webhook-allow-http", options->webhook_allow_http, "Webhooks may be told over http, unencrypted");
  verb.flag("--webhook-allow-private", options->webhook_allow_private,
            "Webhooks may be at addresses that only this machine or its network can reach");
  verb.option("--gc-every", options->gc_every, "Clean up this often, as fettle gc does: 1d, 12h; by default never");
  verb.option("--gc-older-than", options->gc_older_than, "What such a clean-up removes: deleted longer ago than this");
  add_access_options(verb, options->access);
  verb.examples(
      "  fettle server --data ./data\n  fettle server --data ./data --control 127.0.0.1:0 --ready-file ready.json");
  verb.action([options, serve = std::move(serve)](Output&) {
    from_environment(options->database);
    return serve(*options);
  });
}

void add_restore_verb(Program& program, std::function<Result<void>(const RestoreOptions&, Output&)> restore) {
  auto options = std::make_shared<RestoreOptions>();
  auto verb = program.verb("restore", "Make a server's data folder from a backup");
  verb.argument("FOLDER", options->backups, "Where backups are kept");
  verb.argument("NAME", options->name, "Which one; by default the newest", false);
  verb.option("--data", options->data, "The new data folder; it must be empty or missing").required();
  verb.option("--database", options->database, kDatabaseHelp);
  verb.option("--artifact-store", options->artifact_store,
              "Where artifacts go: s3://bucket/prefix, or the data folder if left out; start the server with the same");
  verb.examples(
      "  fettle restore /backups/fettle --data ./data\n"
      "  fettle restore /backups/fettle --data ./data --database postgresql://fettle@db.example.org/fettle");
  verb.action([options, restore = std::move(restore)](Output& output) {
    from_environment(options->database);
    return restore(*options, output);
  });
}

void add_user_reset_verb(Program& program, std::function<Result<void>(const ResetOptions&)> reset) {
  auto options = std::make_shared<ResetOptions>();
  auto verb = program.verb("user", kUserHelp, "reset", "Give an admin a new password while the server is stopped");
  verb.argument("NAME", options->name, "Who; he is made an admin, and made at all if need be", false);
  verb.option("--data", options->data, "The server's data folder, if it keeps its records there");
  verb.option("--database", options->database, kDatabaseHelp);
  verb.examples("  fettle user reset --data ./data\n  FETTLE_ADMIN_PASSWORD=... fettle user reset ada --data ./data");
  verb.action([options, reset = std::move(reset)](Output&) -> Result<void> {
    from_environment(options->database);
    if (!options->data.empty() || !options->database.empty()) return reset(*options);
    return fail(Code::InvalidArgument, "say whose user: --data FOLDER, or --database URL of a server on PostgreSQL");
  });
}

Result<void> become_server(char** argv) {
  const auto self = os::executable_path();
  const auto path = self.substr(0, self.rfind('/')) + "/fettle-server";
  ::execv(path.c_str(), argv);
  return fail(Code::Internal,
              text::format("cannot start '{}': {}; it belongs beside this program", path, std::strerror(errno)));
}

}  // namespace fettle::cli
