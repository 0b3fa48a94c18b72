#include <gtest/gtest.h>

#include <cmath>

#include "base/rng.h"
#include "stats/moments.h"
#include "stats/sequence.h"

namespace fettle::stats {
namespace {

TEST(Moments, AreStableFarFromZeroAndMergeExactly) {
  Rng rng(3);
  Moments whole, left, right;
  double sum = 0;
  for (int i = 0; i < 10'000; ++i) {
    const double x = 1e9 + rng.normal();
    sum += x - 1e9;
    whole.add(x);
    (i % 3 == 0 ? left : right).add(x);
  }
  left.merge(right);
  EXPECT_NEAR(whole.mean - 1e9, sum / 10'000, 1e-5);  // one step of a double at 1e9 is 1.2e-7; 10,000 roundings
  EXPECT_NEAR(whole.variance(), 1, 0.05);
  EXPECT_EQ(left.n, whole.n);
  EXPECT_NEAR(left.mean, whole.mean, 1e-5);
  EXPECT_NEAR(left.variance(), whole.variance(), 1e-6);
  Moments none;
  none.merge(whole);
  EXPECT_EQ(none.m2, whole.m2);
}

// n = N* = 5000, V = 1/5000, alpha 0.05, by hand: r^2 = (5.991465 + ln 6.991465) / 5000, n r^2 = 7.936156,
// half width = sqrt(2/5000 * 8.936156/7.936156 * ln(sqrt(8.936156)/0.05)) = 0.0429.
TEST(Sequence, HalfWidthByHand) {
  const double nr2 = 5.991464547107982 + std::log(6.991464547107982);
  const double expected = std::sqrt(2.0 / 5000 * (nr2 + 1) / nr2 * std::log(std::sqrt(nr2 + 1) / 0.05));
  EXPECT_NEAR(sequence_half_width(1.0 / 5000, 5000, 0.05), expected, 1e-12);
  EXPECT_NEAR(expected, 0.0429, 1e-4);
}

TEST(Sequence, NothingSeenMeansNothingKnown) {
  EXPECT_TRUE(std::isinf(difference_sequence({}, {}, 0.05).upper));
  EXPECT_TRUE(std::isinf(rate_difference_sequence(0, 0, 1, 10, 0.05).lower));
  EXPECT_GT(rate_difference_sequence(0, 10, 0, 10, 0.05).upper, 0.1);  // no errors in ten requests proves little
}

// A/A: looked at after every 20 values, the interval must miss zero in at most 5 % of runs, also with 5 % of traffic.
TEST(Sequence, ErrsAtMostAlphaWhenPeekedAt) {
  Rng rng(17);
  constexpr int kRuns = 600;
  for (const double share : {0.5, 0.05}) {
    int wrong = 0;
    for (int run = 0; run < kRuns; ++run) {
      Moments a, b;
      bool missed = false;
      for (int i = 0; i < 6000; ++i) {
        const double loss = rng.uniform() < 0.2 ? 1.6 + 0.3 * rng.normal() : 0.22 + 0.05 * rng.normal();
        (rng.uniform() < share ? b : a).add(loss);
        if (i % 20 != 0 || b.n < 30) continue;
        const auto interval = difference_sequence(a, b, 0.05);
        missed = missed || interval.lower > 0 || interval.upper < 0;
      }
      wrong += missed ? 1 : 0;
    }
    EXPECT_LE(wrong, kRuns * 5 / 100) << "share " << share;
  }
}

TEST(Sequence, FindsARealDifference) {
  Rng rng(18);
  Moments a, b;
  for (int i = 0; i < 20'000; ++i) (i % 2 == 0 ? a : b).add(rng.normal() + (i % 2 == 0 ? 0 : 0.1));
  EXPECT_GT(difference_sequence(a, b, 0.05).lower, 0);
}

}  // namespace
}  // namespace fettle::stats
