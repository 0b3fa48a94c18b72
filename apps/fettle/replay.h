// Recorded rows sent as live traffic, day by day; labels follow later as outcomes, by prediction id.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "base/result.h"
#include "replay_rows.h"

namespace fettle::cli {

struct ReplayTarget {
  std::string endpoint;
  std::string predict;      // http://host:port
  std::string control;      // where to settle after each day; empty = do not
  std::size_t batch = 250;  // rows a request
  int connections = 2;
  std::int64_t outcome_delay_days = 1;
};

struct ReplayedDay {
  std::int64_t start_ms = 0;
  std::size_t rows = 0, failed = 0, outcomes = 0;
  double seconds = 0;
};

struct ReplayTotals {
  std::size_t rows = 0, failed = 0, outcomes = 0, days = 0;
  std::string first_error;      // of those that failed
  std::string last_prediction;  // id of the last row that was answered
};

// Request ids are "<prefix>-<date>-<number>", so that the same rows sent again count once. A request that fails is
// counted; Unavailable, with what was done so far in the log, when the server does not answer at all.
[[nodiscard]] Result<ReplayTotals> replay(const ReplayRows& rows, const ReplayTarget& target,
                                          const std::string& id_prefix,
                                          const std::function<void(const ReplayedDay&, double fraction)>& on_day);

}  // namespace fettle::cli
