// Who asks and what they may do, as one immutable value that travels with the request.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "auth/grants.h"
#include "base/result.h"
#include "http/message.h"

namespace fettle::auth {

struct Rules {  // of one user, by kind, the deciding one first
  std::vector<Rule> experiments, models;
  [[nodiscard]] const std::vector<Rule>& on(Kind kind) const noexcept {
    return kind == Kind::Experiment ? experiments : models;
  }
};

class Identity final : public http::Caller {
 public:
  Identity(std::string name, std::string token, bool admin, Role ceiling, std::shared_ptr<const Rules> rules)
      : name_(std::move(name)), token_(std::move(token)), admin_(admin), ceiling_(ceiling), rules_(std::move(rules)) {}
  // Nobody: what a public route's caller is.
  [[nodiscard]] static std::shared_ptr<const Identity> nobody();

  [[nodiscard]] const std::string& name() const noexcept { return name_; }    // empty: nobody, or no access control
  [[nodiscard]] const std::string& token() const noexcept { return token_; }  // id of the API token used, if any
  // May do everything: an admin of the server (with a token that is not restricted), or anyone while access control is
  // off.
  [[nodiscard]] bool unrestricted() const noexcept { return admin_ && ceiling_ == Role::Admin; }
  [[nodiscard]] Role role(const Object& object) const noexcept;
  // Has at least `role` on something: what routes without one object ask for.
  [[nodiscard]] bool has_somewhere(Role role) const noexcept;
  // PermissionDenied that says what is missing.
  [[nodiscard]] Result<void> need(Role role, const Object& object) const;
  [[nodiscard]] Result<void> need_admin() const;
  // REQUIRES: !unrestricted(). A role of NoRole everywhere if the token's restriction leaves nothing.
  [[nodiscard]] const std::vector<Rule>& rules(Kind kind) const noexcept { return rules_->on(kind); }
  [[nodiscard]] Role ceiling() const noexcept { return ceiling_; }
  [[nodiscard]] bool admin() const noexcept { return admin_; }

 private:
  std::string name_, token_;
  bool admin_;
  Role ceiling_;  // no role beyond it, whatever is granted
  std::shared_ptr<const Rules> rules_;
};

// The request's caller; unrestricted while access control is off.
[[nodiscard]] const Identity& caller(const http::Request& request) noexcept;

}  // namespace fettle::auth
