// Users, API tokens and grants: kept in SQL, read from an immutable snapshot that every change replaces.
//
// A request never waits for SQL here: it looks at the snapshot. Changes are rare and write one transaction, then load
// the snapshot anew. Thread-safe. Errors: NotFound, AlreadyExists, InvalidArgument (a rule of names), and
// FailedPrecondition for a change that would leave the server without an admin.
#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "auth/grants.h"
#include "auth/identity.h"
#include "base/clock.h"
#include "base/result.h"
#include "sql/database.h"

namespace fettle::auth {

inline constexpr std::string_view kOwnName = "fettle";  // of children of the server; no user has it

struct User {
  std::int64_t id = 0;
  std::string name;
  std::string hash;  // argon2id; never shown
  bool admin = false;
  std::int64_t created_ms = 0;
};

// A token acts for its owner, with no role beyond its ceiling. A session is the token that a browser holds as a cookie.
struct Token {
  std::string id, owner, name;
  std::string digest;  // SHA-256 of the token, hex; never shown
  bool session = false;
  Role ceiling = Role::Admin;
  std::int64_t created_ms = 0;
  std::int64_t expires_ms = 0;  // 0 = never
  std::int64_t used_ms = 0;     // 0 = never, else right to a minute
};

struct NewToken {
  std::string owner, name;
  bool session = false;
  Role ceiling = Role::Admin;
  std::int64_t lifetime_ms = 0;  // 0 = for ever
};
struct IssuedToken {
  Token token;
  std::string secret;  // shown once
};

struct Snapshot {
  struct Known {
    User user;
    std::shared_ptr<const Identity> identity;
  };
  struct KnownToken {
    Token token;
    std::shared_ptr<const Identity> identity;
  };
  std::uint64_t version = 0;  // rises with every change
  std::map<std::string, Known, std::less<>> users;
  std::unordered_map<std::string, KnownToken> tokens;  // by digest
  std::vector<Grant> grants;

  // What a user who is known elsewhere (OIDC) may do here.
  [[nodiscard]] std::shared_ptr<const Rules> rules_of(std::string_view user,
                                                      const std::vector<std::string>& groups) const;
};

class Directory {
 public:
  [[nodiscard]] static sql::Migrations migrations();
  [[nodiscard]] static Result<std::unique_ptr<Directory>> open(sql::Database& database, const Clock& clock);

  [[nodiscard]] std::shared_ptr<const Snapshot> snapshot() const { return snapshot_.load(); }

  [[nodiscard]] Result<User> create_user(const std::string& name, std::string_view password, bool admin);
  // Ends the user's sessions.
  [[nodiscard]] Result<void> set_password(const std::string& name, std::string_view password);
  [[nodiscard]] Result<void> set_admin(const std::string& name, bool admin);
  [[nodiscard]] Result<void> delete_user(const std::string& name);  // with tokens and grants
  [[nodiscard]] Result<User> user(std::string_view name) const;

  [[nodiscard]] Result<IssuedToken> issue(const NewToken& wanted);
  // `owner` empty: whose ever. NotFound if it is another's.
  [[nodiscard]] Result<void> revoke(const std::string& id, const std::string& owner = "");
  [[nodiscard]] std::vector<Token> tokens(const std::string& owner = "") const;  // without sessions; newest first
  // Remembered in memory, written by flush().
  void note_use(const std::string& digest) const;
  [[nodiscard]] Result<void> flush();  // last uses; removes expired tokens

  // A token that lives in memory only: for children of this process. Acts as `name`, with `role` on everything.
  [[nodiscard]] IssuedToken issue_internal(const std::string& name, Role role);
  void revoke_internal(const IssuedToken& issued);

  [[nodiscard]] Result<void> grant(const Grant& grant);         // replaces the one on the same object or pattern
  [[nodiscard]] Result<void> revoke_grant(const Grant& grant);  // its role does not matter
  [[nodiscard]] std::vector<Grant> grants() const { return snapshot()->grants; }
  [[nodiscard]] Result<void> rename_model(const std::string& from, const std::string& to);  // exact grants follow
  [[nodiscard]] Result<void> forget(Kind kind, const std::string& on);  // exact grants on what is gone

 private:
  Directory(sql::Database& database, const Clock& clock) noexcept : database_(database), clock_(clock) {}
  [[nodiscard]] Result<void> change(const std::function<Result<void>(sql::Session&)>& work);
  [[nodiscard]] Result<void> load();
  [[nodiscard]] Result<void> check_admin_left(sql::Session& session) const;

  sql::Database& database_;
  const Clock& clock_;
  std::mutex changing_;  // one change at a time, so that snapshots appear in order
  std::vector<Snapshot::KnownToken> internal_;
  std::atomic<std::shared_ptr<const Snapshot>> snapshot_;
  mutable std::mutex uses_mutex_;
  mutable std::unordered_map<std::string, std::int64_t> uses_;  // digest -> time, not yet written
};

}  // namespace fettle::auth
