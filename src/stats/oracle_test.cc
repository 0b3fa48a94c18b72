// Known answers: SciPy and statsmodels on A_i = i^2 mod 97 and B_i = (i^2 + 3i) mod 101 + 5, i = 0..199.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "stats/distributions.h"
#include "stats/divergence.h"
#include "stats/inference.h"
#include "stats/metrics.h"
#include "stats/two_sample.h"

namespace fettle::stats {
namespace {

std::vector<double> sample_a() {
  std::vector<double> out;
  for (int i = 0; i < 200; ++i) out.push_back(i * i % 97);
  return out;
}

std::vector<double> sample_b() {
  std::vector<double> out;
  for (int i = 0; i < 200; ++i) out.push_back((i * i + 3 * i) % 101 + 5);
  return out;
}

Moments moments_of(const std::vector<double>& values) {
  Moments out;
  for (const double value : values) out.add(value);
  return out;
}

const std::vector<std::uint64_t> kDecilesA{16, 22, 21, 21, 20, 20, 20, 20, 20, 20};
const std::vector<std::uint64_t> kDecilesB{0, 24, 28, 22, 24, 24, 20, 16, 16, 26};

void expect_relative(double value, double expected, double tolerance = 1e-9) {
  EXPECT_NEAR(value, expected, std::abs(expected) * tolerance);
}

TEST(Oracle, KolmogorovSmirnov) {
  const double d = ks_distance(sample_a(), sample_b());
  expect_relative(d, 0.105);
  expect_relative(ks_exact_p(d, 200, 200), 0.22054121758);
  expect_relative(ks_asymptotic_p(d, 200, 200), 0.205247790222);
  expect_relative(kolmogorov_sf(1), 0.269999671677);
  expect_relative(kolmogorov_sf(1.36), 0.0494858767554);
  expect_relative(kolmogorov_sf(2), 0.00067092525578);
  EXPECT_NEAR(kolmogorov_sf(0.999999), kolmogorov_sf(1.000001), 1e-5);  // both series meet
}

TEST(Oracle, WelchAndWasserstein) {
  const auto a = sample_a(), b = sample_b();
  const auto welch = welch_t(moments_of(a), moments_of(b));
  expect_relative(welch.statistic, -0.874768962804);
  expect_relative(welch.p, 0.382228390748);
  expect_relative(wasserstein(a, b), 3.765);
  const auto moments = moments_of(a);
  expect_relative(wasserstein(a, b) / std::sqrt(moments.m2 / 200), 0.122888527293);
}

TEST(Oracle, Divergences) {
  expect_relative(js_distance_nats(kDecilesA, kDecilesB), 0.17922830724);
  expect_relative(js_distance(kDecilesA, kDecilesB), 0.215275136115);
  expect_relative(hellinger(kDecilesA, kDecilesB), 0.210718438981);
  expect_relative(total_variation(kDecilesA, kDecilesB), 0.12);
  expect_relative(largest_share_change(kDecilesA, kDecilesB), 0.08);
  expect_relative(psi(kDecilesA, kDecilesB), 0.306515502505);
  expect_relative(kl_divergence(kDecilesA, kDecilesB), 0.219842895754);
}

TEST(Oracle, ChiSquareAndG) {
  const auto chi = chi_square(kDecilesA, kDecilesB);
  expect_relative(chi.statistic, 19.5089826475);
  EXPECT_EQ(chi.degrees, 9);
  expect_relative(chi.p, 0.0211966090975);
  const auto g = g_test(kDecilesA, kDecilesB);
  expect_relative(g.statistic, 25.6982288929);
  expect_relative(g.p, 0.00228851977966);
}

TEST(Oracle, FalseDiscoveryRates) {
  const std::vector<double> p{.001, .008, .039, .041, .042, .06,  .074, .205, .212, .216,
                              .222, .251, .269, .275, .34,  .341, .384, .569, .594, .696};
  const auto bh = benjamini_hochberg(p), by = benjamini_yekutieli(p);
  expect_relative(bh[0], .02);
  expect_relative(bh[1], .08);
  expect_relative(bh[2], .168);
  expect_relative(by[0], .0719548, 1e-6);
  EXPECT_EQ(std::ranges::count_if(bh, [](double q) { return q <= .05; }), 1);
}

// scikit-learn's example (AUC 0.75); DeLong's variance by hand: placements {0.5, 1} and {1, 0.5}, so 0.125/2 + 0.125/2.
TEST(Oracle, AreaUnderTheCurve) {
  const std::vector<float> scores{0.1F, 0.4F, 0.35F, 0.8F};
  const std::vector<double> labels{0, 0, 1, 1};
  const auto estimate = auc_delong(scores, labels);
  EXPECT_DOUBLE_EQ(estimate.auc, 0.75);
  EXPECT_DOUBLE_EQ(estimate.variance, 0.125);
  EXPECT_DOUBLE_EQ(auc(std::vector<float>{0.5F, 0.5F, 0.5F}, std::vector<double>{0, 1, 1}), 0.5);  // ties count half
  EXPECT_TRUE(std::isnan(auc(scores, std::vector<double>{1, 1, 1, 1})));
}

// R: binom.test(7, 20) gives 0.1539092, 0.5921885; Wilson's score interval 0.1811918, 0.5671457.
TEST(Oracle, Proportions) {
  const auto exact = clopper_pearson(7, 20, 0.05), score = wilson(7, 20, 0.05);
  EXPECT_NEAR(exact.lower, 0.1539092, 1e-6);
  EXPECT_NEAR(exact.upper, 0.5921885, 1e-6);
  EXPECT_NEAR(score.lower, 0.1811918, 1e-6);
  EXPECT_NEAR(score.upper, 0.5671457, 1e-6);
  EXPECT_NEAR(clopper_pearson(0, 1000, 0.05).upper, 1 - std::pow(0.025, 0.001), 1e-12);
  EXPECT_NEAR(binomial_sf(2, 10, 0.1), 1 - std::pow(0.9, 10) - std::pow(0.9, 9), 1e-12);
  const auto z = two_proportion_z(30, 200, 50, 200);  // pooled 0.2: (0.15 - 0.25) / sqrt(0.16 * 0.01)
  EXPECT_NEAR(z.statistic, -2.5, 1e-12);
  EXPECT_NEAR(z.p, 0.0124193306516, 1e-12);
}

TEST(Metrics, ByHand) {
  const std::vector<float> scores{0.25F, 0.75F};
  const std::vector<double> labels{0, 1};
  EXPECT_NEAR(log_loss(scores, labels), -std::log(0.75), 1e-12);
  EXPECT_NEAR(brier(scores, labels), 0.0625, 1e-12);
  EXPECT_NEAR(expected_calibration_error(scores, labels, 1), 0, 1e-12);  // one bin: 0.5 on average, one half came true
  EXPECT_NEAR(expected_calibration_error(scores, labels, 2), 0.25, 1e-12);  // each is off by a quarter
  EXPECT_NEAR(constant_log_loss(0.5), std::log(2), 1e-12);
  EXPECT_EQ(constant_log_loss(0), 0);
  EXPECT_NEAR(log_loss_of(0, 1), -std::log(kMinProbability), 1e-9);
}

}  // namespace
}  // namespace fettle::stats
