// One variant's figures since a rollout step began: requests, errors, latency, loss. Nothing here allocates.
#pragma once

#include <array>
#include <cstdint>

#include "rollout/canary.h"
#include "stats/moments.h"

namespace fettle::control {

// Quantiles of a latency within 9 %: eight buckets to each doubling, from 0.125 us to over an hour.
class LatencyHistogram {
 public:
  void add(double us) noexcept;
  [[nodiscard]] double quantile(double q) const noexcept;  // upper end of the bucket; 0 if empty
  // One end of the quantile's interval by its order statistics, `z` standard errors of the rank away (normal
  // approximation of the binomial); infinite where the sample is too small to bound it from above.
  [[nodiscard]] double quantile_bound(double q, double z) const noexcept;

 private:
  [[nodiscard]] double at_rank(double rank) const noexcept;
  static constexpr int kPerDoubling = 8, kLowest = -3, kBuckets = 36 * kPerDoubling;
  std::array<std::uint32_t, kBuckets> counts_{};
  std::uint64_t total_ = 0;
};

class ArmCounts {
 public:
  // Rows of one request come one after the other and share its latency, which counts once. A request with a row whose
  // output is no finite number is an error, once.
  void add_prediction(std::uint64_t request, double latency_us, double output) noexcept;
  // A loss that is no finite number belongs to an error, which was counted: it has no say in the mean.
  void add_outcome(double loss) noexcept;
  [[nodiscard]] rollout::Arm arm() const noexcept;
  // The end of the 99th percentile's interval that is `z` standard errors of its rank away.
  [[nodiscard]] double latency_p99_bound(double z) const noexcept { return latency_.quantile_bound(0.99, z); }

 private:
  std::uint64_t requests_ = 0, errors_ = 0, last_request_ = 0;
  bool last_failed_ = false;
  LatencyHistogram latency_;
  stats::Moments loss_;
};

// What a prediction cost once its label is known: log loss (nats) of a probability of a 0/1 label, else squared error.
[[nodiscard]] double loss_of(double output, double label) noexcept;

}  // namespace fettle::control
