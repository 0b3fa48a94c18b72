#include "control/settings.h"

#include <algorithm>
#include <cmath>

#include "base/text.h"
#include "control/windows.h"
#include "json/describe.h"

namespace fettle::control {
namespace {

constexpr double kDefaultOutcomeDelayDays = 3;

// `outcome_delay_days` is ours; the rest is the monitor's.
Result<void> read_monitor(const json::Value& section, const std::string& where, Settings& settings) {
  double days = kDefaultOutcomeDelayDays;
  json::Value rest = json::Value::object();
  if (section.is_object())
    for (const auto& [key, value] : section.as_object()) {
      if (key != "outcome_delay_days") {
        rest.set(key, value);
        continue;
      }
      FETTLE_TRY(days, json::from_value<double>(value, where + ".outcome_delay_days"));
    }
  if (!(days >= 0 && days <= 366))
    return fail(Code::InvalidArgument, where + ".outcome_delay_days: must lie between 0 and 366");
  settings.outcome_delay_ms = static_cast<std::int64_t>(std::llround(days * static_cast<double>(kDayMs)));
  FETTLE_TRY(settings.monitor,
             json::from_value<monitor::Config>(section.is_null() ? json::Value::object() : rest, where));
  return {};
}

Result<void> check(const RetrainPolicy& policy, const std::string& where) {
  static const std::vector<std::string> kKinds{"data_quality", "drift", "concept_drift", "performance"};
  for (const auto& kind : policy.on)
    if (std::ranges::find(kKinds, kind) == kKinds.end())
      return fail(Code::InvalidArgument,
                  text::format("{}.on: '{}' is no kind of alert; there are {}", where, kind, text::join(kKinds, ", ")));
  if (!(policy.retry_days >= 0)) return fail(Code::InvalidArgument, where + ".retry_days: must be 0 or more");
  if (!(policy.cooldown_days >= 0)) return fail(Code::InvalidArgument, where + ".cooldown_days: must be 0 or more");
  return {};
}

}  // namespace

Result<rollout::Plan> read_plan(const json::Value& value, const rollout::Plan& otherwise, const std::string& where) {
  if (value.is_null() || value == json::Value::object()) return otherwise;
  FETTLE_TRY(auto plan, json::from_value<rollout::Plan>(value, where));
  if (const auto checked = plan.check(); !checked) return fail(checked.error().within(where));
  return plan;
}

Settings default_settings() {
  Settings settings;
  settings.outcome_delay_ms = static_cast<std::int64_t>(kDefaultOutcomeDelayDays) * kDayMs;
  settings.plan.steps = {{.percent = 5}, {.percent = 25}, {.percent = 100}};
  return settings;
}

Result<Settings> read_settings(const Project& project) {
  const auto where = text::format("project '{}': ", project.name);
  auto settings = default_settings();
  FETTLE_TRY_(read_monitor(project.monitor, where + "monitor", settings));
  FETTLE_TRY(settings.plan, read_plan(project.rollout, settings.plan, where + "rollout"));
  if (!project.retrain.is_null()) {
    FETTLE_TRY(settings.retrain, json::from_value<RetrainPolicy>(project.retrain, where + "retrain"));
  }
  FETTLE_TRY_(check(settings.retrain, where + "retrain"));
  return settings;
}

}  // namespace fettle::control
