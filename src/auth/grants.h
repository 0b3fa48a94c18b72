// Grants: who has which role on what, and the one rule that says which grant decides. Pure.
//
// A grant's subject is a user ("ada"), a group that an OIDC token names ("@ml-team"), or everybody ("@everyone"). It is
// on one experiment (by id, so that renaming changes nothing) or model (by name), or on all whose name fits a pattern.
// Of the grants that fit an object, those of the user come before the groups', those before everybody's; then the one
// nearest to the name decides: the object itself, then the pattern with the most plain characters, then the higher
// role. Without any, NoRole. A search checks the same rules inside its query: see rules() and tracking::Scope.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "auth/role.h"
#include "base/result.h"

namespace fettle::auth {

inline constexpr std::string_view kEverybody = "@everyone";

// Which names a grant is on: with '*' for any characters, in one of the shapes "text*", "*text", "text*text", "*text*",
// "*". Nothing more, so that the same test can be made in SQL.
struct Pattern {
  // InvalidArgument for another shape, or one that is too long.
  [[nodiscard]] static Result<Pattern> parse(std::string_view text);
  [[nodiscard]] bool matches(std::string_view name) const noexcept;
  [[nodiscard]] std::size_t plain_characters() const noexcept { return prefix.size() + inside.size() + suffix.size(); }

  std::string prefix, inside, suffix;
};

struct Grant {
  std::string subject;
  Kind kind = Kind::Experiment;
  bool exact = false;  // `on` is an experiment's id or a model's name, not a pattern
  std::string on;
  Role role = Role::NoRole;
  bool operator==(const Grant&) const = default;
};

// InvalidArgument for an empty or over-long subject, a bad pattern, or an id that is no number.
[[nodiscard]] Result<void> check(const Grant& grant);

struct Rule {  // A grant of one user, ready to be tested.
  bool exact = false;
  std::string value;  // of exact ones
  Pattern pattern;    // of the others
  Role role = Role::NoRole;

  [[nodiscard]] bool matches(const Object& object) const noexcept;
};

// The grants on `kind` that count for a user, the deciding one first. `groups` without '@'.
[[nodiscard]] std::vector<Rule> rules(const std::vector<Grant>& grants, Kind kind, std::string_view user,
                                      const std::vector<std::string>& groups);
[[nodiscard]] Role decide(const std::vector<Rule>& rules, const Object& object) noexcept;

}  // namespace fettle::auth
