#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "base/rng.h"
#include "rollout/assignment.h"
#include "rollout/canary.h"

namespace fettle::rollout {
namespace {

using testing::HasSubstr;
using Shares = std::vector<std::pair<std::string, double>>;

SlotTable table(const Shares& shares, const SlotTable* previous = nullptr) {
  return *SlotTable::create(shares, "flights/1", previous);
}

int moved(const SlotTable& before, const SlotTable& after) {
  int count = 0;
  for (int unit = 0; unit < 100'000; ++unit) {
    const auto name = std::to_string(unit);
    count += before.variants()[static_cast<std::size_t>(before.assign(name))] !=
                     after.variants()[static_cast<std::size_t>(after.assign(name))]
                 ? 1
                 : 0;
  }
  return count;
}

TEST(Assignment, SplitsWithinThreeSigmaAndSticks) {
  constexpr int kUnits = 1'000'000;
  for (const double share : {0.01, 5.0, 25.0}) {
    const auto slots = table({{"champion", 100 - share}, {"challenger", share}});
    int hits = 0;
    for (int unit = 0; unit < kUnits; ++unit) hits += slots.assign("user-" + std::to_string(unit));
    const double p = std::round(share / 100 * SlotTable::kSlots) / SlotTable::kSlots;
    EXPECT_NEAR(hits, kUnits * p, 3 * std::sqrt(kUnits * p * (1 - p)) + 1) << share;
    EXPECT_EQ(slots.assign("user-7"), table({{"champion", 100 - share}, {"challenger", share}}).assign("user-7"));
  }
}

TEST(Assignment, MovesTheLeastPossible) {
  const auto before = table({{"a", 95}, {"b", 5}});
  const auto after = table({{"a", 75}, {"b", 25}}, &before);
  EXPECT_NEAR(moved(before, after), 20'000, 500);
  EXPECT_EQ(moved(after, table({{"b", 25}, {"a", 75}}, &after)), 0);
  EXPECT_NEAR(moved(after, table({{"a", 100}}, &after)), 25'000, 500);
}

TEST(Assignment, TheEncodingRoundTripsAndDamageIsFound) {
  const auto before = table({{"a", 95}, {"b", 5}});
  const auto slots = table({{"a", 50}, {"b", 30}, {"c|,x", 20}}, &before);
  const auto text = slots.encode();
  const auto again = *SlotTable::parse(text);
  EXPECT_EQ(moved(slots, again), 0);
  EXPECT_EQ(again.encode(), text);
  for (const auto* wrong : {"", "v1|||", "v2|00|61|0x65536", "v1|00|61|1x65536", "v1|00|61|0x65535", "v1|0|61|0x65536"})
    EXPECT_FALSE(SlotTable::parse(wrong)) << wrong;
  EXPECT_EQ(SlotTable().assign("x"), -1);
}

TEST(Assignment, WeightsMustSumToHundred) {
  EXPECT_FALSE(SlotTable::create({{"a", 50}, {"b", 49}}, "s"));
  EXPECT_FALSE(SlotTable::create({{"a", 150}, {"b", -50}}, "s"));
  EXPECT_FALSE(SlotTable::create({{"a", 50}, {"a", 50}}, "s"));
  EXPECT_FALSE(SlotTable::create({}, "s"));
}

Plan plan() { return {{{5, 500, 0.05}, {25, 1000, 0.03}, {100, 1000, 0.03}}, {}, 0.05, 0}; }

Arm arm(std::uint64_t n, double mean, double deviation = 0.5) {
  const double count = static_cast<double>(n);
  return {n, 0, 100, {n, mean, deviation * deviation * (count - 1)}};
}

TEST(Canary, PlansAreChecked) {
  EXPECT_TRUE(plan().check());
  EXPECT_FALSE((Plan{{{5, 1, 0.1}, {5, 1, 0.1}, {100, 1, 0.1}}, {}, 0.05, 0}.check()));
  EXPECT_FALSE((Plan{{{5, 1, 0.1}}, {}, 0.05, 0}.check()));
  EXPECT_FALSE((Plan{{}, {}, 0.05, 0}.check()));
}

TEST(Canary, DecidesByTheTable) {
  const auto action = [](Evidence evidence) { return decide(plan(), evidence).action; };
  EXPECT_EQ(action({0, 0, {}, {}}), Action::Hold);                                 // nothing seen
  EXPECT_EQ(action({0, 0, arm(90'000, 0.4), arm(400, 0.2)}), Action::Hold);        // good, but too few outcomes
  EXPECT_EQ(action({0, 0, arm(90'000, 0.4), arm(5000, 0.4)}), Action::Advance);    // as good as the champion
  EXPECT_EQ(action({1, 0, arm(90'000, 0.4), arm(30'000, 0.4)}), Action::Promote);  // the step before 100 %
  EXPECT_EQ(action({0, 0, arm(90'000, 0.4), arm(5000, 0.5)}), Action::Rollback);   // worse
  EXPECT_EQ(action({0, 0, arm(90'000, 0.4), arm(600, 0.42)}), Action::Hold);       // not sure
}

TEST(Canary, TwoEqualOutcomesAreNoCertainty) {  // their variance is zero
  EXPECT_EQ(decide(plan(), {0, 0, arm(90'000, 0.4), arm(2, 3.0, 0)}).action, Action::Hold);
}

TEST(Canary, AnErrorBurstBeatsEverything) {
  Evidence evidence{0, 0, arm(90'000, 0.4), arm(5000, 0.1)};
  evidence.challenger.errors = 600;
  const auto decision = decide(plan(), evidence);
  EXPECT_EQ(decision.action, Action::Rollback);
  EXPECT_THAT(decision.reason, HasSubstr("error rate"));
  Evidence few{0, 0, arm(900, 0.4), {3, 1, 0, {}}};  // one error in three requests proves nothing
  EXPECT_EQ(decide(plan(), few).action, Action::Hold);
}

TEST(Canary, LatencyNeedsTrafficAndTimeRunsOut) {
  Evidence slow{0, 0, arm(90'000, 0.4), arm(5000, 0.4)};
  slow.challenger.latency_p99_us = 400;
  EXPECT_EQ(decide(plan(), slow).action, Action::Rollback);
  auto limited = plan();
  limited.max_step_ms = 1000;
  EXPECT_EQ(decide(limited, {0, 1001, arm(90'000, 0.4), arm(10, 0.4)}).action, Action::Rollback);
}

// Whole rollouts over simulated traffic, looked at every 50 predictions.
Action simulate(double extra_loss, Rng& rng) {
  const auto the_plan = plan();
  for (std::uint32_t step = 0; step + 1 < the_plan.steps.size(); ++step) {
    Evidence evidence{step, 0, arm(0, 0, 0), arm(0, 0, 0)};
    evidence.champion.loss = evidence.challenger.loss = {};
    for (int i = 1; i <= 400'000; ++i) {
      auto& to = rng.uniform() * 100 < the_plan.steps[step].percent ? evidence.challenger : evidence.champion;
      ++to.requests;
      to.loss.add((rng.uniform() < 0.2 ? 1.4 : 0.2) + (&to == &evidence.challenger ? extra_loss : 0));
      if (i % 50 != 0) continue;
      const auto action = decide(the_plan, evidence).action;
      if (action == Action::Rollback || action == Action::Promote) return action;
      if (action == Action::Advance) break;
    }
  }
  return Action::Hold;
}

TEST(Canary, GoodIsPromotedBadIsRolledBackEqualIsSeldomBlamed) {
  Rng rng(23);
  int good = 0;
  int bad = 0;
  int blamed = 0;
  constexpr int kRuns = 200;
  for (int run = 0; run < kRuns; ++run) {
    good += simulate(-0.02, rng) == Action::Promote ? 1 : 0;
    bad += simulate(0.08, rng) == Action::Rollback ? 1 : 0;
    blamed += simulate(0, rng) == Action::Rollback ? 1 : 0;
  }
  EXPECT_GE(good, kRuns * 95 / 100);
  EXPECT_GE(bad, kRuns * 95 / 100);
  EXPECT_LE(blamed, kRuns * 5 / 100);
}

}  // namespace
}  // namespace fettle::rollout
