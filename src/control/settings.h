// What a project says about its endpoint, read from the sections that `fettle apply` sent. Pure.
#pragma once

#include "base/result.h"
#include "control/records.h"
#include "control/retrain.h"
#include "monitor/config.h"
#include "rollout/canary.h"

namespace fettle::control {

struct Settings {
  monitor::Config monitor;
  std::int64_t outcome_delay_ms = 0;  // monitor.outcome_delay_days; default 3
  rollout::Plan plan;
  RetrainPolicy retrain;
};

// InvalidArgument names the key, e.g. "project 'flights': rollout.steps[1].percent: ...". Null sections: defaults.
[[nodiscard]] Result<Settings> read_settings(const Project& project);
[[nodiscard]] Settings default_settings();
// A plan as JSON; null = `otherwise`.
[[nodiscard]] Result<rollout::Plan> read_plan(const json::Value& value, const rollout::Plan& otherwise,
                                              const std::string& where);

}  // namespace fettle::control
