#include "stats/distributions.h"

#include <boost/math/distributions/chi_squared.hpp>
#include <boost/math/distributions/normal.hpp>
#include <boost/math/distributions/students_t.hpp>
#include <boost/math/special_functions/beta.hpp>
#include <cmath>
#include <numbers>
#include <vector>

namespace fettle::stats {
namespace {

namespace policies = boost::math::policies;
using Policy =
    policies::policy<policies::promote_double<false>, policies::domain_error<policies::ignore_error>,
                     policies::pole_error<policies::ignore_error>, policies::overflow_error<policies::ignore_error>,
                     policies::evaluation_error<policies::ignore_error>>;

// A square matrix times a power of ten, so that entries of high powers neither overflow nor vanish.
struct Scaled {
  std::size_t size = 0;
  std::vector<double> values;
  int exponent = 0;
};

constexpr double kLarge = 1e140;

Scaled multiply(const Scaled& a, const Scaled& b) {
  const std::size_t m = a.size;
  Scaled out{m, std::vector<double>(m * m, 0.0), a.exponent + b.exponent};
  for (std::size_t i = 0; i < m; ++i)
    for (std::size_t k = 0; k < m; ++k)
      for (std::size_t j = 0; j < m; ++j) out.values[i * m + j] += a.values[i * m + k] * b.values[k * m + j];
  if (out.values[(m / 2) * m + m / 2] > kLarge) {
    for (auto& value : out.values) value /= kLarge;
    out.exponent += 140;
  }
  return out;
}

Scaled power(const Scaled& base, std::uint64_t n) {
  if (n == 1) return base;
  const Scaled half = power(base, n / 2);
  const Scaled square = multiply(half, half);
  return n % 2 == 0 ? square : multiply(base, square);
}

// H of the paper: d = (k - h) / n, m = 2k - 1.
Scaled transition(std::size_t k, double h) {
  const std::size_t m = 2 * k - 1;
  Scaled out{m, std::vector<double>(m * m, 0.0), 0};
  const auto at = [&](std::size_t i, std::size_t j) -> double& { return out.values[i * m + j]; };
  for (std::size_t i = 0; i < m; ++i)
    for (std::size_t j = 0; j < m; ++j) at(i, j) = i + 1 < j ? 0 : 1;
  for (std::size_t i = 0; i < m; ++i) {
    at(i, 0) -= std::pow(h, static_cast<double>(i + 1));
    at(m - 1, i) -= std::pow(h, static_cast<double>(m - i));
  }
  at(m - 1, 0) += 2 * h - 1 > 0 ? std::pow(2 * h - 1, static_cast<double>(m)) : 0;
  for (std::size_t i = 0; i < m; ++i)
    for (std::size_t j = 0; j <= i + 1 && j < m; ++j) at(i, j) /= std::tgamma(static_cast<double>(i + 2 - j));
  return out;
}

double exact_cdf(std::uint64_t n, double d) {
  const double nd = static_cast<double>(n) * d;
  const auto k = static_cast<std::size_t>(nd) + 1;
  const Scaled powered = power(transition(k, static_cast<double>(k) - nd), n);
  double value = powered.values[(k - 1) * powered.size + k - 1];
  int exponent = powered.exponent;
  for (std::uint64_t i = 1; i <= n; ++i) {
    value *= static_cast<double>(i) / static_cast<double>(n);
    if (value < 1 / kLarge) {
      value *= kLarge;
      exponent -= 140;
    }
  }
  return value * std::pow(10.0, exponent);
}

}  // namespace

double normal_sf(double z) { return std::erfc(z / std::numbers::sqrt2) / 2; }

double normal_quantile(double p) { return quantile(boost::math::normal_distribution<double, Policy>(), p); }

double student_t_two_sided(double t, double degrees) {
  if (!(degrees > 0) || std::isnan(t)) return std::nan("");
  if (std::isinf(t)) return 0;
  return 2 * cdf(complement(boost::math::students_t_distribution<double, Policy>(degrees), std::abs(t)));
}

double student_t_quantile(double p, double degrees) {
  return quantile(boost::math::students_t_distribution<double, Policy>(degrees), p);
}

double chi_squared_sf(double x, double degrees) {
  if (!(degrees > 0) || std::isnan(x)) return std::nan("");
  return cdf(complement(boost::math::chi_squared_distribution<double, Policy>(degrees), std::max(x, 0.0)));
}

double binomial_sf(std::uint64_t k, std::uint64_t n, double p) {
  if (k == 0) return 1;
  if (k > n) return 0;
  return boost::math::ibeta(static_cast<double>(k), static_cast<double>(n - k + 1), p, Policy());
}

double kolmogorov_sf(double x) {
  if (x <= 0) return 1;
  if (x < 1) {  // the theta-function form converges fast here
    double sum = 0;
    for (int k = 1; k <= 7; k += 2) sum += std::exp(-k * k * std::numbers::pi * std::numbers::pi / (8 * x * x));
    return 1 - std::sqrt(2 * std::numbers::pi) / x * sum;
  }
  double sum = 0;
  for (int k = 1; k <= 6; ++k) sum += (k % 2 == 1 ? 2 : -2) * std::exp(-2.0 * k * k * x * x);
  return sum;
}

double kolmogorov_smirnov_sf(std::uint64_t n, double d) {
  if (n == 0) return std::nan("");
  if (d >= 1) return 0;
  const double root = std::sqrt(static_cast<double>(n));
  if (n > 1000 || d * root > 4) return kolmogorov_sf(root * d);
  return d <= 0 ? 1 : 1 - exact_cdf(n, d);
}

}  // namespace fettle::stats
