#include "stats/sequence.h"

#include <cmath>
#include <limits>

namespace fettle::stats {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

Interval around(double estimate, double half_width) { return {estimate, estimate - half_width, estimate + half_width}; }

double rate_variance(std::uint64_t hits, std::uint64_t n) {
  const double p = (static_cast<double>(hits) + 1) / (static_cast<double>(n) + 2);
  return p * (1 - p) / static_cast<double>(n);
}

}  // namespace

double sequence_half_width(double variance, std::uint64_t n, double alpha, double tuned_for) {
  const double log_alpha = -2 * std::log(alpha);
  const double r2 = (log_alpha + std::log(log_alpha + 1)) / tuned_for;
  const double nr2 = static_cast<double>(n) * r2;
  return std::sqrt(variance * 2 * (nr2 + 1) / nr2 * std::log(std::sqrt(nr2 + 1) / alpha));
}

Interval difference_sequence(const Moments& a, const Moments& b, double alpha, double tuned_for) {
  if (a.n < 2 || b.n < 2) return {b.mean - a.mean, -kInfinity, kInfinity};
  const double variance = a.variance() / static_cast<double>(a.n) + b.variance() / static_cast<double>(b.n);
  return around(b.mean - a.mean, sequence_half_width(variance, a.n + b.n, alpha, tuned_for));
}

Interval rate_difference_sequence(std::uint64_t hits_a, std::uint64_t n_a, std::uint64_t hits_b, std::uint64_t n_b,
                                  double alpha, double tuned_for) {
  if (n_a == 0 || n_b == 0) return {0, -kInfinity, kInfinity};
  const double difference =
      static_cast<double>(hits_b) / static_cast<double>(n_b) - static_cast<double>(hits_a) / static_cast<double>(n_a);
  const double variance = rate_variance(hits_a, n_a) + rate_variance(hits_b, n_b);
  return around(difference, sequence_half_width(variance, n_a + n_b, alpha, tuned_for));
}

}  // namespace fettle::stats
