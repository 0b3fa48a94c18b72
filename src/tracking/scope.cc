#include "tracking/scope.h"

#include <algorithm>

#include "base/text.h"

namespace fettle::tracking {
namespace {

std::ptrdiff_t characters(std::string_view text) {  // as SQL counts them
  return std::ranges::count_if(text, [](char c) { return (static_cast<unsigned char>(c) & 0xc0U) != 0x80U; });
}

// LIKE is not used: what it means by case and by '_' differs between databases.
Sql fits(const ScopeRule& rule, std::string_view name) {
  Sql out;
  if (!rule.inside.empty()) return out.add(text::format("replace({0}, ?, '') <> {0}", name), {rule.inside});
  const auto prefix = characters(rule.prefix), suffix = characters(rule.suffix);
  out.add(text::format("length({}) >= {}", name, prefix + suffix));
  if (prefix > 0) out.add(text::format(" AND substr({}, 1, {}) = ?", name, prefix), {rule.prefix});
  if (suffix > 0)
    out.add(text::format(" AND substr({0}, length({0}) - {1}, {2}) = ?", name, suffix - 1, suffix), {rule.suffix});
  return out;
}

// Neighbours that are exact and agree share one list.
using Iterator = std::vector<ScopeRule>::const_iterator;
Sql is_one_of(Iterator first, Iterator last, std::string_view column, ExactBy by) {
  Sql out;
  std::string marks;
  std::vector<Bound> values;
  for (auto rule = first; rule != last; ++rule) {
    marks += marks.empty() ? "?" : ", ?";
    if (by == ExactBy::Number)
      values.emplace_back(text::parse_int(*rule->exact).value_or(-1));
    else
      values.emplace_back(*rule->exact);
  }
  return out.add(text::format("{} IN ({})", column, marks), std::move(values));
}

}  // namespace

Sql where(const Scope& scope, std::string_view exact, ExactBy by, std::string_view name) {
  Sql out;
  if (scope.rules.empty()) return out.add(" AND 1 = 0");
  out.add(" AND CASE");
  for (auto rule = scope.rules.begin(); rule != scope.rules.end();) {
    auto next = rule + 1;
    while (rule->exact && next != scope.rules.end() && next->exact && next->visible == rule->visible) ++next;
    out.add(" WHEN ");
    out.add(rule->exact ? is_one_of(rule, next, exact, by) : fits(*rule, name));
    out.add(rule->visible ? " THEN 1" : " THEN 0");
    rule = next;
  }
  return out.add(" ELSE 0 END = 1");
}

}  // namespace fettle::tracking
