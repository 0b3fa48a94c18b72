// Error rates by simulation, with fixed seeds: what a p-value or an interval promises, it must keep.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "base/rng.h"
#include "stats/divergence.h"
#include "stats/inference.h"
#include "stats/metrics.h"
#include "stats/two_sample.h"

namespace fettle::stats {
namespace {

// Counts of n draws over k categories with Zipf-like weights (a few large, many small).
std::vector<std::uint64_t> draw(Rng& rng, std::size_t n, std::size_t k) {
  std::vector<double> edges;
  double sum = 0;
  for (std::size_t i = 0; i < k; ++i) edges.push_back(sum += 1 / static_cast<double>(i + 3));
  std::vector<std::uint64_t> counts(k);
  for (std::size_t i = 0; i < n; ++i)
    ++counts[static_cast<std::size_t>(std::ranges::lower_bound(edges, rng.uniform() * sum) - edges.begin())];
  return counts;
}

// With 200 categories and 2,000 rows the bare distance exceeds 0.1 always; the debiased one hardly ever.
TEST(Simulation, DebiasedDistanceIsQuietOnManyCategories) {
  Rng rng(11);
  int bare = 0, debiased = 0, significant = 0;
  constexpr int kRuns = 200;
  for (int run = 0; run < kRuns; ++run) {
    const auto a = draw(rng, 2000, 200), b = draw(rng, 20'000, 200);
    bare += js_distance(a, b) >= 0.1 ? 1 : 0;
    debiased += js_distance_debiased(a, b) >= 0.1 ? 1 : 0;
    significant += chi_square(a, b, 5).p < 0.05 ? 1 : 0;
  }
  EXPECT_EQ(bare, kRuns);
  EXPECT_LE(debiased, kRuns * 2 / 100);
  EXPECT_GE(significant, kRuns * 2 / 100);  // about 5 %
  EXPECT_LE(significant, kRuns * 9 / 100);
}

TEST(Simulation, WelchAndKolmogorovSmirnovKeepTheirLevel) {
  Rng rng(12);
  constexpr int kRuns = 1000;
  int welch = 0, exact = 0, asymptotic = 0;
  for (int run = 0; run < kRuns; ++run) {
    std::vector<double> a, b;
    Moments ma, mb;
    for (int i = 0; i < 30; ++i) ma.add(a.emplace_back(rng.normal()));
    for (int i = 0; i < 50; ++i) mb.add(3 * b.emplace_back(rng.normal()));
    welch += welch_t(ma, mb).p < 0.05 ? 1 : 0;
    const double d = ks_distance(a, b);
    exact += ks_exact_p(d, 30, 50) < 0.05 ? 1 : 0;
    asymptotic += ks_asymptotic_p(d, 30, 50) < 0.05 ? 1 : 0;
  }
  for (const int rate : {welch, exact, asymptotic}) {
    EXPECT_GE(rate, kRuns * 3 / 100);
    EXPECT_LE(rate, kRuns * 7 / 100);
  }
}

TEST(Simulation, FalseDiscoveryRateHoldsBesideRealEffects) {
  Rng rng(13);
  double share = 0;
  constexpr int kRuns = 500;
  for (int run = 0; run < kRuns; ++run) {
    std::vector<double> p;
    for (int i = 0; i < 100; ++i) p.push_back(i < 10 ? rng.uniform() * 1e-4 : rng.uniform());
    const auto q = benjamini_hochberg(p);
    const auto rejected = std::ranges::count_if(q, [](double value) { return value <= 0.1; });
    const auto wrong = std::count_if(q.begin() + 10, q.end(), [](double value) { return value <= 0.1; });
    share += rejected > 0 ? static_cast<double>(wrong) / static_cast<double>(rejected) : 0;
  }
  EXPECT_LE(share / kRuns, 0.11);
  EXPECT_GE(share / kRuns, 0.05);  // not needlessly timid: the expected share is 0.09
}

TEST(Simulation, IntervalsOfAucAndProportionCover) {
  Rng rng(14);
  constexpr int kRuns = 400;
  int auc_covered = 0, exact_covered = 0;
  const double truth = 0.7602499389;  // P(N(1,1) > N(0,1)) = Phi(1 / sqrt 2)
  for (int run = 0; run < kRuns; ++run) {
    std::vector<float> scores;
    std::vector<double> labels;
    std::uint64_t hits = 0;
    for (int i = 0; i < 300; ++i) {
      labels.push_back(rng.uniform() < 0.2 ? 1 : 0);
      hits += labels.back() > 0 ? 1 : 0;
      scores.push_back(static_cast<float>(rng.normal() + labels.back()));
    }
    const auto interval = auc_interval(auc_delong(scores, labels), 0.05);
    auc_covered += interval.lower <= truth && truth <= interval.upper ? 1 : 0;
    const auto exact = clopper_pearson(hits, 300, 0.05);
    exact_covered += exact.lower <= 0.2 && 0.2 <= exact.upper ? 1 : 0;
  }
  EXPECT_GE(auc_covered, kRuns * 92 / 100);
  EXPECT_LE(auc_covered, kRuns * 98 / 100);
  EXPECT_GE(exact_covered, kRuns * 94 / 100);
}

// Days whose rates differ by more than chance: the interval over rows is fooled, the one over days is not.
TEST(Simulation, ClusteredIntervalCoversWhenDaysDiffer) {
  Rng rng(15);
  constexpr int kRuns = 400;
  int by_days = 0, by_rows = 0;
  for (int run = 0; run < kRuns; ++run) {
    std::vector<Moments> days(7);
    Moments rows;
    for (auto& day : days) {
      const double rate = 0.2 + 0.05 * rng.normal();
      for (int i = 0; i < 500; ++i) {
        const double label = rng.uniform() < rate ? 1 : 0;
        day.add(label);
        rows.add(label);
      }
    }
    const auto clustered = clustered_mean_interval(days, 0.05), plain = mean_interval(rows, 0.05);
    by_days += clustered.lower <= 0.2 && 0.2 <= clustered.upper ? 1 : 0;
    by_rows += plain.lower <= 0.2 && 0.2 <= plain.upper ? 1 : 0;
  }
  EXPECT_GE(by_days, kRuns * 92 / 100);
  EXPECT_LE(by_rows, kRuns * 60 / 100);
}

// The 1,024-bin AUC of a profile is the exact one within a few parts in ten thousand.
TEST(Simulation, BinnedAucIsCloseToExact) {
  Rng rng(16);
  std::vector<float> scores;
  std::vector<double> labels;
  std::vector<std::uint64_t> negatives(1024), positives(1024);
  for (int i = 0; i < 20'000; ++i) {
    const double p = rng.uniform() * rng.uniform();
    labels.push_back(rng.uniform() < p ? 1 : 0);
    scores.push_back(static_cast<float>(p));
    ++(labels.back() > 0 ? positives : negatives)[static_cast<std::size_t>(p * 1024)];
  }
  const auto exact = auc_delong(scores, labels), binned = auc_binned(negatives, positives);
  EXPECT_NEAR(binned.auc, exact.auc, 3e-4);
  EXPECT_NEAR(binned.variance, exact.variance, exact.variance * 0.02);
}

}  // namespace
}  // namespace fettle::stats
