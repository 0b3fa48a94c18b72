// Finds out who asks: the guard of every listener while access control is on.
//
// Credentials are HTTP Basic (a user's password, or an API token in place of the password), Bearer (an API token, or an
// issuer's signed token), or the cookie of a session that login() began. What was verified once is found again in
// microseconds: tokens in the directory's snapshot, passwords and signed tokens in a cache by a keyed hash. What must
// be computed (argon2id, signatures) is computed by one thread of its own, never by a loop, so that a flood of wrong
// passwords costs one core at most and no request's worker.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "auth/audit.h"
#include "auth/directory.h"
#include "auth/oidc.h"
#include "auth/origin.h"
#include "base/clock.h"
#include "http/server.h"

namespace fettle::auth {

// While access control is off: only the checks of origin.h.
class OriginGuard final : public http::Guard {
 public:
  explicit OriginGuard(OriginRules rules) : rules_(std::move(rules)) {}
  [[nodiscard]] http::Admission admit(http::Request& request, http::Access access) override;
  void admit_later(http::Request& request, std::function<void(http::Admission)> done) override;

 private:
  OriginRules rules_;
};

struct AuthenticatorOptions {
  OriginRules origin;
  bool secure_cookies = false;                // over TLS only
  std::int64_t keep_audit_ms = 365 * kDayMs;  // older rows of the audit trail are removed
};

class Authenticator final : public http::Guard {
 public:
  // `directory` and `audit` are borrowed; `oidc` may be null.
  Authenticator(Directory& directory, Audit& audit, std::unique_ptr<Oidc> oidc, AuthenticatorOptions options,
                const Clock& clock);
  ~Authenticator() override;  // requests that still wait are dropped unanswered

  [[nodiscard]] http::Admission admit(http::Request& request, http::Access access) override;
  void admit_later(http::Request& request, std::function<void(http::Admission)> done) override;

  // A person's password for a session: `done` gets the answer to send, with the cookie, on another thread.
  void login(const http::Request& request, std::string user, std::string password,
             std::function<void(http::Response)> done);
  // Ends the session that the request's cookie names, if any; the answer takes the cookie away.
  [[nodiscard]] http::Response logout(const http::Request& request);

  // For gRPC: who an "authorization" value is, if that is known without computing much; never blocks. Unauthenticated
  // otherwise.
  [[nodiscard]] Result<std::shared_ptr<const Identity>> known(std::string_view authorization);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

// The answer to a refused request, in the shape of the API that was asked. 401 asks programs for HTTP Basic; browsers'
// scripts are not asked, since a browser would open a window of its own.
[[nodiscard]] http::Response refusal(const http::Request& request, const Error& error);
[[nodiscard]] std::string address_of(std::string_view peer);  // without the port

}  // namespace fettle::auth
