// How good scores of a binary outcome are: ranking (AUC), probability (log loss, Brier), calibration (ECE).
//
// Labels are 1 for the event, 0 for none (anything >= 0.5 counts as 1). All take spans of one length; no row = NaN.
#pragma once

#include <cstdint>
#include <span>

#include "stats/sequence.h"

namespace fettle::stats {

// Probabilities are clipped to [kMinProbability, 1 - kMinProbability] before a logarithm.
inline constexpr double kMinProbability = 1e-7;

// -ln of the probability given to what happened, nats.
[[nodiscard]] double log_loss_of(double probability, double label) noexcept;

// Area under the ROC curve; tied scores count one half. NaN while a class is missing. O(n log n).
[[nodiscard]] double auc(std::span<const float> scores, std::span<const double> labels);
[[nodiscard]] double log_loss(std::span<const float> scores, std::span<const double> labels);  // mean, nats
[[nodiscard]] double brier(std::span<const float> scores, std::span<const double> labels);     // mean squared error
// Expected calibration error over `bins` bins of equal count (ties stay together): sum of n_b/n |mean score - rate|.
[[nodiscard]] double expected_calibration_error(std::span<const float> scores, std::span<const double> labels,
                                                std::size_t bins = 10);
// Log loss of the best constant: the entropy of a rate, nats. 0 for a rate of 0 or 1.
[[nodiscard]] double constant_log_loss(double rate) noexcept;

struct AucEstimate {
  double auc = 0;
  double variance = 0;  // DeLong, DeLong, Clarke-Pearson 1988: sample variances of the placement values
};
[[nodiscard]] AucEstimate auc_delong(std::span<const float> scores, std::span<const double> labels);
// The same from counts of negatives and positives per bin of equal or near scores, ascending: O(bins), mergeable.
[[nodiscard]] AucEstimate auc_binned(std::span<const std::uint64_t> negatives,
                                     std::span<const std::uint64_t> positives);
// Two-sided interval of an AUC on the logit scale, so that it stays within (0, 1).
[[nodiscard]] Interval auc_interval(const AucEstimate& estimate, double alpha);

}  // namespace fettle::stats
