// Mean of values that come in groups which share something (the rows of one day share its weather), and its bounds.
//
// Cluster-robust variance of a mean, CR1: V = G/(G-1) * sum over groups of (sum of residuals)^2 / n^2, Student's t with
// G - 1 degrees of freedom (Cameron, Miller, "A Practitioner's Guide to Cluster-Robust Inference", 2015, sections II
// and VI). Assumes independent groups; within a group anything goes. Groups of one value each give the ordinary mean.
#pragma once

#include <cstdint>
#include <span>

namespace fettle::stats {

struct ClusteredMean {
  double mean = 0;
  double error = 0;  // standard error; infinite with fewer than two groups
  std::uint64_t n = 0;
  std::uint64_t groups = 0;
};

// `groups[i]` names the group of `values[i]`: any numbers. Empty: each value is its own group.
[[nodiscard]] ClusteredMean clustered_mean(std::span<const double> values, std::span<const std::int64_t> groups = {});

// One-sided bounds, each wrong at most `alpha` of the time (asymptotically in the groups). Infinite if unknown.
[[nodiscard]] double upper_bound(const ClusteredMean& mean, double alpha);
[[nodiscard]] double lower_bound(const ClusteredMean& mean, double alpha);
// P(a mean this high or higher | the true mean is `hypothesis` or lower); 1 if unknown.
[[nodiscard]] double p_greater(const ClusteredMean& mean, double hypothesis);

}  // namespace fettle::stats
