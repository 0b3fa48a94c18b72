// Signed tokens of an OpenID Connect issuer: which keys may sign, and what a token must say. Pure.
//
// Only RS256, ES256 and EdDSA, and only with a key whose type is that of the algorithm: a token cannot choose to be
// unsigned or to be "signed" with the public key. A token names its key by `kid`, which is looked up among the issuer's
// keys and used for nothing else; keys inside a token, or addresses of keys, are not looked at.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/signature.h"
#include "json/value.h"

namespace fettle::auth {

class KeySet {
 public:
  // A JSON Web Key Set. Keys for other uses or of other types are left out; InvalidArgument if none is left.
  [[nodiscard]] static Result<KeySet> parse(std::string_view jwks);
  // `kid` empty: the only key of that type. nullptr if there is none.
  [[nodiscard]] const PublicKey* find(std::string_view kid, PublicKey::Type type) const noexcept;
  [[nodiscard]] std::size_t size() const noexcept { return keys_.size(); }

 private:
  struct Named {
    std::string kid;
    PublicKey key;
  };
  std::vector<Named> keys_;
};

struct JwtRules {
  std::string issuer, audience;  // both are required of a token
  std::int64_t leeway_ms = 60'000;
};

enum class JwtFault : std::uint8_t { Invalid, UnknownKey };
struct JwtRefusal {
  JwtFault fault = JwtFault::Invalid;
  std::string why;
};

[[nodiscard]] bool looks_like_jwt(std::string_view token) noexcept;  // three parts
// The claims of a token that is signed and timely and meant for us.
[[nodiscard]] std::expected<json::Value, JwtRefusal> verify_jwt(std::string_view token, const KeySet& keys,
                                                                const JwtRules& rules, std::int64_t now_ms);

}  // namespace fettle::auth
