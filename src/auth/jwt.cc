#include "auth/jwt.h"

#include <algorithm>
#include <array>

#include "base/text.h"

namespace fettle::auth {
namespace {

constexpr std::size_t kMaxToken = 16U << 10U;
constexpr std::size_t kMaxKeySet = 1U << 20U;
constexpr double kMostSeconds = 1e11;  // a time beyond it is none

std::optional<std::string> from_base64url(std::string_view text) {
  std::string plain(text);
  if (plain.contains('+') || plain.contains('/') || plain.contains('=')) return std::nullopt;
  std::ranges::replace(plain, '-', '+');
  std::ranges::replace(plain, '_', '/');
  plain.resize((plain.size() + 3) / 4 * 4, '=');
  return text::from_base64(plain);
}

std::unexpected<JwtRefusal> refuse(std::string why, JwtFault fault = JwtFault::Invalid) {
  return std::unexpected(JwtRefusal{fault, std::move(why)});
}

std::optional<PublicKey::Type> type_of_algorithm(std::string_view algorithm) {
  constexpr std::array<std::pair<std::string_view, PublicKey::Type>, 3> kKnown{
      {{"RS256", PublicKey::Type::Rsa}, {"ES256", PublicKey::Type::P256}, {"EdDSA", PublicKey::Type::Ed25519}}};
  for (const auto& [name, type] : kKnown)
    if (name == algorithm) return type;
  return std::nullopt;
}

std::optional<PublicKey> key_of(const json::Value& jwk) {
  const auto part = [&](std::string_view name) { return from_base64url(jwk.text_or(name)).value_or(""); };
  const auto kind = jwk.text_or("kty"), curve = jwk.text_or("crv");
  Result<PublicKey> key = fail(Code::Unimplemented, "another type of key");
  if (kind == "RSA") key = PublicKey::rsa(part("n"), part("e"));
  if (kind == "EC" && curve == "P-256") key = PublicKey::p256(part("x"), part("y"));
  if (kind == "OKP" && curve == "Ed25519") key = PublicKey::ed25519(part("x"));
  if (!key) return std::nullopt;
  const auto algorithm = jwk.text_or("alg");
  if (!algorithm.empty() && type_of_algorithm(algorithm) != key->type()) return std::nullopt;
  return *std::move(key);
}

std::optional<std::int64_t> time_ms(const json::Value& claims, std::string_view name) {
  const auto* value = claims.find(name);
  if (value == nullptr || !value->is_number()) return std::nullopt;
  const auto seconds = value->as_double();
  if (!(seconds >= 0 && seconds < kMostSeconds)) return std::nullopt;
  return static_cast<std::int64_t>(seconds * 1000);
}

bool is_for(const json::Value& claims, const std::string& audience) {
  const auto* value = claims.find("aud");
  if (value == nullptr) return false;
  if (value->is_string()) return value->as_string() == audience;
  return value->is_array() && std::ranges::contains(value->as_array(), json::Value(audience));
}

std::optional<std::string> broken_rule(const json::Value& claims, const JwtRules& rules, std::int64_t now_ms) {
  if (claims.text_or("iss") != rules.issuer) return "its issuer (iss) is another";
  if (!is_for(claims, rules.audience)) return "it is not meant for this server (aud)";
  const auto expires = time_ms(claims, "exp");
  if (!expires) return "it has no time of expiry (exp)";
  if (*expires + rules.leeway_ms <= now_ms) return "it has expired (exp)";
  if (claims.find("nbf") != nullptr) {
    const auto from = time_ms(claims, "nbf");
    if (!from || *from - rules.leeway_ms > now_ms) return "it is not valid yet (nbf)";
  }
  return std::nullopt;
}

// Parsed JSON object of a token's part.
std::optional<json::Value> object_of(std::string_view part) {
  const auto text = from_base64url(part);
  if (!text || !text::is_utf8(*text)) return std::nullopt;
  auto value = json::parse(*text);
  if (!value || !value->is_object()) return std::nullopt;
  return *std::move(value);
}

}  // namespace

Result<KeySet> KeySet::parse(std::string_view jwks) {
  if (jwks.size() > kMaxKeySet) return fail(Code::InvalidArgument, "the key set is larger than 1 MiB");
  FETTLE_TRY(const auto document, json::parse(jwks, "key set"));
  KeySet out;
  if (const auto* keys = document.find("keys"); keys != nullptr && keys->is_array())
    for (const auto& jwk : keys->as_array()) {
      if (jwk.text_or("use", "sig") != "sig") continue;
      if (auto key = key_of(jwk)) out.keys_.push_back({jwk.text_or("kid"), *std::move(key)});
    }
  if (out.keys_.empty())
    return fail(Code::InvalidArgument, "the key set has no RSA, P-256 or Ed25519 key for signatures");
  return out;
}

const PublicKey* KeySet::find(std::string_view kid, PublicKey::Type type) const noexcept {
  const PublicKey* found = nullptr;
  for (const auto& named : keys_) {
    if (named.key.type() != type || (!kid.empty() && named.kid != kid)) continue;
    if (found != nullptr) return nullptr;  // not told apart
    found = &named.key;
  }
  return found;
}

bool looks_like_jwt(std::string_view token) noexcept { return std::ranges::count(token, '.') == 2; }

std::expected<json::Value, JwtRefusal> verify_jwt(std::string_view token, const KeySet& keys, const JwtRules& rules,
                                                  std::int64_t now_ms) {
  if (token.size() > kMaxToken) return refuse("it is larger than 16 KiB");
  if (!looks_like_jwt(token)) return refuse("it has not three parts");
  const auto first = token.find('.'), last = token.rfind('.');
  const auto header = object_of(token.substr(0, first));
  if (!header) return refuse("its header is no JSON object");
  const auto type = type_of_algorithm(header->text_or("alg"));
  if (!type) return refuse("its algorithm is not RS256, ES256 or EdDSA");
  if (header->find("crit") != nullptr) return refuse("its header has extensions that are not known (crit)");
  const auto* key = keys.find(header->text_or("kid"), *type);
  if (key == nullptr) return refuse("its key (kid) is not one of the issuer's", JwtFault::UnknownKey);
  const auto signature = from_base64url(token.substr(last + 1));
  if (!signature || !key->verifies(token.substr(0, last), *signature)) return refuse("its signature is wrong");
  auto claims = object_of(token.substr(first + 1, last - first - 1));
  if (!claims) return refuse("its claims are no JSON object");
  if (auto broken = broken_rule(*claims, rules, now_ms)) return refuse(*std::move(broken));
  return *std::move(claims);
}

}  // namespace fettle::auth
