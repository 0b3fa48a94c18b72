#include "http/server.h"

#include <unistd.h>

#include <memory>

#include "base/log.h"
#include "base/text.h"
#include "cli.h"
#include "json/value.h"
#include "os/file.h"
#include "os/process.h"
#include "version.h"
#include "wiring.h"

namespace fettle::cli {
namespace {

struct Options : ServerOptions {
  std::string ready_file;
  bool allow_unauthenticated = false;
};

// Until access control is on, only this machine may ask.
Result<void> check_exposure(const Options& options) {
  if (options.allow_unauthenticated) return {};
  for (const auto& text : {options.control, options.predict, options.grpc}) {
    FETTLE_TRY(const auto address, http::parse_address(text));
    if (!http::is_loopback(address))
      return fail(
          Code::FailedPrecondition,
          text::format("'{}' can be reached from other machines and access control is off; listen on 127.0.0.1, "
                       "or give --allow-unauthenticated if everyone may use this server",
                       text));
  }
  return {};
}

Result<void> announce(const Options& options, const Platform& platform) {
  log::info(text::format("fettle {} control {} predict {} grpc {} data {}", kFettleVersion, platform.control_url(),
                         platform.predict_url(), platform.grpc_address(), options.data));
  if (options.ready_file.empty()) return {};
  json::Value ready;
  ready.set("control", platform.control_url())
      .set("predict", platform.predict_url())
      .set("grpc", platform.grpc_address())
      .set("pid", std::int64_t{::getpid()});
  return os::write_file(options.ready_file, json::dump(ready));
}

Result<void> serve(const Options& options) {
  FETTLE_TRY_(check_exposure(options));
  os::block_stop_signals();
  FETTLE_TRY(const auto platform, Platform::start(options));
  FETTLE_TRY_(announce(options, *platform));
  os::wait_for_stop_signal();
  platform->stop();
  return {};
}

}  // namespace

void add_server_verb(Program& program) {
  auto options = std::make_shared<Options>();
  auto verb = program.verb("server", "Start the server and stay until SIGINT or SIGTERM");
  verb.option("--data", options->data, "Folder that holds all of the server's state").required();
  verb.option("--control", options->control, "HOST:PORT of the control plane: MLflow's API, Fettle's API, the page");
  verb.option("--predict", options->predict, "HOST:PORT of predictions over HTTP");
  verb.option("--grpc", options->grpc, "HOST:PORT of predictions over gRPC");
  verb.option("--tls-certificate", options->certificate,
              "PEM file: every listener speaks TLS; it should name this host");
  verb.option("--tls-key", options->key, "PEM file: the certificate's key");
  verb.option("--ready-file", options->ready_file, "Write the real addresses here once every listener answers");
  verb.flag("--allow-unauthenticated", options->allow_unauthenticated,
            "Listen beyond this machine without access control");
  verb.examples(
      "  fettle server --data ./data\n  fettle server --data ./data --control 127.0.0.1:0 --ready-file ready.json");
  verb.action([options](Output&) { return serve(*options); });
}

}  // namespace fettle::cli
