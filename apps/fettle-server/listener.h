// One HTTP listener of the server with /health and /metrics, beside its own routes.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "base/result.h"
#include "http/server.h"

namespace fettle::cli {

class Listener {
 public:
  // `more` adds to the listener's metrics, in Prometheus's text format; it is called on a worker.
  [[nodiscard]] static Result<std::unique_ptr<Listener>> start(std::string name, http::ServerOptions options,
                                                               http::Router router, std::shared_ptr<http::Guard> guard,
                                                               std::function<std::string()> more);
  [[nodiscard]] std::string url() const { return server_->url(); }
  void drain(std::int64_t timeout_ms) { server_->drain(timeout_ms); }

 private:
  [[nodiscard]] std::string exposition() const;
  std::string name_;
  std::function<std::string()> more_;
  std::unique_ptr<http::Server> server_;
};

}  // namespace fettle::cli
