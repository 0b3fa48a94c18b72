#include "stats/inference.h"

#include <algorithm>
#include <boost/math/special_functions/beta.hpp>
#include <cmath>
#include <limits>
#include <numeric>

#include "stats/distributions.h"

namespace fettle::stats {
namespace {

constexpr double kUnbounded = std::numeric_limits<double>::infinity();

std::vector<double> step_up(std::span<const double> p, double factor) {
  const auto n = static_cast<double>(p.size());
  std::vector<std::size_t> order(p.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::ranges::sort(order, [&](std::size_t a, std::size_t b) { return p[a] < p[b]; });
  std::vector<double> q(p.size());
  double smallest = 1;
  for (std::size_t rank = p.size(); rank > 0; --rank) {
    const std::size_t at = order[rank - 1];
    smallest = std::min(smallest, p[at] * factor * n / static_cast<double>(rank));
    q[at] = smallest;
  }
  return q;
}

Moments pooled(std::span<const Moments> clusters) {
  Moments out;
  for (const auto& cluster : clusters) out.merge(cluster);
  return out;
}

}  // namespace

std::vector<double> benjamini_hochberg(std::span<const double> p) { return step_up(p, 1); }

std::vector<double> benjamini_yekutieli(std::span<const double> p) {
  double factor = 0;
  for (std::size_t i = 1; i <= p.size(); ++i) factor += 1 / static_cast<double>(i);
  return step_up(p, factor);
}

Interval clopper_pearson(std::uint64_t hits, std::uint64_t n, double alpha) {
  if (n == 0) return {0, 0, 1};
  const auto x = static_cast<double>(hits), size = static_cast<double>(n);
  Interval out{x / size, 0, 1};
  if (hits > 0) out.lower = boost::math::ibeta_inv(x, size - x + 1, alpha / 2);
  if (hits < n) out.upper = boost::math::ibeta_inv(x + 1, size - x, 1 - alpha / 2);
  return out;
}

Interval wilson(std::uint64_t hits, std::uint64_t n, double alpha) {
  if (n == 0) return {0, 0, 1};
  const auto size = static_cast<double>(n);
  const double p = static_cast<double>(hits) / size, z = normal_quantile(1 - alpha / 2), z2 = z * z;
  const double centre = (p + z2 / (2 * size)) / (1 + z2 / size);
  const double half = z / (1 + z2 / size) * std::sqrt(p * (1 - p) / size + z2 / (4 * size * size));
  return {p, std::max(0.0, centre - half), std::min(1.0, centre + half)};
}

Interval mean_interval(const Moments& values, double alpha) {
  if (values.n < 2) return {values.mean, -kUnbounded, kUnbounded};
  const auto n = static_cast<double>(values.n);
  const double half = student_t_quantile(1 - alpha / 2, n - 1) * std::sqrt(values.variance() / n);
  return {values.mean, values.mean - half, values.mean + half};
}

Interval clustered_mean_interval(std::span<const Moments> clusters, double alpha) {
  const Moments all = pooled(clusters);
  if (clusters.size() < 2 || all.n < 2) return {all.mean, -kUnbounded, kUnbounded};
  const auto count = static_cast<double>(clusters.size()), n = static_cast<double>(all.n);
  double squares = 0;
  for (const auto& cluster : clusters) {
    const double residual = static_cast<double>(cluster.n) * (cluster.mean - all.mean) / n;
    squares += residual * residual;
  }
  const double clustered = squares * count / (count - 1), by_rows = all.variance() / n;
  const double half = student_t_quantile(1 - alpha / 2, count - 1) * std::sqrt(std::max(clustered, by_rows));
  return {all.mean, all.mean - half, all.mean + half};
}

}  // namespace fettle::stats
