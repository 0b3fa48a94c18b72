#include "gate/verdict.h"

#include <algorithm>

#include "base/text.h"
#include "json/describe.h"

namespace fettle::gate {
namespace {

constexpr std::size_t kStatusWidth = 8;
constexpr std::size_t kNameWidth = 24;

std::string pad(std::string text, std::size_t width) {
  text.resize(std::max(text.size() + 1, width), ' ');
  return text;
}

std::string brief_number(double value) { return text::format("{:.4g}", value); }

std::string line_of(const Check& check) {
  auto line = "  " + pad(std::string(name(check.status)), kStatusWidth) + pad(check.name, kNameWidth) + check.message;
  if (check.value && check.threshold)
    line += text::format(" [{} against {} {}]", brief_number(*check.value), brief_number(*check.threshold), check.unit);
  return line + "\n";
}

std::vector<const Check*> worst_first(const Verdict& verdict) {
  std::vector<const Check*> checks;
  for (const auto& check : verdict.checks) checks.push_back(&check);
  std::ranges::stable_sort(checks, [](const auto* a, const auto* b) { return a->status > b->status; });
  return checks;
}

}  // namespace

Status worst(const std::vector<Check>& checks) noexcept {
  if (checks.empty()) return Status::Unknown;
  return std::ranges::max_element(checks, {}, &Check::status)->status;
}

bool stops(Status status) noexcept { return status >= Status::Unknown; }

std::string_view name(Status status) noexcept {
  constexpr std::string_view kNames[] = {"pass", "warn", "unknown", "fail"};
  return kNames[static_cast<std::size_t>(status)];
}

std::string summary(const Verdict& verdict) {
  std::vector<std::string> stopping;
  for (const auto* check : worst_first(verdict))
    if (stops(check->status)) stopping.push_back(check->name);
  const auto head = text::format("gate '{}': {}", verdict.suite, name(verdict.status));
  if (stopping.empty()) return text::format("{}, {} checks", head, verdict.checks.size());
  return text::format("{}: {} of {} checks stop this model: {}", head, stopping.size(), verdict.checks.size(),
                      text::join(stopping, ", "));
}

std::string report(const Verdict& verdict) {
  auto out = summary(verdict) + "\n";
  std::vector<std::string> passed;
  for (const auto* check : worst_first(verdict)) {
    if (check->status == Status::Pass) {
      passed.push_back(check->name);
      continue;
    }
    out += line_of(*check);
    if (!stops(check->status)) continue;
    const std::string indent(kStatusWidth + kNameWidth + 2, ' ');
    out += indent + "assumed: " + check->hypothesis + "\n" + indent + "method:  " + check->method + "\n";
  }
  if (!passed.empty()) out += "  passed: " + text::join(passed, ", ") + "\n";
  return out;
}

Result<Verdict> parse_verdict(std::string_view text, const std::string& where) {
  FETTLE_TRY(const auto value, json::parse(text, where));
  return json::from_value<Verdict>(value, where);
}

}  // namespace fettle::gate
