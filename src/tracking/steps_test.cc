#include "tracking/steps.h"

#include <gtest/gtest.h>

#include <limits>
#include <random>
#include <set>

namespace fettle::tracking {
namespace {

constexpr auto kLow = std::numeric_limits<std::int64_t>::min();
constexpr auto kHigh = std::numeric_limits<std::int64_t>::max();

std::vector<std::int64_t> all_of(const StepSet& set) {
  std::vector<std::int64_t> out;
  for (std::uint64_t i = 0; i < set.size(); ++i) out.push_back(set.at(i));
  return out;
}

TEST(Steps, ClippingKeepsThePhase) {
  EXPECT_EQ(clipped({0, 100, 10}, 5, 95), (StepRange{10, 90, 10}));
  EXPECT_EQ(clipped({0, 100, 10}, 20, 20), (StepRange{20, 20, 10}));
  EXPECT_TRUE(is_empty(clipped({0, 100, 10}, 21, 29)));
  EXPECT_TRUE(is_empty(clipped({0, 100, 10}, 101, 200)));
  EXPECT_EQ(clipped({kLow, kHigh, kHigh}, kLow, -1), (StepRange{kLow, -1, kHigh}));
}

TEST(Steps, RunsOfOnePhaseStayOneRange) {
  const StepSet set({{100, 200, 10}, {0, 100, 10}, {150, 150, 1}, {190, 1'000'000'000'000, 10}, {-5, -5, 1}});
  EXPECT_EQ(set.size(), 100'000'000'002U);
  EXPECT_EQ(set.at(0), -5);
  EXPECT_EQ(set.at(set.size() - 1), 1'000'000'000'000);
}

TEST(Steps, FarEndsDoNotOverflow) {
  const StepSet set(ranges_of(std::vector<std::int64_t>{kLow, -1, 0, kHigh}));
  EXPECT_EQ(all_of(set), (std::vector<std::int64_t>{kLow, -1, 0, kHigh}));
}

TEST(Steps, UnionsAreThoseOfPlainSets) {
  std::mt19937_64 random(1);
  for (int round = 0; round < 3000; ++round) {
    std::vector<StepRange> ranges;
    std::set<std::int64_t> plain;
    for (auto count = random() % 6; count > 0; --count) {
      const auto gap = static_cast<std::int64_t>(1 + random() % 3);
      const auto first = static_cast<std::int64_t>(random() % 60) - 30;
      ranges.push_back({first, first + gap * static_cast<std::int64_t>(random() % 12), gap});
      for (auto step = first; step <= ranges.back().last; step += gap) plain.insert(step);
    }
    const std::vector<std::int64_t> expected(plain.begin(), plain.end());
    ASSERT_EQ(all_of(StepSet(ranges)), expected) << round;
    ASSERT_EQ(all_of(StepSet(ranges_of(expected))), expected) << round;
  }
}

TEST(Steps, SamplesAreEvenAndHaveTheLast) {
  EXPECT_EQ(sampled(StepSet({{0, 9, 1}}), 3), (std::vector<std::int64_t>{0, 3, 6, 9}));
  EXPECT_EQ(sampled(StepSet({{0, 2, 1}}), 100), (std::vector<std::int64_t>{0, 1, 2}));
  EXPECT_TRUE(sampled(StepSet({}), 3).empty());
}

}  // namespace
}  // namespace fettle::tracking
