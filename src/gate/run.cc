#include <algorithm>
#include <functional>

#include "base/text.h"
#include "gate/context.h"

namespace fettle::gate {
namespace {

using Function = Result<Check> (*)(const Context&);

struct Entry {
  std::string_view name;
  Function function;  // nullptr: latency, which needs a clock
};

constexpr Entry kChecks[] = {
    {"data.schema", check_schema},
    {"data.unseen", check_unseen},
    {"leakage.duplicates", check_duplicates},
    {"leakage.time", check_time},
    {"leakage.feature", check_feature},
    {"quality.constant", check_constant},
    {"quality.champion", check_champion},
    {"quality.bounds", check_bounds},
    {"slices.constant", check_slices},
    {"slices.champion", check_champion_slices},
    {"behaviour.robust", check_robustness},
    {"behaviour.determinism", check_determinism},
    {"behaviour.latency", nullptr},
};

Result<void> check_known(const std::vector<std::string>& names, std::string_view key) {
  for (const auto& name : names) {
    if (std::ranges::contains(check_names(), name)) continue;
    const auto hint = text::closest(name, check_names());
    return fail(Code::InvalidArgument, text::format("{}: there is no check '{}'; {}", key, name,
                                                    hint ? text::format("did you mean '{}'?", *hint)
                                                         : "the checks are " + text::join(check_names(), ", ")));
  }
  return {};
}

Result<void> check_suite(const Suite& suite) {
  FETTLE_TRY_(check_known(suite.allow_unknown, "allow_unknown"));
  FETTLE_TRY_(check_known(suite.skip, "skip"));
  if (suite.label.empty()) return fail(Code::InvalidArgument, "label: the suite must name the label's column");
  if (!(suite.alpha > 0 && suite.alpha < 0.5))
    return fail(Code::InvalidArgument,
                text::format("alpha: {} is no error rate; choose one between 0 and 0.5", suite.alpha));
  return {};
}

void allow(const Suite& suite, Check& check) {
  if (check.status != Status::Unknown || !std::ranges::contains(suite.allow_unknown, check.name)) return;
  check.status = Status::Warn;
  check.message += " (not known; the suite allows it)";
}

}  // namespace

const std::vector<std::string>& check_names() {
  static const auto names = [] {
    std::vector<std::string> out;
    for (const auto& entry : kChecks) out.emplace_back(entry.name);
    return out;
  }();
  return names;
}

Result<Verdict> run(const Suite& suite, const std::string& suite_name, const Inputs& inputs, const Clock& clock) {
  FETTLE_TRY_(check_suite(suite));
  FETTLE_TRY(const auto context, Context::create(suite, inputs));
  Verdict verdict;
  verdict.suite = suite_name;
  for (const auto& entry : kChecks) {
    if (std::ranges::contains(suite.skip, entry.name)) continue;
    auto check = entry.function != nullptr ? entry.function(context) : check_latency(context, clock);
    if (!check) return fail(check.error().within(entry.name));
    allow(suite, *check);
    verdict.checks.push_back(*std::move(check));
  }
  verdict.status = worst(verdict.checks);
  return verdict;
}

}  // namespace fettle::gate
