#include "http/server.h"

#include <unistd.h>

#include <memory>

#include "base/log.h"
#include "base/text.h"
#include "cli.h"
#include "json/value.h"
#include "os/file.h"
#include "os/process.h"
#include "sql/database.h"
#include "version.h"

namespace fettle::cli {
namespace {

constexpr std::int64_t kDrainMs = 10'000;

struct Options {
  std::string data;
  std::string control = "127.0.0.1:5000";
  std::string predict = "127.0.0.1:8000";
  std::string ready_file;
  bool allow_unauthenticated = false;
};

// Until access control is on, only this machine may ask.
Result<void> check_exposure(const Options& options) {
  if (options.allow_unauthenticated) return {};
  for (const auto& text : {options.control, options.predict}) {
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

struct Listener {
  std::string name;
  std::unique_ptr<http::Server> server;
};

std::string exposition(const Listener& listener) {
  const auto counters = listener.server->counters();
  std::string out;
  const auto add = [&](std::string_view name, std::string_view type, std::string_view help, std::uint64_t value) {
    out += text::format("# HELP {0} {1}\n# TYPE {0} {2}\n{0}{{listener=\"{3}\"}} {4}\n", name, help, type,
                        listener.name, value);
  };
  add("fettle_http_connections_total", "counter", "Connections accepted since start.", counters.connections);
  add("fettle_http_requests_total", "counter", "Requests received since start.", counters.requests);
  add("fettle_http_client_errors_total", "counter", "Answers with a 4xx status.", counters.responses_4xx);
  add("fettle_http_server_errors_total", "counter", "Answers with a 5xx status.", counters.responses_5xx);
  add("fettle_http_active_connections", "gauge", "Connections open now.", counters.active_connections);
  add("fettle_resident_memory_bytes", "gauge", "Memory that the process holds.", os::resident_bytes());
  return out;
}

Result<std::unique_ptr<Listener>> listen(std::string name, const std::string& address) {
  auto listener = std::make_unique<Listener>();
  listener->name = std::move(name);
  http::Router router;
  router.add(http::Method::Get, "/health", [](const http::Request&) { return http::Response::text("OK"); },
             {.run = http::Run::Loop});
  router.add(http::Method::Get, "/metrics", [self = listener.get()](const http::Request&) {
    auto response = http::Response::text(exposition(*self));
    response.content_type = "text/plain; version=0.0.4; charset=utf-8";
    return response;
  });
  FETTLE_TRY(listener->server, http::Server::start({.address = address}, std::move(router)));
  return listener;
}

Result<void> announce(const Options& options, const Listener& control, const Listener& predict) {
  log::info(text::format("fettle {} control {} predict {} data {}", kFettleVersion, control.server->url(),
                         predict.server->url(), options.data));
  if (options.ready_file.empty()) return {};
  json::Value ready;
  ready.set("control", control.server->url())
      .set("predict", predict.server->url())
      .set("pid", std::int64_t{::getpid()});
  return os::write_file(options.ready_file, json::dump(ready));
}

Result<void> serve(const Options& options) {
  FETTLE_TRY_(check_exposure(options));
  os::block_stop_signals();
  FETTLE_TRY_(os::make_folders(options.data));
  FETTLE_TRY(const auto lock, os::FileLock::acquire(options.data + "/lock"));
  FETTLE_TRY(const auto database, sql::Database::open(options.data + "/fettle.db", {}));
  FETTLE_TRY(const auto control, listen("control", options.control));
  FETTLE_TRY(const auto predict, listen("predict", options.predict));
  FETTLE_TRY_(announce(options, *control, *predict));
  os::wait_for_stop_signal();
  predict->server->drain(kDrainMs);
  control->server->drain(kDrainMs);
  return {};
}

}  // namespace

void add_server_verb(Program& program) {
  auto options = std::make_shared<Options>();
  auto verb = program.verb("server", "Start the server and stay until SIGINT or SIGTERM");
  verb.option("--data", options->data, "Folder that holds all of the server's state").required();
  verb.option("--control", options->control, "HOST:PORT of the control plane");
  verb.option("--predict", options->predict, "HOST:PORT of the data plane");
  verb.option("--ready-file", options->ready_file, "Write the real addresses here once every listener answers");
  verb.flag("--allow-unauthenticated", options->allow_unauthenticated,
            "Listen beyond this machine without access control");
  verb.examples(
      "  fettle server --data ./data\n  fettle server --data ./data --control 127.0.0.1:0 --ready-file ready.json");
  verb.action([options](Output&) { return serve(*options); });
}

}  // namespace fettle::cli
