#include "stats/divergence.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <vector>

#include "stats/counts.h"

namespace fettle::stats {
namespace {

// Sum over bins of term(share of a, share of b); 0 if a sample is empty.
template <typename Term>
double over_shares(CountSpan a, CountSpan b, Term term, double smoothing = 0) {
  const double extra = smoothing * static_cast<double>(a.size());
  const double n = total(a) + extra, m = total(b) + extra;
  if (n <= 0 || m <= 0) return 0;
  double sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i)
    sum += term((static_cast<double>(a[i]) + smoothing) / n, (static_cast<double>(b[i]) + smoothing) / m);
  return sum;
}

double part(double p, double mean) { return p > 0 ? p * std::log(p / mean) / 2 : 0; }

double js_divergence_nats(CountSpan a, CountSpan b) {
  const double sum = over_shares(a, b, [](double p, double q) { return part(p, (p + q) / 2) + part(q, (p + q) / 2); });
  return std::max(sum, 0.0);
}

double js_bias_bits(CountSpan a, CountSpan b) {
  double bins = 0;
  for (std::size_t i = 0; i < a.size(); ++i) bins += a[i] + b[i] > 0 ? 1 : 0;
  return (bins - 1) * (1 / total(a) + 1 / total(b)) / (8 * std::numbers::ln2);
}

}  // namespace

double js_distance_nats(CountSpan a, CountSpan b) { return std::sqrt(js_divergence_nats(a, b)); }

double js_distance(CountSpan a, CountSpan b) { return std::sqrt(js_divergence_nats(a, b) / std::numbers::ln2); }

double js_distance_debiased(CountSpan a, CountSpan b) {
  const double bits = js_divergence_nats(a, b) / std::numbers::ln2;
  return bits > 0 ? std::sqrt(std::max(0.0, bits - js_bias_bits(a, b))) : 0;
}

double psi(CountSpan a, CountSpan b, double smoothing) {
  return over_shares(a, b, [](double p, double q) { return p == q ? 0 : (p - q) * std::log(p / q); }, smoothing);
}

double kl_divergence(CountSpan a, CountSpan b, double smoothing) {
  return over_shares(a, b, [](double p, double q) { return p > 0 ? p * std::log(p / q) : 0; }, smoothing);
}

double hellinger(CountSpan a, CountSpan b) {
  const auto term = [](double p, double q) { return (std::sqrt(p) - std::sqrt(q)) * (std::sqrt(p) - std::sqrt(q)); };
  return std::sqrt(over_shares(a, b, term) / 2);
}

double total_variation(CountSpan a, CountSpan b) {
  return over_shares(a, b, [](double p, double q) { return std::abs(p - q); }) / 2;
}

double largest_share_change(CountSpan a, CountSpan b) {
  double largest = 0;
  over_shares(a, b, [&](double p, double q) { return largest = std::max(largest, std::abs(p - q)); });
  return largest;
}

double wasserstein(std::span<const double> a, std::span<const double> b) {
  if (a.empty() || b.empty()) return 0;
  std::vector<double> x(a.begin(), a.end()), y(b.begin(), b.end()), all(x);
  all.insert(all.end(), y.begin(), y.end());
  for (auto* values : {&x, &y, &all}) std::ranges::sort(*values);
  double sum = 0;
  std::size_t i = 0, j = 0;
  for (std::size_t k = 0; k + 1 < all.size(); ++k) {
    while (i < x.size() && x[i] <= all[k]) ++i;
    while (j < y.size() && y[j] <= all[k]) ++j;
    const double gap =
        static_cast<double>(i) / static_cast<double>(x.size()) - static_cast<double>(j) / static_cast<double>(y.size());
    sum += std::abs(gap) * (all[k + 1] - all[k]);
  }
  return sum;
}

}  // namespace fettle::stats
