#include "serve.h"

#include <unistd.h>

#include <memory>

#include "base/log.h"
#include "base/text.h"
#include "http/server.h"
#include "json/value.h"
#include "os/file.h"
#include "os/process.h"
#include "version.h"
#include "wiring.h"

namespace fettle::cli {
namespace {

// Only this machine may ask, unless everyone must say who he is, in private.
Result<void> check_exposure(const ServerOptions& options) {
  const auto& access = options.access;
  if (access.on && (access.allow_plain || !options.certificate.empty())) return {};
  if (!access.on && options.allow_unauthenticated) return {};
  for (const auto& text : {options.control, options.predict, options.grpc}) {
    FETTLE_TRY(const auto address, http::parse_address(text));
    if (http::is_loopback(address)) continue;
    if (access.on)
      return fail(Code::FailedPrecondition,
                  text::format("'{}' can be reached from other machines and passwords would be sent in the clear; give "
                               "--tls-cert and --tls-key, or --allow-plain if a proxy before it speaks TLS",
                               text));
    return fail(Code::FailedPrecondition,
                text::format("'{}' can be reached from other machines and access control is off; listen on 127.0.0.1, "
                             "give --access-control, or --allow-unauthenticated if everyone may use this server",
                             text));
  }
  return {};
}

Result<void> announce(const ServerOptions& options, const Platform& platform) {
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

}  // namespace

Result<void> serve(const ServerOptions& options) {
  FETTLE_TRY_(check_exposure(options));
  os::block_stop_signals();
  FETTLE_TRY(const auto platform, Platform::start(options));
  FETTLE_TRY_(announce(options, *platform));
  os::wait_for_stop_signal();
  platform->stop();
  return {};
}

}  // namespace fettle::cli
