#include "notify/post.h"

#include <algorithm>
#include <ctime>

#include "base/digest.h"
#include "base/text.h"
#include "http/client.h"

namespace fettle::notify {
namespace {

constexpr std::int64_t kTimeoutMs = 10'000;
constexpr std::uint64_t kMaxAnswer = 1U << 20U;
constexpr std::size_t kKeptAnswer = 4'000;
constexpr std::int64_t kMaxWaitSeconds = 1'000'000;

std::string_view header_of(const http::Response& response, std::string_view wanted) {
  for (const auto& [key, value] : response.headers)
    if (text::lower(key) == text::lower(wanted)) return value;
  return "";
}

Result<http::Response> send(const Webhooks& webhooks, const Message& message, std::int64_t now_ms) {
  FETTLE_TRY(const auto url, parse_url(message.url, webhooks.reach()));
  FETTLE_TRY(const auto secret, webhooks.secret(message.webhook));
  http::ClientOptions options{.timeout_ms = kTimeoutMs, .total_ms = kTimeoutMs, .max_body = kMaxAnswer};
  if (!webhooks.reach().private_addresses) options.allow_address = is_public;
  FETTLE_TRY(auto client, http::Client::create(url.base, std::move(options)));
  const auto timestamp = std::to_string(now_ms / 1000);
  http::Headers headers{{"X-MLflow-Delivery-Id", message.id}, {"X-MLflow-Timestamp", timestamp}};
  if (!secret.empty())
    headers.emplace_back("X-MLflow-Signature", signature(secret, message.id, timestamp, message.body));
  return client.send(http::Method::Post, url.target, message.body, "application/json", headers);
}

}  // namespace

std::string signature(std::string_view secret, std::string_view id, std::string_view timestamp, std::string_view body) {
  const auto digest = hmac_sha256(secret, text::format("{}.{}.{}", id, timestamp, body));
  return "v1," + text::base64(digest.bytes());
}

std::int64_t parse_retry_after(std::string_view value, std::int64_t now_ms) {
  if (const auto seconds = text::parse_int(text::trim(value)))
    return 1000 * std::clamp<std::int64_t>(*seconds, 0, kMaxWaitSeconds);
  std::tm parts{};
  if (::strptime(std::string(value).c_str(), "%a, %d %b %Y %H:%M:%S GMT", &parts) == nullptr) return 0;
  return std::max<std::int64_t>(0, std::int64_t{::timegm(&parts)} * 1000 - now_ms);
}

Answer post(const Webhooks& webhooks, const Message& message, std::int64_t now_ms) {
  Answer out;
  const auto response = send(webhooks, message, now_ms);
  if (!response) {
    const auto code = response.error().code;
    out.forbidden = code == Code::PermissionDenied || code == Code::InvalidArgument;
    out.error = response.error().message;
    return out;
  }
  out.status = response->status;
  out.body = response->body.substr(0, kKeptAnswer);
  out.retry_after_ms = parse_retry_after(header_of(*response, "Retry-After"), now_ms);
  return out;
}

}  // namespace fettle::notify
