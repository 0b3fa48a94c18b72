#include "listener.h"

#include "base/log.h"
#include "base/text.h"
#include "os/process.h"

namespace fettle::cli {

std::string Listener::exposition() const {
  const auto counters = server_->counters();
  std::string out;
  const auto add = [&](std::string_view name, std::string_view type, std::string_view help, std::uint64_t value) {
    out +=
        text::format("# HELP {0} {1}\n# TYPE {0} {2}\n{0}{{listener=\"{3}\"}} {4}\n", name, help, type, name_, value);
  };
  add("fettle_http_connections_total", "counter", "Connections accepted since start.", counters.connections);
  add("fettle_http_requests_total", "counter", "Requests received since start.", counters.requests);
  add("fettle_http_client_errors_total", "counter", "Answers with a 4xx status.", counters.responses_4xx);
  add("fettle_http_server_errors_total", "counter", "Answers with a 5xx status.", counters.responses_5xx);
  add("fettle_http_active_connections", "gauge", "Connections open now.", counters.active_connections);
  add("fettle_resident_memory_bytes", "gauge", "Memory that the process holds.", os::resident_bytes());
  return out + more_();
}

Result<std::unique_ptr<Listener>> Listener::start(std::string name, http::ServerOptions options, http::Router router,
                                                  std::shared_ptr<http::Guard> guard,
                                                  std::function<std::string()> more) {
  auto listener = std::make_unique<Listener>();
  listener->name_ = std::move(name);
  listener->more_ = std::move(more);
  router.add(http::Method::Get, "/health", [](const http::Request&) { return http::Response::text("OK"); },
             {.run = http::Run::Loop, .access = http::Access::Public});
  router.add(http::Method::Get, "/metrics",
             [self = listener.get()](const http::Request&) {
               auto response = http::Response::text(self->exposition());
               response.content_type = "text/plain; version=0.0.4; charset=utf-8";
               return response;
             },
             {.access = http::Access::SignedIn});
  router.set_guard(std::move(guard));
  for (const auto& route : router.routes())  // tests/auth fails on this line
    if (route.options.access == http::Access::Undeclared)
      log::error(text::format("{} {} says nothing about who may use it: it is refused while access control is on",
                              http::name(route.method), route.pattern));
  FETTLE_TRY(listener->server_, http::Server::start(std::move(options), std::move(router)));
  return listener;
}

}  // namespace fettle::cli
