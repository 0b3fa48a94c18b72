#include "control/arm.h"

#include <algorithm>
#include <cmath>

namespace fettle::control {
namespace {

constexpr double kSmallestProbability = 1e-7;  // about the resolution of a float near 1

}  // namespace

void LatencyHistogram::add(double us) noexcept {
  const double position = us > 0 ? (std::log2(us) - kLowest) * kPerDoubling : 0;
  ++counts_[static_cast<std::size_t>(std::clamp(position, 0.0, kBuckets - 1.0))];
  ++total_;
}

double LatencyHistogram::quantile(double q) const noexcept {
  const auto wanted = static_cast<std::uint64_t>(std::ceil(q * static_cast<double>(total_)));
  std::uint64_t seen = 0;
  for (std::size_t i = 0; i < counts_.size() && total_ > 0; ++i) {
    seen += counts_[i];
    if (seen >= wanted) return std::exp2(static_cast<double>(i + 1) / kPerDoubling + kLowest);
  }
  return 0;
}

void ArmCounts::add_prediction(double latency_us) noexcept {
  ++requests_;
  latency_.add(latency_us);
}

rollout::Arm ArmCounts::arm() const noexcept {
  return {.requests = requests_, .errors = 0, .latency_p99_us = latency_.quantile(0.99), .loss = loss_};
}

double loss_of(double output, double label) noexcept {
  const bool probability = (label == 0 || label == 1) && output >= 0 && output <= 1;
  if (!probability) return (output - label) * (output - label);
  return -std::log(std::max(label == 1 ? output : 1 - output, kSmallestProbability));
}

}  // namespace fettle::control
