#include "gate/ratio.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "stats/clustered.h"

namespace fettle::gate {

RatioBound ratio_lower_bound(std::span<const double> a, std::span<const double> b, std::span<const std::int64_t> groups,
                             double alpha) {
  std::vector<double> difference(a.size());
  for (std::size_t i = 0; i < a.size(); ++i) difference[i] = a[i] - b[i];
  const auto mean_a = stats::clustered_mean(a, groups);
  const auto mean_b = stats::clustered_mean(b, groups);
  RatioBound out{mean_b.mean > 0 ? mean_a.mean / mean_b.mean : 1, 0};
  if (mean_a.groups < 2 || mean_a.error == 0) return out;
  const double t = (stats::upper_bound(mean_a, alpha) - mean_a.mean) / mean_a.error;
  const double difference_error = stats::clustered_mean(difference, groups).error;
  const double variance_a = mean_a.error * mean_a.error;
  const double variance_b = mean_b.error * mean_b.error;
  const double covariance = (variance_a + variance_b - difference_error * difference_error) / 2;
  // (mean_a - r mean_b)^2 = t^2 (variance_a - 2 r covariance + r^2 variance_b), a quadratic in r.
  const double square = mean_b.mean * mean_b.mean - t * t * variance_b;
  const double half_linear = mean_a.mean * mean_b.mean - t * t * covariance;
  const double constant = mean_a.mean * mean_a.mean - t * t * variance_a;
  const double root = half_linear * half_linear - square * constant;
  if (square > 0 && root >= 0) out.lower = std::max(0.0, (half_linear - std::sqrt(root)) / square);
  return out;
}

}  // namespace fettle::gate
