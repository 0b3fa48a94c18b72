// From reports to alerts: which to open, keep and close. Pure: state in, state out; the caller stores it.
//
// Rules: (1) data quality opens at the first window that finds it, and so does drift of an input that breaks a data
// quality rule in the same window; all else after `consecutive` windows in a row. (2) An open alert closes after
// `clear` judged windows without its finding. (3) A window that could not judge a kind (too few rows or outcomes)
// neither counts for nor against it. (4) One state per (kind, subject). Keep one state list per endpoint, bundle and
// kind of window: a new bundle has a new reference, hence a fresh list.
#pragma once

#include <boost/describe.hpp>
#include <cstdint>
#include <string>
#include <vector>

#include "monitor/report.h"

namespace fettle::monitor {

struct Finding {
  std::string kind;      // "data_quality", "drift", "concept_drift", "performance"
  std::string subject;   // "distance", "distance where origin = ATL", "late_probability"
  std::string severity;  // "critical", "warning"
  std::string message;   // one sentence with the figures
  bool operator==(const Finding&) const = default;
};
BOOST_DESCRIBE_STRUCT(Finding, (), (kind, subject, severity, message))

struct AlertState {
  std::string kind, subject;
  int found = 0;  // judged windows in a row with the finding
  int quiet = 0;  // judged windows in a row without it
  bool open = false;
  bool operator==(const AlertState&) const = default;
};
BOOST_DESCRIBE_STRUCT(AlertState, (), (kind, subject, found, quiet, open))

// Everything that alarms in one window, one finding a (kind, subject), most severe first. `output_name`: the model's.
[[nodiscard]] std::vector<Finding> findings(const WindowReport& report, const Config& config,
                                            const std::string& output_name);

struct AlertDecision {
  std::vector<AlertState> states;  // to hand in with the next window
  std::vector<Finding> opened;
  std::vector<Finding> kept;       // open before and found again: update the message
  std::vector<AlertState> closed;  // were open
};
[[nodiscard]] AlertDecision decide_alerts(const std::vector<AlertState>& previous, const WindowReport& report,
                                          const Config& config, const std::string& output_name);

}  // namespace fettle::monitor
