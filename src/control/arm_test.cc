#include "control/arm.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace fettle::control {
namespace {

TEST(LatencyHistogram, QuantilesAreWithinABucket) {
  LatencyHistogram histogram;
  EXPECT_EQ(histogram.quantile(0.5), 0);
  for (int us = 1; us <= 1000; ++us) histogram.add(us);
  EXPECT_NEAR(histogram.quantile(0.5), 500, 50);
  EXPECT_NEAR(histogram.quantile(0.99), 990, 90);
  EXPECT_GE(histogram.quantile(1), 1000);
}

TEST(LatencyHistogram, ExtremesStayInRange) {
  LatencyHistogram histogram;
  for (const double us : {-1.0, 0.0, 1e-9, 1e30}) histogram.add(us);
  EXPECT_GT(histogram.quantile(1), histogram.quantile(0.5));
}

TEST(LatencyHistogram, BoundsHoldTheQuantileAndASmallSampleHasNoUpperOne) {
  LatencyHistogram small, large;
  for (int us = 1; us <= 500; ++us) small.add(us);
  for (int us = 1; us <= 20'000; ++us) large.add(us % 1000);
  EXPECT_TRUE(std::isinf(small.quantile_bound(0.99, 4)));
  EXPECT_LE(large.quantile_bound(0.99, -4), large.quantile(0.99));
  EXPECT_GE(large.quantile_bound(0.99, 4), large.quantile(0.99));
  EXPECT_FALSE(std::isinf(large.quantile_bound(0.99, 4)));
}

TEST(ArmCounts, ARequestCountsOnceHoweverManyRowsItHas) {
  ArmCounts counts;
  for (int row = 0; row < 250; ++row) counts.add_prediction(1, 900, 0.5);
  counts.add_prediction(2, 100, 0.5);
  EXPECT_EQ(counts.arm().requests, 2U);
  EXPECT_EQ(counts.arm().errors, 0U);
}

TEST(ArmCounts, ARequestWithAnOutputThatIsNoNumberIsOneError) {
  constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  ArmCounts counts;
  for (const double output : {0.5, kNaN, kInfinity}) counts.add_prediction(1, 10, output);
  for (const double output : {kInfinity, 0.5}) counts.add_prediction(2, 10, output);
  counts.add_prediction(3, 10, 0.5);
  EXPECT_EQ(counts.arm().requests, 3U);
  EXPECT_EQ(counts.arm().errors, 2U);
}

TEST(ArmCounts, TheLossOfAnErrorDoesNotSpoilTheMean) {
  ArmCounts counts;
  counts.add_outcome(0.25);
  counts.add_outcome(loss_of(std::numeric_limits<double>::quiet_NaN(), 1));
  counts.add_outcome(loss_of(std::numeric_limits<double>::infinity(), 0));
  EXPECT_EQ(counts.arm().loss.n, 1U);
  EXPECT_EQ(counts.arm().loss.mean, 0.25);
}

TEST(LossOf, IsLogLossOfAProbabilityElseSquaredError) {
  EXPECT_NEAR(loss_of(0.8, 1), -std::log(0.8), 1e-12);
  EXPECT_NEAR(loss_of(0.8, 0), -std::log(0.2), 1e-12);
  EXPECT_LT(loss_of(0, 1), 17) << "a certain answer that is wrong is bad, not infinite";
  EXPECT_EQ(loss_of(3, 1), 4);
  EXPECT_EQ(loss_of(0.5, 2.5), 4);
}

}  // namespace
}  // namespace fettle::control
