// Always-valid intervals: they may be looked at after every observation and still err at most `alpha` of the time.
//
// Normal-mixture confidence sequence, asymptotic (Waudby-Smith, Arbour, Sinha, Kennedy, Ramdas 2023): for an estimate
// with variance V after n observations, half width sqrt(V * 2 (n r^2 + 1) / (n r^2) * ln(sqrt(n r^2 + 1) / alpha)),
// with r^2 chosen to be narrowest near n = `tuned_for`. Needs a few dozen observations for the normal approximation.
#pragma once

#include <cstdint>

#include "stats/moments.h"

namespace fettle::stats {

struct Interval {
  double estimate = 0, lower = 0, upper = 0;
};

inline constexpr double kTunedFor = 5000;

// Half width for an estimator with variance `variance` (of the estimate itself) after `n` observations.
[[nodiscard]] double sequence_half_width(double variance, std::uint64_t n, double alpha, double tuned_for = kTunedFor);
// Mean of b minus mean of a, independent samples. Infinite bounds while either has fewer than two values.
[[nodiscard]] Interval difference_sequence(const Moments& a, const Moments& b, double alpha,
                                           double tuned_for = kTunedFor);
// Rate of b minus rate of a, from counts. One success and one failure are added to each variance, so that a rate of 0
// or 1 is not taken for certain.
[[nodiscard]] Interval rate_difference_sequence(std::uint64_t hits_a, std::uint64_t n_a, std::uint64_t hits_b,
                                                std::uint64_t n_b, double alpha, double tuned_for = kTunedFor);

}  // namespace fettle::stats
