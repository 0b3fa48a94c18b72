#include "stats/metrics.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <vector>

#include "stats/counts.h"
#include "stats/distributions.h"

namespace fettle::stats {
namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

bool happened(double label) { return label >= 0.5; }

std::vector<std::size_t> by_score(std::span<const float> scores) {
  std::vector<std::size_t> order(scores.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::ranges::sort(order, [&](std::size_t a, std::size_t b) { return scores[a] < scores[b]; });
  return order;
}

template <typename Loss>
double mean_loss(std::span<const float> scores, std::span<const double> labels, Loss loss) {
  if (scores.empty()) return kNaN;
  double sum = 0;
  for (std::size_t i = 0; i < scores.size(); ++i) sum += loss(static_cast<double>(scores[i]), labels[i]);
  return sum / static_cast<double>(scores.size());
}

// Sum and sum of squares of the placement values of one class, weighted by counts.
struct Placements {
  double n = 0, sum = 0, sum2 = 0;
  void add(double count, double value) { n += count, sum += count * value, sum2 += count * value * value; }
  [[nodiscard]] double variance_of_mean() const {
    return n > 1 ? std::max(0.0, sum2 - sum * sum / n) / (n - 1) / n : 0;
  }
};

}  // namespace

double log_loss_of(double probability, double label) noexcept {
  const double p = std::clamp(probability, kMinProbability, 1 - kMinProbability);
  return happened(label) ? -std::log(p) : -std::log1p(-p);
}

double auc(std::span<const float> scores, std::span<const double> labels) { return auc_delong(scores, labels).auc; }

double log_loss(std::span<const float> scores, std::span<const double> labels) {
  return mean_loss(scores, labels, log_loss_of);
}

double brier(std::span<const float> scores, std::span<const double> labels) {
  return mean_loss(scores, labels, [](double score, double label) {
    const double error = score - (happened(label) ? 1 : 0);
    return error * error;
  });
}

double expected_calibration_error(std::span<const float> scores, std::span<const double> labels, std::size_t bins) {
  if (scores.empty()) return kNaN;
  const auto order = by_score(scores);
  const auto n = static_cast<double>(scores.size());
  double error = 0, gap = 0;
  std::size_t bin = 1;
  for (std::size_t i = 0; i < order.size(); ++i) {
    gap += static_cast<double>(scores[order[i]]) - (happened(labels[order[i]]) ? 1 : 0);
    const bool tied = i + 1 < order.size() && scores[order[i]] == scores[order[i + 1]];
    if (tied || (i + 1) * bins < bin * order.size()) continue;
    error += std::abs(gap) / n;
    gap = 0;
    bin = (i + 1) * bins / order.size() + 1;
  }
  return error + std::abs(gap) / n;
}

double constant_log_loss(double rate) noexcept {
  if (!(rate > 0) || !(rate < 1)) return 0;
  return -rate * std::log(rate) - (1 - rate) * std::log1p(-rate);
}

AucEstimate auc_delong(std::span<const float> scores, std::span<const double> labels) {
  std::vector<std::uint64_t> negatives, positives;
  float last = kNaN;
  for (const std::size_t at : by_score(scores)) {
    if (negatives.empty() || scores[at] != last) {
      negatives.push_back(0);
      positives.push_back(0);
    }
    last = scores[at];
    ++(happened(labels[at]) ? positives : negatives).back();
  }
  return auc_binned(negatives, positives);
}

AucEstimate auc_binned(std::span<const std::uint64_t> negatives, std::span<const std::uint64_t> positives) {
  const double n0 = total(negatives), n1 = total(positives);
  if (n0 == 0 || n1 == 0) return {kNaN, kNaN};
  Placements of_positives, of_negatives;
  double below0 = 0, below1 = 0;
  for (std::size_t i = 0; i < negatives.size(); ++i) {
    const auto here0 = static_cast<double>(negatives[i]), here1 = static_cast<double>(positives[i]);
    of_positives.add(here1, (below0 + here0 / 2) / n0);
    of_negatives.add(here0, (n1 - below1 - here1 / 2) / n1);
    below0 += here0;
    below1 += here1;
  }
  return {of_positives.sum / n1, of_positives.variance_of_mean() + of_negatives.variance_of_mean()};
}

Interval auc_interval(const AucEstimate& estimate, double alpha) {
  const double a = estimate.auc;
  if (!(a > 0) || !(a < 1) || !(estimate.variance > 0)) return {a, 0, 1};
  const double logit = std::log(a / (1 - a));
  const double half = normal_quantile(1 - alpha / 2) * std::sqrt(estimate.variance) / (a * (1 - a));
  return {a, 1 / (1 + std::exp(half - logit)), 1 / (1 + std::exp(-half - logit))};
}

}  // namespace fettle::stats
