// From a window that ended to its record and the alerts that it opens, keeps or closes. Pure.
//
// Day windows judge data quality, so that a broken input is known the day after; week windows judge drift, concept
// drift and performance, since days of one week differ by nature (a weekday is constant within a day).
#pragma once

#include <string>
#include <vector>

#include "control/moves.h"
#include "control/store.h"
#include "monitor/alerts.h"
#include "monitor/profile.h"

namespace fettle::control {

struct Observed {
  WindowRecord window;                        // all but its report
  const monitor::Profile* profile = nullptr;  // null: the bundle has no reference
  std::uint64_t predictions = 0, outcomes = 0;
  bool judge = false;                       // of the champion, and for the first time: may open and close alerts
  std::vector<monitor::AlertState> states;  // after the window before
  std::vector<AlertRecord> open;            // the endpoint's
};

[[nodiscard]] Changes watch(const Observed& facts, const monitor::Config& config, const When& when);

// Alerts of a model that no longer serves are closed: what they compared with is gone.
[[nodiscard]] Changes close_alerts(const std::vector<AlertRecord>& open, const std::string& why, const When& when);

}  // namespace fettle::control
