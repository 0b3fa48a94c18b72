#include "auth/oidc.h"

#include <algorithm>

#include "base/log.h"
#include "base/text.h"
#include "http/client.h"
#include "http/server.h"
#include "os/file.h"

namespace fettle::auth {
namespace {

constexpr std::int64_t kAskAgainMs = 60'000;
constexpr std::int64_t kTimeoutMs = 5'000;
constexpr std::uint64_t kMaxKeys = 1U << 20U;
constexpr std::size_t kMaxName = 250;
constexpr std::size_t kMaxGroups = 1000;

bool is_url(std::string_view keys) { return keys.starts_with("https://") || keys.starts_with("http://"); }

std::vector<std::string> texts_of(const json::Value* value) {
  std::vector<std::string> out;
  if (value == nullptr) return out;
  if (value->is_string()) out.push_back(value->as_string());
  if (value->is_array())
    for (const auto& one : value->as_array())
      if (one.is_string() && !one.as_string().empty() && out.size() < kMaxGroups) out.push_back(one.as_string());
  return out;
}

Result<std::string> fetch(const std::string& base, const std::string& path, const std::string& ca_file) {
  FETTLE_TRY(auto client,
             http::Client::create(base, {.timeout_ms = kTimeoutMs, .max_body = kMaxKeys, .ca_file = ca_file}));
  FETTLE_TRY(const auto answer, client.send(http::Method::Get, path));
  if (answer.status == 200) return answer.body;
  return fail(Code::Unavailable, text::format("{}{} answered {}", base, path, answer.status));
}

}  // namespace

Result<KeySource> key_source(const OidcOptions& options) {
  if (!is_url(options.keys)) return KeySource([path = options.keys] { return os::read_file(path); });
  const auto host_at = options.keys.find("://") + 3;
  const auto path_at = std::min(options.keys.find('/', host_at), options.keys.size());
  const auto base = options.keys.substr(0, path_at);
  const auto path = path_at == options.keys.size() ? "/" : options.keys.substr(path_at);
  if (base.starts_with("http://")) {
    const auto authority = base.substr(host_at);
    FETTLE_TRY(const auto address, http::parse_address(authority.contains(':') ? authority : authority + ":80"));
    if (!http::is_loopback(address))
      return fail(Code::InvalidArgument,
                  text::format("the issuer's keys at '{}' could be replaced on their way; use https://", options.keys));
  }
  return KeySource([base, path, ca = options.ca_file] { return fetch(base, path, ca); });
}

Result<std::unique_ptr<Oidc>> Oidc::create(OidcOptions options, KeySource source, const Clock& clock) {
  if (options.issuer.empty() || options.audience.empty() || options.keys.empty())
    return fail(Code::InvalidArgument, "OIDC needs an issuer, an audience and the issuer's keys");
  std::unique_ptr<Oidc> out(new Oidc(std::move(options), std::move(source), clock));
  if (auto read = out->read_keys(); !read) {
    const auto error = read.error().within("the issuer's keys");
    if (!is_url(out->options_.keys)) return fail(error);
    log::warn(text::format("{}; they are asked for again when a token comes", error.message));
  }
  return out;
}

Result<void> Oidc::read_keys() {
  asked_ms_ = clock_.now_ms();
  FETTLE_TRY(const auto text, source_());
  FETTLE_TRY(keys_, KeySet::parse(text));
  return {};
}

std::expected<Outsider, std::string> Oidc::verify(std::string_view token) {
  const JwtRules rules{options_.issuer, options_.audience, options_.leeway_ms};
  const auto attempt = [&]() -> std::expected<json::Value, JwtRefusal> {
    if (!keys_) return std::unexpected(JwtRefusal{JwtFault::UnknownKey, "the issuer's keys cannot be read"});
    return verify_jwt(token, *keys_, rules, clock_.now_ms());
  };
  auto claims = attempt();
  const bool may_ask = clock_.now_ms() - asked_ms_ >= kAskAgainMs;
  if (!claims && claims.error().fault == JwtFault::UnknownKey && may_ask) {
    if (const auto read = read_keys(); read)
      claims = attempt();
    else
      log::warn(read.error().within("the issuer's keys").message);
  }
  if (!claims) return std::unexpected(claims.error().why);
  return outsider_of(*claims);
}

std::expected<Outsider, std::string> Oidc::outsider_of(const json::Value& claims) const {
  Outsider out;
  out.name = claims.text_or(options_.user_claim);
  if (out.name.empty() || out.name.size() > kMaxName || out.name.starts_with('@') || out.name.contains('\n'))
    return std::unexpected(text::format("its claim '{}' is no user's name", options_.user_claim));
  out.groups = texts_of(claims.find(options_.groups_claim));
  out.admin = !options_.admin_group.empty() && std::ranges::contains(out.groups, options_.admin_group);
  out.expires_ms = static_cast<std::int64_t>(claims.number_or("exp", 0) * 1000) + options_.leeway_ms;
  return out;
}

}  // namespace fettle::auth
