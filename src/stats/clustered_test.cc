#include "stats/clustered.h"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "base/rng.h"

namespace fettle::stats {
namespace {

// Values 1 3 | 5 7 | 6 8: mean 5, group residuals -6, 2, 4; V = 3/2 * 56 / 36; t(2) at 95 % is 2.919986.
TEST(Clustered, KnownAnswerByHand) {
  const std::vector<double> values{1, 3, 5, 7, 6, 8};
  const std::vector<std::int64_t> groups{4, 4, 9, 9, -1, -1};
  const auto mean = clustered_mean(values, groups);
  EXPECT_DOUBLE_EQ(mean.mean, 5);
  EXPECT_EQ(mean.groups, 3U);
  EXPECT_NEAR(mean.error, std::sqrt(1.5 * 56) / 6, 1e-12);
  EXPECT_NEAR(upper_bound(mean, 0.05), 5 + 2.919986 * mean.error, 1e-5);
  EXPECT_NEAR(lower_bound(mean, 0.05), 5 - 2.919986 * mean.error, 1e-5);
  EXPECT_NEAR(p_greater(mean, 5 - 2.919986 * mean.error), 0.05, 1e-6);
}

TEST(Clustered, NumbersOfGroupsAreOnlyNames) {
  const std::vector<double> values{1, 3, 5, 7, 6, 8};
  const std::vector<std::int64_t> near{4, 4, 9, 9, -1, -1};
  const std::vector<std::int64_t> far{INT64_MAX, INT64_MAX, 9, 9, INT64_MIN, INT64_MIN};
  EXPECT_EQ(clustered_mean(values, near).groups, clustered_mean(values, far).groups);
  EXPECT_NEAR(clustered_mean(values, near).error, clustered_mean(values, far).error, 1e-12);
}

TEST(Clustered, GroupsOfOneAreTheOrdinaryStandardError) {
  const std::vector<double> values{2, 4, 4, 4, 5, 5, 7, 9};  // sample variance 32/7
  EXPECT_NEAR(clustered_mean(values).error, std::sqrt(32.0 / 7 / 8), 1e-12);
}

TEST(Clustered, OneGroupKnowsNothing) {
  const std::vector<double> values{1, 2, 3};
  const auto mean = clustered_mean(values, std::vector<std::int64_t>{7, 7, 7});
  EXPECT_TRUE(std::isinf(upper_bound(mean, 0.05)));
  EXPECT_TRUE(std::isinf(lower_bound(mean, 0.05)));
  EXPECT_EQ(p_greater(mean, -100), 1);
  EXPECT_TRUE(std::isinf(upper_bound(clustered_mean({}), 0.05)));
}

struct Rates {
  double clustered = 0, by_rows = 0;  // share of runs whose lower bound is above the truth
};

// Weeks of seven days; all rows of a day share one random shift. True mean 0.
Rates wrong_lower_bounds(double day_deviation, int runs, Rng& rng) {
  Rates wrong;
  std::vector<double> values;
  std::vector<std::int64_t> days;
  for (int run = 0; run < runs; ++run) {
    values.clear();
    days.clear();
    for (int day = 0; day < 7; ++day) {
      const double shift = day_deviation * rng.normal();
      const auto rows = 80 + rng.below(40);
      for (std::uint64_t i = 0; i < rows; ++i) {
        values.push_back(shift + rng.normal());
        days.push_back(day);
      }
    }
    wrong.clustered += lower_bound(clustered_mean(values, days), 0.05) > 0 ? 1.0 / runs : 0;
    wrong.by_rows += lower_bound(clustered_mean(values), 0.05) > 0 ? 1.0 / runs : 0;
  }
  return wrong;
}

TEST(Clustered, ErrsFivePercentOfTheTimeWhereRowsAloneErrOften) {
  Rng rng(41);
  const auto shifted = wrong_lower_bounds(0.2, 4000, rng);
  EXPECT_NEAR(shifted.clustered, 0.05, 0.012);  // 3.5 standard errors of the simulation
  EXPECT_GT(shifted.by_rows, 0.2);              // rows are not independent: four times as often wrong as it says
  EXPECT_NEAR(wrong_lower_bounds(0, 4000, rng).clustered, 0.05, 0.012);
}

}  // namespace
}  // namespace fettle::stats
