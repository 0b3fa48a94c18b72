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

// Until access control is on, only this machine may ask.
Result<void> check_exposure(const ServerOptions& options) {
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
