#include "auth/identity.h"

#include <algorithm>

#include "base/text.h"

namespace fettle::auth {
namespace {

std::string described(const Object& object) {
  if (object.kind == Kind::Experiment && object.name.empty()) return text::format("experiment {}", object.id);
  return text::format("{} '{}'", name(object.kind), object.name);
}

}  // namespace

std::shared_ptr<const Identity> Identity::nobody() {
  static const auto nobody =
      std::make_shared<const Identity>("", "", false, Role::NoRole, std::make_shared<const Rules>());
  return nobody;
}

Role Identity::role(const Object& object) const noexcept {
  return std::min(ceiling_, admin_ ? Role::Admin : decide(rules_->on(object.kind), object));
}

bool Identity::has_somewhere(Role role) const noexcept {
  if (ceiling_ < role) return false;
  const auto enough = [role](const Rule& rule) { return rule.role >= role; };
  return admin_ || std::ranges::any_of(rules_->experiments, enough) || std::ranges::any_of(rules_->models, enough);
}

Result<void> Identity::need(Role role, const Object& object) const {
  const auto has = this->role(object);
  if (has >= role) return {};
  return fail(
      Code::PermissionDenied,
      text::format("Permission denied: user '{}' needs role '{}' on {} and has '{}'{}; ask an admin to grant it", name_,
                   auth::name(role), described(object), auth::name(has),
                   has == ceiling_ && ceiling_ < Role::Admin ? " with this token" : ""));
}

Result<void> Identity::need_admin() const {
  if (unrestricted()) return {};
  return fail(Code::PermissionDenied,
              text::format("Permission denied: only an admin of this server may do that, and user '{}' is none{}",
                           name_, admin_ ? " with this token" : ""));
}

const Identity& caller(const http::Request& request) noexcept {
  static const Identity everything("", "", true, Role::Admin, std::make_shared<const Rules>());
  if (!request.caller) return everything;
  return static_cast<const Identity&>(*request.caller);
}

}  // namespace fettle::auth
