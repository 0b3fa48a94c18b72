// People and programs that an OpenID Connect issuer knows: its signed bearer tokens are taken as logins.
//
// The issuer's keys come from a file or an address. They are read again when a token names an unknown key, at most once
// a minute, so that nobody can make this server ask the issuer at will. Not thread-safe: one thread asks.
#pragma once

#include <cstdint>
#include <expected>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "auth/jwt.h"
#include "base/clock.h"
#include "base/result.h"

namespace fettle::auth {

struct OidcOptions {
  std::string issuer, audience;
  std::string keys;     // of the issuer: a JSON Web Key Set's path, or its https:// address
  std::string ca_file;  // PEM: who may have signed the certificate of that address; empty = the system's
  std::string user_claim = "sub";
  std::string groups_claim = "groups";  // a list of texts, or one text
  std::string admin_group;              // who is in it is an admin of this server; empty = nobody is by a token
  std::int64_t leeway_ms = 60'000;
};

struct Outsider {  // who a token speaks for
  std::string name;
  std::vector<std::string> groups;
  bool admin = false;
  std::int64_t expires_ms = 0;
};

using KeySource = std::function<Result<std::string>()>;                  // a JSON Web Key Set
[[nodiscard]] Result<KeySource> key_source(const OidcOptions& options);  // InvalidArgument for http:// beyond loopback

class Oidc {
 public:
  // Reads the keys. An address that does not answer is asked again later; a file must be there.
  [[nodiscard]] static Result<std::unique_ptr<Oidc>> create(OidcOptions options, KeySource source, const Clock& clock);
  // Or why not. May read the keys again, hence block.
  [[nodiscard]] std::expected<Outsider, std::string> verify(std::string_view token);

 private:
  Oidc(OidcOptions options, KeySource source, const Clock& clock)
      : options_(std::move(options)), source_(std::move(source)), clock_(clock) {}
  [[nodiscard]] Result<void> read_keys();
  [[nodiscard]] std::expected<Outsider, std::string> outsider_of(const json::Value& claims) const;

  OidcOptions options_;
  KeySource source_;
  const Clock& clock_;
  std::optional<KeySet> keys_;
  std::int64_t asked_ms_ = 0;
};

}  // namespace fettle::auth
