// fettle-serve: one bundle behind HTTP and gRPC. The data plane alone: no SQL, no Arrow, no trainer.
#include <unistd.h>

#include <cstdio>

#include "base/log.h"
#include "base/text.h"
#include "bundle/bundle.h"
#include "http/server.h"
#include "json/value.h"
#include "options.h"
#include "os/file.h"
#include "os/process.h"
#include "serving/grpc.h"
#include "serving/http.h"
#include "serving/metrics.h"
#include "version.h"

namespace fettle::serve {
namespace {

constexpr std::int64_t kDrainMs = 10'000;

// Without access control only this machine may ask, unless the operator says otherwise.
Result<void> check_exposure(const Options& options) {
  for (const auto& text : {options.http, options.grpc}) {
    if (text.empty() || options.allow_unauthenticated) continue;
    FETTLE_TRY(const auto address, http::parse_address(text));
    if (!http::is_loopback(address))
      return fail(
          Code::FailedPrecondition,
          text::format("'{}' can be reached from other machines, and fettle-serve has no access control; listen "
                       "on 127.0.0.1, or give --allow-unauthenticated if everyone may ask",
                       text));
  }
  return {};
}

Result<serving::EndpointSpec> load(const Options& options) {
  FETTLE_TRY(const auto manifest, bundle::verify_folder(options.bundle));
  FETTLE_TRY(const auto digest, bundle::folder_digest(options.bundle));
  FETTLE_TRY(auto model, model::load_folder(options.bundle));
  serving::EndpointSpec spec{.name = options.name.empty() ? manifest.model : options.name};
  spec.variants.push_back({.name = "champion",
                           .bundle = digest.hex(),
                           .version = options.version,
                           .model = std::make_shared<const model::LoadedModel>(std::move(model))});
  return spec;
}

http::Router routes(serving::Runtime& runtime) {
  http::Router router;
  serving::add_routes(router, runtime);
  router.add(http::Method::Get, "/health", [](const http::Request&) { return http::Response::text("OK"); },
             {.run = http::Run::Loop});
  router.add(http::Method::Get, "/metrics", [&runtime](const http::Request&) {
    auto response = http::Response::text(serving::exposition(runtime));
    response.content_type = "text/plain; version=0.0.4; charset=utf-8";
    return response;
  });
  return router;
}

struct Listeners {
  std::unique_ptr<http::Server> http;
  std::unique_ptr<serving::GrpcServer> grpc;
};

Result<Listeners> listen(const Options& options, serving::Runtime& runtime) {
  Listeners listeners;
  FETTLE_TRY(listeners.http, http::Server::start({.address = options.http,
                                                  .loops = static_cast<int>(options.loops),
                                                  .certificate_file = options.certificate,
                                                  .key_file = options.key},
                                                 routes(runtime)));
  if (!options.grpc.empty()) {
    serving::GrpcTls tls;
    if (!options.certificate.empty()) {
      FETTLE_TRY(tls.certificate, os::read_file(options.certificate));
      FETTLE_TRY(tls.key, os::read_file(options.key));
    }
    FETTLE_TRY(listeners.grpc, serving::GrpcServer::start(options.grpc, runtime, tls));
  }
  return listeners;
}

Result<void> announce(const Options& options, const Listeners& listeners, const serving::EndpointSpec& spec) {
  const auto grpc = listeners.grpc ? listeners.grpc->address() : "";
  log::info(text::format("fettle-serve {} model {} bundle {} http {} grpc {}", kFettleVersion, spec.name,
                         spec.variants.front().bundle.substr(0, 12), listeners.http->url(),
                         grpc.empty() ? "off" : grpc));
  if (options.ready_file.empty()) return {};
  json::Value ready;
  ready.set("predict", listeners.http->url()).set("grpc", grpc).set("pid", std::int64_t{::getpid()});
  return os::write_file(options.ready_file, json::dump(ready));
}

Result<void> serve(const Options& options) {
  FETTLE_TRY_(check_exposure(options));
  os::block_stop_signals();
  FETTLE_TRY(const auto spec, load(options));
  std::unique_ptr<event::Log> events;
  if (!options.events.empty()) {
    FETTLE_TRY(events, event::Log::open(options.events));
  }
  serving::Runtime runtime(events.get(), system_clock());
  FETTLE_TRY_(serving::check(spec));
  runtime.set(spec);
  FETTLE_TRY(const auto listeners, listen(options, runtime));
  FETTLE_TRY_(announce(options, listeners, spec));
  os::wait_for_stop_signal();
  if (listeners.grpc) listeners.grpc->drain(kDrainMs);
  listeners.http->drain(kDrainMs);
  return {};
}

Result<void> run(const std::vector<std::string>& words) {
  FETTLE_TRY(const auto options, parse_options(words));
  if (options.help) {
    std::fputs(usage().data(), stdout);
    return {};
  }
  if (options.print_version) {
    std::puts(text::format("fettle-serve {}", kFettleVersion).c_str());
    return {};
  }
  return serve(options);
}

}  // namespace
}  // namespace fettle::serve

int main(int argc, char** argv) {
  fettle::os::fail_oversized_writes();
  const auto result = fettle::serve::run(std::vector<std::string>(argv + 1, argv + argc));
  if (result) return 0;
  std::fputs(fettle::text::format("fettle-serve: {}\n", result.error().message).c_str(), stderr);
  return fettle::info(result.error().code).exit_code;
}
