// What the owner of an endpoint may set about its monitoring: `monitor:` of fettle.yaml.
#pragma once

#include <boost/describe.hpp>
#include <cstdint>
#include <string>
#include <vector>

namespace fettle::monitor {

// Every alarm needs two things: evidence (`alpha`, after correction for all tests of the window) and size (`min_...`).
// Defaults were chosen on weekly windows of 4,000 to 120,000 rows; see README.md.
struct Config {
  std::string label_name;              // of the outcome, for messages; empty = the model's output name
  std::vector<std::string> slices;     // of the reference's slices, those to look at; empty = all
  double alpha = 0.01;                 // false discovery rate a window and kind
  double min_drift = 0.1;              // debiased Jensen-Shannon distance, base 2
  double min_slice_shift = 0.5;        // of a feature's mean within a slice, in standard deviations
  double min_slice_share = 0.01;       // slices below this share of rows raise no drift alarm of their own
  double min_violation_share = 0.002;  // of rows breaking a data quality rule
  double min_calibration_gap = 0.05;   // |mean prediction - observed rate|
  double min_auc_drop = 0.08;          // below the held-out AUC
  double max_log_loss_ratio = 1.1;     // of (log loss / the constant's log loss) over the same ratio held out
  int consecutive = 2;                 // windows in a row before an alert opens; data quality opens at once
  int clear = 1;                       // windows in a row without the finding before it closes
  double min_outcome_share = 0.8;      // of predictions with an outcome, to judge concept drift and performance
  std::uint64_t min_rows = 500;        // of a window, to judge anything; of outcomes likewise
  std::uint64_t min_slice_rows = 30;   // of a slice, to look at it
  int min_days = 7;                    // of a window, to judge drift: a week, or weekdays alone would drift
  int min_outcome_days = 5;  // of a window's outcomes, to judge concept drift and performance: days are the units
};
BOOST_DESCRIBE_STRUCT(Config, (),
                      (label_name, slices, alpha, min_drift, min_slice_shift, min_slice_share, min_violation_share,
                       min_calibration_gap, min_auc_drop, max_log_loss_ratio, consecutive, clear, min_outcome_share,
                       min_rows, min_slice_rows, min_days, min_outcome_days))

}  // namespace fettle::monitor
