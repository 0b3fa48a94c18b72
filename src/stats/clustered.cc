#include "stats/clustered.h"

#include <boost/math/distributions/students_t.hpp>
#include <cmath>
#include <limits>
#include <unordered_map>

namespace fettle::stats {
namespace {

constexpr double kUnknownError = std::numeric_limits<double>::infinity();

double sum(std::span<const double> values) {
  double total = 0;
  for (const double value : values) total += value;
  return total;
}

// Sum of squares of the groups' summed residuals, and how many groups there are.
std::pair<double, std::uint64_t> squared_group_residuals(std::span<const double> values,
                                                         std::span<const std::int64_t> groups, double mean) {
  double squares = 0;
  if (groups.empty()) {
    for (const double value : values) squares += (value - mean) * (value - mean);
    return {squares, values.size()};
  }
  std::unordered_map<std::int64_t, double> residuals;
  for (std::size_t i = 0; i < values.size(); ++i) residuals[groups[i]] += values[i] - mean;
  for (const auto& [group, residual] : residuals) squares += residual * residual;
  return {squares, residuals.size()};
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
  const auto [squares, count] = squared_group_residuals(values, groups, out.mean);
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
