#include "http/router.h"

#include <array>

#include "base/text.h"

namespace fettle::http {
namespace {

constexpr std::array<std::string_view, 7> kMethods{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"};

bool is_capture(std::string_view part) { return part.starts_with('{') && part.ends_with('}'); }
bool is_rest(std::string_view part) { return part.ends_with("*}"); }
std::string_view capture_name(std::string_view part) { return part.substr(1, part.size() - (is_rest(part) ? 3 : 2)); }

std::vector<std::string_view> split_path(std::string_view path) {
  std::vector<std::string_view> out;
  while (path.starts_with('/')) {
    path.remove_prefix(1);
    const auto end = path.find('/');
    out.push_back(path.substr(0, end));
    path.remove_prefix(end == std::string_view::npos ? path.size() : end);
  }
  return out;
}

// Two bits a part: 2 literal, 1 capture, 0 rest; compared from the left. nullopt if the route does not fit.
std::optional<std::vector<int>> fit(const Route& route, const std::vector<std::string_view>& parts) {
  std::vector<int> score;
  for (std::size_t i = 0; i < route.parts.size(); ++i) {
    const auto& part = route.parts[i];
    if (is_rest(part)) {
      score.push_back(0);
      return score;
    }
    if (i >= parts.size()) return std::nullopt;
    if (is_capture(part) ? parts[i].empty() : part != parts[i]) return std::nullopt;
    score.push_back(is_capture(part) ? 1 : 2);
  }
  return route.parts.size() == parts.size() ? std::optional(score) : std::nullopt;
}

Pairs captured(const Route& route, const std::vector<std::string_view>& parts, std::string_view path) {
  Pairs out;
  for (std::size_t i = 0; i < route.parts.size(); ++i) {
    const auto& part = route.parts[i];
    if (!is_capture(part)) continue;
    std::string_view value = i < parts.size() ? parts[i] : std::string_view();
    if (is_rest(part) && i < parts.size()) value = path.substr(static_cast<std::size_t>(parts[i].data() - path.data()));
    out.emplace_back(std::string(capture_name(part)), std::string(value));
  }
  return out;
}

}  // namespace

std::string_view name(Method method) noexcept { return kMethods[static_cast<std::size_t>(method)]; }

std::optional<Method> parse_method(std::string_view text) noexcept {
  for (std::size_t i = 0; i < kMethods.size(); ++i)
    if (kMethods[i] == text) return static_cast<Method>(i);
  return std::nullopt;
}

const Route* Router::Impl::match(Method method, std::string_view path, Pairs& captures) const {
  const auto parts = split_path(path);
  const Route* best = nullptr;
  std::vector<int> best_score;
  for (const auto& route : routes) {
    if (route.method != method && !(method == Method::Head && route.method == Method::Get)) continue;
    const auto score = fit(route, parts);
    if (!score || (best != nullptr && *score <= best_score)) continue;
    best = &route;
    best_score = *score;
  }
  if (best != nullptr) captures = captured(*best, parts, path);
  return best;
}

std::string Router::Impl::allowed(std::string_view path) const {
  const auto parts = split_path(path);
  std::vector<std::string> methods;
  for (const auto& route : routes)
    if (fit(route, parts)) methods.emplace_back(name(route.method));
  return text::join(methods, ", ");
}

Response Router::Impl::no_route(const Request& request) const {
  if (const auto methods = allowed(request.path); !methods.empty()) {
    auto response = Response::error({Code::InvalidArgument, text::format("{} is not allowed for '{}'; use {}",
                                                                         name(request.method), request.path, methods)});
    response.status = 405;
    response.headers.emplace_back("Allow", methods);
    return response;
  }
  if (fallback) return fallback(request);
  return Response::error({Code::NotFound, text::format("there is nothing at '{}'", request.path)});
}

Router::Router() : impl_(std::make_unique<Impl>()) {}
Router::~Router() = default;
Router::Router(Router&&) noexcept = default;

void Router::add(Method method, std::string_view pattern, Handler handler, RouteOptions options) {
  add_async(
      method, pattern,
      [handler = std::move(handler)](const Request& request, const std::shared_ptr<Responder>& responder) {
        responder->send(handler(request));
      },
      options);
}

void Router::add_async(Method method, std::string_view pattern, AsyncHandler handler, RouteOptions options) {
  Route route{method, {}, std::move(handler), options, {}};
  for (const auto part : split_path(pattern)) route.parts.emplace_back(part);
  impl_->routes.push_back(std::move(route));
}

void Router::require(Precondition precondition) { impl_->routes.back().precondition = std::move(precondition); }
void Router::set_fallback(Handler handler) { impl_->fallback = std::move(handler); }
void Router::set_guard(std::shared_ptr<Guard> guard) { impl_->guard = std::move(guard); }

std::vector<RouteInfo> Router::routes() const {
  std::vector<RouteInfo> out;
  for (const auto& route : impl_->routes)
    out.push_back({route.method, "/" + text::join(route.parts, "/"), route.options});
  return out;
}

}  // namespace fettle::http
