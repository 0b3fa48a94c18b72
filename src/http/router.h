// The routing table behind Router. Private to the module.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "http/server.h"

namespace fettle::http {

struct Route {
  Method method = Method::Get;
  std::vector<std::string> parts;  // "{name}" and "{rest*}" capture
  AsyncHandler handler;
  RouteOptions options;
  Precondition precondition;  // may be empty
};

struct Router::Impl {
  std::vector<Route> routes;
  Handler fallback;
  std::shared_ptr<Guard> guard;

  // The most specific route for a path: literal parts beat captures, captures beat a rest. Fills the captures.
  [[nodiscard]] const Route* match(Method method, std::string_view path, Pairs& captures) const;
  // Comma-separated methods that the path has, for 405; empty if no route has the path.
  [[nodiscard]] std::string allowed(std::string_view path) const;
  [[nodiscard]] Response no_route(const Request& request) const;
};

[[nodiscard]] std::optional<Method> parse_method(std::string_view text) noexcept;

}  // namespace fettle::http
