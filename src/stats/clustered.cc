#include "stats/clustered.h"

#include <algorithm>
#include <boost/math/distributions/students_t.hpp>
#include <cmath>
#include <limits>
#include <unordered_map>
#include <utility>
#include <vector>

namespace fettle::stats {
namespace {

constexpr std::uint64_t kDenseGroups = 4096;  // numbers of groups this close together are kept in an array
constexpr double kUnknownError = std::numeric_limits<double>::infinity();

double sum(std::span<const double> values) {
  double total = 0;
  for (const double value : values) total += value;
  return total;
}

struct Residuals {
  double squares = 0;  // sum over groups of (sum of residuals)^2
  std::uint64_t groups = 0;
};

// Groups whose numbers lie close together, as days do: an array instead of a map.
Residuals add_up_dense(std::span<const double> values, std::span<const std::int64_t> groups, double mean,
                       std::int64_t least, std::uint64_t range) {
  std::vector<double> sums(range + 1);
  std::vector<std::uint8_t> seen(range + 1);
  for (std::size_t i = 0; i < values.size(); ++i) {
    const auto at = static_cast<std::size_t>(groups[i] - least);
    sums[at] += values[i] - mean;
    seen[at] = 1;
  }
  Residuals out;
  for (const double residual : sums) out.squares += residual * residual;
  out.groups = static_cast<std::uint64_t>(std::ranges::count(seen, 1));
  return out;
}

Residuals add_up(std::span<const double> values, std::span<const std::int64_t> groups, double mean) {
  const auto [least, most] = std::ranges::minmax(groups);
  const auto range = static_cast<std::uint64_t>(most) - static_cast<std::uint64_t>(least);
  if (range < kDenseGroups) return add_up_dense(values, groups, mean, least, range);
  std::unordered_map<std::int64_t, double> sums;
  for (std::size_t i = 0; i < values.size(); ++i) sums[groups[i]] += values[i] - mean;
  Residuals out{0, sums.size()};
  for (const auto& [group, residual] : sums) out.squares += residual * residual;
  return out;
}

Residuals add_up(std::span<const double> values, double mean) {
  Residuals out{0, values.size()};
  for (const double value : values) out.squares += (value - mean) * (value - mean);
  return out;
}

double half_width(const ClusteredMean& mean, double alpha) {
  if (mean.groups < 2) return kUnknownError;
  const boost::math::students_t t(static_cast<double>(mean.groups - 1));
  return boost::math::quantile(boost::math::complement(t, alpha)) * mean.error;
}

}  // namespace

ClusteredMean clustered_mean(std::span<const double> values, std::span<const std::int64_t> groups) {
  ClusteredMean out{0, kUnknownError, values.size(), 0};
  if (values.empty()) return out;
  const auto n = static_cast<double>(values.size());
  out.mean = sum(values) / n;
  const auto [squares, count] = groups.empty() ? add_up(values, out.mean) : add_up(values, groups, out.mean);
  out.groups = count;
  if (count < 2) return out;
  const auto g = static_cast<double>(count);
  out.error = std::sqrt(g / (g - 1) * squares) / n;
  return out;
}

double upper_bound(const ClusteredMean& mean, double alpha) { return mean.mean + half_width(mean, alpha); }
double lower_bound(const ClusteredMean& mean, double alpha) { return mean.mean - half_width(mean, alpha); }

double p_greater(const ClusteredMean& mean, double hypothesis) {
  if (mean.groups < 2) return 1;
  if (mean.error == 0) return mean.mean > hypothesis ? 0 : 1;
  const boost::math::students_t t(static_cast<double>(mean.groups - 1));
  return boost::math::cdf(boost::math::complement(t, (mean.mean - hypothesis) / mean.error));
}

}  // namespace fettle::stats
