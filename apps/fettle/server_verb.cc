#include "server_verb.h"

#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <memory>

#include "base/text.h"
#include "os/process.h"

namespace fettle::cli {

void add_server_verb(Program& program, std::function<Result<void>(const ServerOptions&)> serve) {
  auto options = std::make_shared<ServerOptions>();
  auto verb = program.verb("server", "Start the server and stay until SIGINT or SIGTERM");
  verb.option("--data", options->data, "Folder that holds all of the server's state").required();
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
  verb.examples(
      "  fettle server --data ./data\n  fettle server --data ./data --control 127.0.0.1:0 --ready-file ready.json");
  verb.action([options, serve = std::move(serve)](Output&) { return serve(*options); });
}

void add_restore_verb(Program& program, std::function<Result<void>(const RestoreOptions&, Output&)> restore) {
  auto options = std::make_shared<RestoreOptions>();
  auto verb = program.verb("restore", "Make a server's data folder from a backup");
  verb.argument("FOLDER", options->backups, "Where backups are kept");
  verb.argument("NAME", options->name, "Which one; by default the newest", false);
  verb.option("--data", options->data, "The new data folder; it must be empty or missing").required();
  verb.examples("  fettle restore /backups/fettle --data ./data");
  verb.action([options, restore = std::move(restore)](Output& output) { return restore(*options, output); });
}

Result<void> become_server(char** argv) {
  const auto self = os::executable_path();
  const auto path = self.substr(0, self.rfind('/')) + "/fettle-server";
  ::execv(path.c_str(), argv);
  return fail(Code::Internal,
              text::format("cannot start '{}': {}; it belongs beside this program", path, std::strerror(errno)));
}

}  // namespace fettle::cli
