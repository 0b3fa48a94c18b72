// What a window says, kept apart by kind: data quality, drift of inputs and output, concept drift, performance.
//
// Pure: a Profile and a Config give one WindowReport. An alarm needs evidence (a corrected p-value or an interval) and
// size (a smallest change worth a person's time); each figure is reported whether or not it alarms.
//   data quality   P(as many rows break the rule | the reference's own rate, its Clopper-Pearson upper bound), BH
//   drift          chi-square homogeneity on the reference's bins, BH over inputs; effect = debiased JS distance
//   slice drift    Welch's t on an input's mean within a slice, BH over all; effect = shift in standard deviations
//   concept drift  mean of output - label, days as clusters (Student's t over days); predictions above observations > 0
//   performance    log loss over the window's own constant: above 1, or above the held-out ratio by more than allowed;
//                  AUC against the held-out AUC. Of the rows seen, hence rows are the units here
// A window of fewer than `min_days` days is no fair sample of a reference that spans whole weeks (its weekdays alone
// would drift), so it is judged by data quality only; the other figures are shown, without alarms.
#pragma once

#include <boost/describe.hpp>
#include <cstdint>
#include <string>
#include <vector>

#include "monitor/config.h"
#include "monitor/profile.h"

namespace fettle::monitor {

struct QualityFinding {
  std::string feature;
  std::string rule;        // "missing", "unseen_category", "non_finite", "out_of_range", "constant_per"
  std::uint64_t rows = 0;  // that broke it
  double share = 0;        // of the window's rows
  double reference_share = 0;
  std::string slice;        // "origin = ATL": where it concentrates; empty if nowhere
  double slice_share = 0;   // of the slice's rows that broke the rule
  double slice_of_all = 0;  // of all violations that lie in the slice
  std::string example;      // unknown text, for unseen categories
  double p = 1, q = 1;
  bool alarm = false;
};
BOOST_DESCRIBE_STRUCT(QualityFinding, (),
                      (feature, rule, rows, share, reference_share, slice, slice_share, slice_of_all, example, p, q,
                       alarm))

struct DriftFinding {
  std::string feature;
  std::string slice;  // "origin = ATL"; empty for all rows
  std::uint64_t rows = 0;
  double effect = 0;  // whole: debiased Jensen-Shannon distance, base 2 (0 to 1); slice: shift of the mean in sd of the
                      // slice in the reference
  double ks = 0;      // largest gap between the cumulative shares, at bin edges; 0 for categories
  double psi = 0;     // population stability index, 0.5 added to each count
  double mean = 0, reference_mean = 0;  // numeric inputs
  double p = 1, q = 1;
  bool alarm = false;
};
BOOST_DESCRIBE_STRUCT(DriftFinding, (), (feature, slice, rows, effect, ks, psi, mean, reference_mean, p, q, alarm))

struct ConceptDrift {
  std::uint64_t n = 0;
  std::uint64_t days = 0;
  double predicted_mean = 0, observed_mean = 0;
  double gap = 0, lower = 0, upper = 0;  // predicted - observed, with its interval at 1 - alpha
  double ece = 0;                        // expected calibration error over tenths of the score
  bool alarm = false;
};
BOOST_DESCRIBE_STRUCT(ConceptDrift, (), (n, days, predicted_mean, observed_mean, gap, lower, upper, ece, alarm))

struct Performance {
  std::uint64_t n = 0;
  double log_loss = 0, log_loss_lower = 0, log_loss_upper = 0;
  double log_loss_constant = 0;  // of the window's own observed rate: what a model without skill would reach
  double auc = 0, auc_lower = 0, auc_upper = 0;
  double brier = 0;
  double reference_log_loss = 0, reference_log_loss_constant = 0, reference_auc = 0;  // held out
  std::string reason;  // why it alarms, in words; empty if it does not
  bool alarm = false;
};
BOOST_DESCRIBE_STRUCT(Performance, (),
                      (n, log_loss, log_loss_lower, log_loss_upper, log_loss_constant, auc, auc_lower, auc_upper, brier,
                       reference_log_loss, reference_log_loss_constant, reference_auc, reason, alarm))

struct WindowReport {
  std::uint64_t rows = 0, malformed = 0, outcomes = 0;
  double outcome_share = 0;
  std::uint64_t days = 0;        // UTC days with predictions
  bool quality_judged = false;   // enough rows: data quality was tested
  bool drift_judged = false;     // and enough days: drift was tested
  bool outcomes_judged = false;  // enough outcomes over enough days: concept drift and performance were tested
  std::string waiting_for;       // what is missing to judge, in words; empty if nothing
  std::vector<QualityFinding> data_quality;  // every rule that any row broke
  std::vector<DriftFinding> drift;           // every input, then the slices that alarm or come closest
  DriftFinding output_drift;
  ConceptDrift concept_drift;
  Performance performance;
};
BOOST_DESCRIBE_STRUCT(WindowReport, (),
                      (rows, malformed, outcomes, outcome_share, days, quality_judged, drift_judged, outcomes_judged,
                       waiting_for, data_quality, drift, output_drift, concept_drift, performance))

[[nodiscard]] WindowReport report(const Profile& profile, const Config& config);

}  // namespace fettle::monitor
