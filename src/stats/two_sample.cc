#include "stats/two_sample.h"

#include <algorithm>
#include <cmath>
#include <utility>
#include <vector>

#include "stats/counts.h"
#include "stats/distributions.h"

namespace fettle::stats {
namespace {

using Counts = std::span<const std::uint64_t>;

struct Cell {
  double a = 0, b = 0;
};

// Cells with something in them; those that expect less than `min_expected` in the smaller sample become one.
std::vector<Cell> pooled_cells(Counts a, Counts b, double min_expected) {
  const double n = total(a), m = total(b), smaller = std::min(n, m) / (n + m);
  std::vector<Cell> out;
  Cell rest;
  for (std::size_t i = 0; i < a.size(); ++i) {
    const Cell cell{static_cast<double>(a[i]), static_cast<double>(b[i])};
    if ((cell.a + cell.b) * smaller < min_expected)
      rest = {rest.a + cell.a, rest.b + cell.b};
    else if (cell.a + cell.b > 0)
      out.push_back(cell);
  }
  if (rest.a + rest.b > 0) out.push_back(rest);
  return out;
}

// Sum over cells and samples of term(observed, expected), with its chi-square law.
template <typename Term>
TestResult homogeneity(Counts a, Counts b, double min_expected, Term term) {
  const double n = total(a), m = total(b);
  if (n == 0 || m == 0) return {};
  const auto cells = pooled_cells(a, b, min_expected);
  if (cells.size() < 2) return {};
  TestResult out{.degrees = static_cast<double>(cells.size() - 1)};
  for (const auto& cell : cells) {
    const double both = cell.a + cell.b;
    out.statistic += term(cell.a, both * n / (n + m)) + term(cell.b, both * m / (n + m));
  }
  out.p = chi_squared_sf(out.statistic, out.degrees);
  return out;
}

}  // namespace

double ks_distance(std::span<const double> a, std::span<const double> b) {
  if (a.empty() || b.empty()) return 0;
  std::vector<double> x(a.begin(), a.end()), y(b.begin(), b.end());
  std::ranges::sort(x);
  std::ranges::sort(y);
  double distance = 0;
  for (std::size_t i = 0, j = 0; i < x.size() && j < y.size();) {
    const double at = std::min(x[i], y[j]);
    while (i < x.size() && x[i] == at) ++i;
    while (j < y.size() && y[j] == at) ++j;
    distance = std::max(distance, std::abs(static_cast<double>(i) / static_cast<double>(x.size()) -
                                           static_cast<double>(j) / static_cast<double>(y.size())));
  }
  return distance;
}

double ks_distance_binned(Counts a, Counts b) {
  const double n = total(a), m = total(b);
  if (n == 0 || m == 0) return 0;
  double below_a = 0, below_b = 0, distance = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    below_a += static_cast<double>(a[i]);
    below_b += static_cast<double>(b[i]);
    distance = std::max(distance, std::abs(below_a / n - below_b / m));
  }
  return distance;
}

// Share of lattice paths that stay within the band |i/n - j/m| < d (Hodges 1957; the recursion of R's psmirnov).
double ks_exact_p(double d, std::uint64_t n, std::uint64_t m) {
  if (n == 0 || m == 0) return 1;
  const auto rows = static_cast<double>(n), columns = static_cast<double>(m);
  const double band = (0.5 + std::floor(d * rows * columns - 1e-7)) / (rows * columns);
  std::vector<double> inside(m + 1);
  for (std::size_t j = 0; j <= m; ++j) inside[j] = static_cast<double>(j) / columns > band ? 0 : 1;
  for (std::size_t i = 1; i <= n; ++i) {
    const auto row = static_cast<double>(i);
    const double weight = row / (row + columns);
    inside[0] = row / rows > band ? 0 : weight * inside[0];
    for (std::size_t j = 1; j <= m; ++j) {
      const bool outside = std::abs(row / rows - static_cast<double>(j) / columns) > band;
      inside[j] = outside ? 0 : weight * inside[j] + inside[j - 1];
    }
  }
  return 1 - inside[m];
}

double ks_asymptotic_p(double d, std::uint64_t n, std::uint64_t m) {
  if (n == 0 || m == 0) return 1;
  const double effective = static_cast<double>(n) * static_cast<double>(m) / static_cast<double>(n + m);
  return kolmogorov_smirnov_sf(static_cast<std::uint64_t>(std::max(1.0, std::nearbyint(effective))), d);
}

TestResult chi_square(Counts a, Counts b, double min_expected) {
  return homogeneity(a, b, min_expected,
                     [](double seen, double expected) { return (seen - expected) * (seen - expected) / expected; });
}

TestResult g_test(Counts a, Counts b) {
  return homogeneity(
      a, b, 0, [](double seen, double expected) { return seen > 0 ? 2 * seen * std::log(seen / expected) : 0.0; });
}

TestResult welch_t(const Moments& a, const Moments& b) {
  if (a.n < 2 || b.n < 2) return {};
  const double va = a.variance() / static_cast<double>(a.n), vb = b.variance() / static_cast<double>(b.n);
  const double difference = a.mean - b.mean;
  if (va + vb <= 0) return {.statistic = 0, .p = difference == 0 ? 1.0 : 0.0};
  const double degrees =
      (va + vb) * (va + vb) / (va * va / static_cast<double>(a.n - 1) + vb * vb / static_cast<double>(b.n - 1));
  const double t = difference / std::sqrt(va + vb);
  return {t, student_t_two_sided(t, degrees), degrees};
}

TestResult two_proportion_z(std::uint64_t hits_a, std::uint64_t n_a, std::uint64_t hits_b, std::uint64_t n_b) {
  if (n_a == 0 || n_b == 0) return {};
  const auto na = static_cast<double>(n_a), nb = static_cast<double>(n_b);
  const double pooled = static_cast<double>(hits_a + hits_b) / (na + nb);
  const double error = std::sqrt(pooled * (1 - pooled) * (1 / na + 1 / nb));
  if (error <= 0) return {};
  const double z = (static_cast<double>(hits_a) / na - static_cast<double>(hits_b) / nb) / error;
  return {z, 2 * normal_sf(std::abs(z)), 0};
}

}  // namespace fettle::stats
