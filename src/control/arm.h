// One variant's figures since a rollout step began: rows, latency, loss. Mergeable; add() does not allocate.
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

 private:
  static constexpr int kPerDoubling = 8, kLowest = -3, kBuckets = 36 * kPerDoubling;
  std::array<std::uint32_t, kBuckets> counts_{};
  std::uint64_t total_ = 0;
};

class ArmCounts {
 public:
  void add_prediction(double latency_us) noexcept;
  void add_outcome(double loss) noexcept { loss_.add(loss); }
  [[nodiscard]] rollout::Arm arm() const noexcept;

 private:
  std::uint64_t requests_ = 0;
  LatencyHistogram latency_;
  stats::Moments loss_;
};

// What a prediction cost once its label is known: log loss (nats) of a probability of a 0/1 label, else squared error.
[[nodiscard]] double loss_of(double output, double label) noexcept;

}  // namespace fettle::control
