// Inside of the gate: lower bound of the ratio of two losses of the same rows.
//
// Fieller (1954): the ratios r for which mean(a) - r mean(b) is not significantly above 0, solved for the smallest;
// exact for normal means, where the delta method errs at few rows. Variances are cluster-robust (stats/clustered.h).
#pragma once

#include <cstdint>
#include <span>

namespace fettle::gate {

struct RatioBound {
  double ratio = 0;
  double lower = 0;  // 0 if the rows do not bound it
};

// One-sided at `alpha`; `groups` as in clustered_mean. REQUIRES: equal lengths, b >= 0.
[[nodiscard]] RatioBound ratio_lower_bound(std::span<const double> a, std::span<const double> b,
                                           std::span<const std::int64_t> groups, double alpha);

}  // namespace fettle::gate
