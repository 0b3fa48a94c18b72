// How far apart are two distributions, whatever the sample size? Conventions are named, since one name means several
// numbers in the field.
//
// Counts are over the same bins; shares are counts over their sum. An empty sample gives 0.
#pragma once

#include <cstdint>
#include <span>

namespace fettle::stats {

using CountSpan = std::span<const std::uint64_t>;

// Jensen-Shannon: square root of the divergence (a metric). Base 2: 0 to 1. Nats: divided by sqrt(1 / ln 2).
[[nodiscard]] double js_distance(CountSpan a, CountSpan b);
[[nodiscard]] double js_distance_nats(CountSpan a, CountSpan b);
// Base 2, less what sampling alone is expected to add: sqrt(max(0, JS^2 - (k - 1)(1/n + 1/m) / (8 ln 2))), with k the
// bins that are not empty in both. Compares across bin counts and sample sizes.
[[nodiscard]] double js_distance_debiased(CountSpan a, CountSpan b);
// Population stability index: sum (p - q) ln(p / q), with `smoothing` added to every count of both samples.
[[nodiscard]] double psi(CountSpan a, CountSpan b, double smoothing = 0.5);
// Kullback-Leibler of a from b, nats, smoothed alike.
[[nodiscard]] double kl_divergence(CountSpan a, CountSpan b, double smoothing = 0.5);
[[nodiscard]] double hellinger(CountSpan a, CountSpan b);             // 0 to 1
[[nodiscard]] double total_variation(CountSpan a, CountSpan b);       // half the sum of |p - q|
[[nodiscard]] double largest_share_change(CountSpan a, CountSpan b);  // L-infinity of the shares
// Wasserstein-1 (earth mover's) distance of raw values, in their unit. Sorts copies.
[[nodiscard]] double wasserstein(std::span<const double> a, std::span<const double> b);

}  // namespace fettle::stats
