#include "http/message.h"

#include <algorithm>

#include "base/text.h"
#include "http/server.h"
#include "json/value.h"

namespace fettle::http {
namespace {

bool same_name(std::string_view a, std::string_view b) {
  return std::ranges::equal(a, b, [](char x, char y) { return (x | 0x20) == (y | 0x20); });
}

std::optional<std::string_view> find(const Pairs& pairs, std::string_view name) {
  for (const auto& [key, value] : pairs)
    if (key == name) return value;
  return std::nullopt;
}

}  // namespace

std::string_view Request::header(std::string_view name) const noexcept {
  for (const auto& [key, value] : headers)
    if (same_name(key, name)) return value;
  return {};
}
std::optional<std::string_view> Request::parameter(std::string_view name) const noexcept { return find(query, name); }
std::string_view Request::capture(std::string_view name) const noexcept { return find(captures, name).value_or(""); }

Response Response::json(std::string body, int status) {
  Response response;
  response.status = status;
  response.body = std::move(body);
  return response;
}

Response Response::text(std::string body, int status) {
  auto response = json(std::move(body), status);
  response.content_type = "text/plain; charset=utf-8";
  return response;
}

Response Response::error(const Error& error) {
  json::Value body;
  body.set("error", error.message).set("code", info(error.code).name);
  auto response = json(json::dump(body), info(error.code).http_status);
  response.retry_later(error.code);
  return response;
}

void Response::retry_later(Code code) {
  if (code == Code::Unavailable) headers.emplace_back("Retry-After", "1");
}

Result<Address> parse_address(std::string_view text) {
  const auto colon = text.rfind(':');
  const auto port = colon == std::string_view::npos ? std::nullopt : text::parse_int(text.substr(colon + 1));
  std::string_view host = text.substr(0, colon);
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  if (!port || *port < 0 || *port > 65'535 || host.empty())
    return fail(Code::InvalidArgument,
                text::format("'{}' is no address; write HOST:PORT, for example 127.0.0.1:5000 or [::1]:5000", text));
  return Address{std::string(host), static_cast<std::uint16_t>(*port)};
}

bool is_loopback(const Address& address) {
  return address.host == "localhost" || address.host == "::1" || address.host.starts_with("127.");
}

}  // namespace fettle::http
