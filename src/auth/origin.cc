#include "auth/origin.h"

#include <algorithm>

#include "auth/grants.h"
#include "base/text.h"

namespace fettle::auth {
namespace {

using http::Method;

constexpr std::size_t kMaxShown = 100;

// "name:5000" -> "name"; "[::1]:5000" -> "[::1]".
std::string host_of(std::string_view authority) {
  if (authority.starts_with('[')) return text::lower(authority.substr(0, authority.find(']') + 1));
  return text::lower(authority.substr(0, authority.find(':')));
}

// Without the port that the scheme implies.
std::string plain_authority(std::string_view authority) {
  auto out = text::lower(authority);
  for (const auto* port : {":80", ":443"})
    if (out.ends_with(port)) out.resize(out.size() - std::string_view(port).size());
  return out;
}

bool is_address(std::string_view host) {
  if (host.starts_with('[')) return host.ends_with(']');
  return std::ranges::all_of(host, [](char c) { return c == '.' || (c >= '0' && c <= '9'); });
}

bool is_localhost(std::string_view host) { return host == "localhost" || host.ends_with(".localhost"); }

bool fits(const std::vector<std::string>& allowed, std::string_view value) {
  return std::ranges::any_of(allowed, [&](const std::string& one) {
    const auto pattern = Pattern::parse(one);
    return pattern ? pattern->matches(value) : one == value;
  });
}

bool changes_something(const http::Request& request) {
  return request.method != Method::Get && request.method != Method::Head && request.method != Method::Options;
}

std::string_view authority_of(std::string_view origin) {
  const auto scheme = origin.find("://");
  return scheme == std::string_view::npos ? std::string_view() : origin.substr(scheme + 3);
}

}  // namespace

bool is_same_origin(const http::Request& request) {
  const auto authority = authority_of(request.header("Origin"));
  return !authority.empty() && plain_authority(authority) == plain_authority(request.header("Host"));
}

Result<void> check_origin(const http::Request& request, const OriginRules& rules) {
  const auto host = host_of(request.header("Host"));
  if (!host.empty() && !is_address(host) && !is_localhost(host) && !fits(rules.hosts, host))
    return fail(Code::PermissionDenied,
                text::format("Invalid Host header: '{}' is no name of this server; allow it with --allowed-host",
                             text::is_utf8(host) ? host.substr(0, kMaxShown) : "?"));
  const auto origin = request.header("Origin");
  if (origin.empty() || !changes_something(request) || is_same_origin(request) ||
      fits(rules.origins, text::lower(origin)))
    return {};
  return fail(Code::PermissionDenied,
              text::format("Cross-origin request blocked: a page of '{}' may change nothing here; allow it with "
                           "--allowed-origin",
                           text::is_utf8(origin) ? origin.substr(0, kMaxShown) : "?"));
}

}  // namespace fettle::auth
