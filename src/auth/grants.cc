#include "auth/grants.h"

#include <algorithm>
#include <array>

#include "base/text.h"

namespace fettle::auth {
namespace {

constexpr std::array<std::string_view, 6> kRoles{"none", "predictor", "reader", "writer", "approver", "admin"};
constexpr std::array<std::string_view, 2> kKinds{"experiment", "model"};
constexpr std::size_t kMaxSubject = 250;
constexpr std::size_t kMaxPattern = 500;

std::unexpected<Error> bad_pattern(std::string_view text) {
  return fail(
      Code::InvalidArgument,
      text::format("'{}' is no pattern; write a name with one '*' (team-*), or a text between two (*churn*)", text));
}

// 0: the user's own, 1: a group's, 2: everybody's, -1: another's.
int closeness(const Grant& grant, std::string_view user, const std::vector<std::string>& groups) {
  if (!user.empty() && grant.subject == user) return 0;
  if (grant.subject == kEverybody) return 2;
  const auto is_group = [&](const std::string& group) {
    return grant.subject.size() == group.size() + 1 && grant.subject.ends_with(group);
  };
  return grant.subject.starts_with('@') && std::ranges::any_of(groups, is_group) ? 1 : -1;
}

}  // namespace

std::string_view name(Role role) noexcept { return kRoles[static_cast<std::size_t>(role)]; }
std::string_view name(Kind kind) noexcept { return kKinds[static_cast<std::size_t>(kind)]; }

std::optional<Role> parse_role(std::string_view text) noexcept {
  const auto found = std::ranges::find(kRoles, text);
  return found == kRoles.end() ? std::nullopt : std::optional(static_cast<Role>(found - kRoles.begin()));
}

std::optional<Kind> parse_kind(std::string_view text) noexcept {
  const auto found = std::ranges::find(kKinds, text);
  return found == kKinds.end() ? std::nullopt : std::optional(static_cast<Kind>(found - kKinds.begin()));
}

Result<Pattern> Pattern::parse(std::string_view text) {
  const auto stars = std::ranges::count(text, '*');
  if (text.size() > kMaxPattern || stars == 0 || stars > 2) return bad_pattern(text);
  const auto first = text.find('*'), last = text.rfind('*');
  Pattern out;
  if (stars == 1) {
    out.prefix = text.substr(0, first);
    out.suffix = text.substr(first + 1);
    return out;
  }
  if (first != 0 || last != text.size() - 1) return bad_pattern(text);
  out.inside = text.substr(1, last - 1);
  return out;
}

bool Pattern::matches(std::string_view name) const noexcept {
  if (!inside.empty()) return name.contains(inside);
  return name.size() >= prefix.size() + suffix.size() && name.starts_with(prefix) && name.ends_with(suffix);
}

Result<void> check(const Grant& grant) {
  if (grant.subject.empty() || grant.subject.size() > kMaxSubject || grant.subject == "@")
    return fail(Code::InvalidArgument, text::format("'{}' cannot be granted anything; name a user, '@group' or '{}'",
                                                    grant.subject, kEverybody));
  if (!grant.exact) return Pattern::parse(grant.on).transform([](const Pattern&) {});
  if (grant.on.empty() || grant.on.size() > kMaxPattern)
    return fail(Code::InvalidArgument, text::format("a grant on one {} names it", name(grant.kind)));
  if (grant.kind == Kind::Experiment && !text::parse_int(grant.on))
    return fail(Code::InvalidArgument, text::format("'{}' is no experiment id; it is a number", grant.on));
  return {};
}

bool Rule::matches(const Object& object) const noexcept {
  if (!exact) return pattern.matches(object.name);
  return value == (object.kind == Kind::Experiment ? object.id : object.name);
}

std::vector<Rule> rules(const std::vector<Grant>& grants, Kind kind, std::string_view user,
                        const std::vector<std::string>& groups) {
  struct Ranked {
    int closeness;
    Rule rule;
  };
  std::vector<Ranked> found;
  for (const auto& grant : grants) {
    const int close = grant.kind == kind ? closeness(grant, user, groups) : -1;
    if (close < 0) continue;
    Rule rule{.exact = grant.exact, .value = grant.exact ? grant.on : "", .pattern = {}, .role = grant.role};
    if (!grant.exact) {
      auto pattern = Pattern::parse(grant.on);
      if (!pattern) continue;  // checked when it was granted
      rule.pattern = *std::move(pattern);
    }
    found.push_back({close, std::move(rule)});
  }
  const auto rank = [](const Ranked& one) {
    return std::tuple(one.closeness, !one.rule.exact, -static_cast<std::int64_t>(one.rule.pattern.plain_characters()),
                      -static_cast<int>(one.rule.role), one.rule.value);
  };
  std::ranges::sort(found, {}, rank);
  std::vector<Rule> out;
  for (auto& one : found) out.push_back(std::move(one.rule));
  return out;
}

Role decide(const std::vector<Rule>& rules, const Object& object) noexcept {
  const auto found = std::ranges::find_if(rules, [&](const Rule& rule) { return rule.matches(object); });
  return found == rules.end() ? Role::NoRole : found->role;
}

}  // namespace fettle::auth
