#include "control/arm.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace fettle::control {
namespace {

constexpr double kSmallestProbability = 1e-7;  // about the resolution of a float near 1

}  // namespace

void LatencyHistogram::add(double us) noexcept {
  const double position = us > 0 ? (std::log2(us) - kLowest) * kPerDoubling : 0;
  ++counts_[static_cast<std::size_t>(std::clamp(position, 0.0, kBuckets - 1.0))];
  ++total_;
}

double LatencyHistogram::at_rank(double rank) const noexcept {
  double seen = 0;
  for (std::size_t i = 0; i < counts_.size(); ++i) {
    seen += counts_[i];
    if (seen >= rank && seen > 0) return std::exp2(static_cast<double>(i + 1) / kPerDoubling + kLowest);
  }
  return std::numeric_limits<double>::infinity();
}

double LatencyHistogram::quantile(double q) const noexcept {
  return total_ == 0 ? 0 : at_rank(std::ceil(q * static_cast<double>(total_)));
}

double LatencyHistogram::quantile_bound(double q, double z) const noexcept {
  const auto n = static_cast<double>(total_);
  return at_rank(std::max(n * q + z * std::sqrt(n * q * (1 - q)), 0.0));
}

void ArmCounts::add_prediction(std::uint64_t request, double latency_us, double output) noexcept {
  if (requests_ == 0 || request != last_request_) {
    last_request_ = request;
    last_failed_ = false;
    ++requests_;
    latency_.add(latency_us);
  }
  if (std::isfinite(output) || last_failed_) return;
  last_failed_ = true;
  ++errors_;
}

void ArmCounts::add_outcome(double loss) noexcept {
  if (std::isfinite(loss)) loss_.add(loss);
}

rollout::Arm ArmCounts::arm() const noexcept {
  return {.requests = requests_, .errors = errors_, .latency_p99_us = latency_.quantile(0.99), .loss = loss_};
}

double loss_of(double output, double label) noexcept {
  const bool probability = (label == 0 || label == 1) && output >= 0 && output <= 1;
  if (!probability) return (output - label) * (output - label);
  return -std::log(std::max(label == 1 ? output : 1 - output, kSmallestProbability));
}

}  // namespace fettle::control
