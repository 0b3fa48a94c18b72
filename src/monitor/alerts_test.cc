#include "monitor/alerts.h"

#include <gtest/gtest.h>

namespace fettle::monitor {
namespace {

constexpr auto kOutput = "late_probability";

WindowReport quiet() {
  WindowReport out;
  out.quality_judged = out.drift_judged = out.outcomes_judged = true;
  return out;
}

WindowReport with_concept_drift() {
  auto out = quiet();
  out.concept_drift = {.n = 118'093,
                       .days = 7,
                       .predicted_mean = 0.224,
                       .observed_mean = 0.118,
                       .gap = 0.106,
                       .lower = 0.052,
                       .upper = 0.160,
                       .alarm = true};
  return out;
}

WindowReport with_unit_fault() {
  auto out = quiet();
  out.data_quality = {{.feature = "distance",
                       .rule = "constant_per",
                       .rows = 4621,
                       .share = 0.04,
                       .slice = "origin = ATL",
                       .slice_share = 0.998,
                       .slice_of_all = 1,
                       .q = 0,
                       .alarm = true}};
  out.drift = {{.feature = "distance"},
               {.feature = "distance",
                .slice = "origin = ATL",
                .rows = 4628,
                .effect = 0.9,
                .mean = 1090,
                .reference_mean = 670,
                .q = 0,
                .alarm = true}};
  return out;
}

WindowReport without_outcomes() {
  auto out = quiet();
  out.outcomes_judged = false;
  return out;
}

struct Seen {
  std::size_t opened = 0, kept = 0, closed = 0;
  bool operator==(const Seen&) const = default;
};

// What each window of a sequence does.
std::vector<Seen> play(const std::vector<WindowReport>& windows, const Config& config = {}) {
  std::vector<AlertState> states;
  std::vector<Seen> out;
  for (const auto& window : windows) {
    auto decision = decide_alerts(states, window, config, kOutput);
    states = std::move(decision.states);
    out.push_back({decision.opened.size(), decision.kept.size(), decision.closed.size()});
  }
  return out;
}

TEST(Alerts, ConceptDriftOpensAtTheSecondWindowAndClosesWhenGone) {
  const auto drift = with_concept_drift();
  EXPECT_EQ(play({drift, drift, drift, quiet(), quiet()}),
            (std::vector<Seen>{{0, 0, 0}, {1, 0, 0}, {0, 1, 0}, {0, 0, 1}, {0, 0, 0}}));
  EXPECT_EQ(play({drift, quiet(), drift, quiet()}), std::vector<Seen>(4));  // never two in a row
}

TEST(Alerts, WindowsThatCannotJudgeCountNeitherWay) {
  const auto drift = with_concept_drift();
  EXPECT_EQ(play({drift, without_outcomes(), drift, without_outcomes(), quiet()}),
            (std::vector<Seen>{{0, 0, 0}, {0, 0, 0}, {1, 0, 0}, {0, 0, 0}, {0, 0, 1}}));
}

TEST(Alerts, DataQualityOpensAtOnceAndTakesTheFeatureAlongWithIt) {
  EXPECT_EQ(play({with_unit_fault(), quiet()}), (std::vector<Seen>{{2, 0, 0}, {0, 0, 2}}));
  auto drift_only = with_unit_fault();
  drift_only.data_quality.clear();
  EXPECT_EQ(play({drift_only, drift_only}), (std::vector<Seen>{{0, 0, 0}, {1, 0, 0}}));
}

TEST(Alerts, SettingsDecideHowMany) {
  const auto drift = with_concept_drift();
  EXPECT_EQ(play({drift}, {.consecutive = 1}), (std::vector<Seen>{{1, 0, 0}}));
  EXPECT_EQ(play({drift, quiet(), quiet()}, {.consecutive = 1, .clear = 2}),
            (std::vector<Seen>{{1, 0, 0}, {0, 0, 0}, {0, 0, 1}}));
}

TEST(Alerts, SayWhatWasFoundWithItsFigures) {
  const auto fault = findings(with_unit_fault(), {}, kOutput);
  ASSERT_EQ(fault.size(), 2U);
  EXPECT_EQ(fault[0].kind, "data_quality");
  EXPECT_EQ(fault[0].subject, "distance where origin = ATL");
  EXPECT_EQ(fault[0].message,
            "distance contradicts the value known for its keys in 4,621 rows, 4.0 % of all (0.0 % in the reference); "
            "where origin = ATL: 99.8 % of its rows, 100.0 % of all such rows");
  EXPECT_EQ(fault[1].kind, "drift");
  EXPECT_EQ(fault[1].message,
            "distance where origin = ATL: mean 1090 instead of 670, +0.90 standard deviations, in 4,628 rows "
            "(q < 1e-12)");
  const auto drift = findings(with_concept_drift(), {.label_name = "late"}, kOutput);
  ASSERT_EQ(drift.size(), 1U);
  EXPECT_EQ(drift[0].subject, kOutput);
  EXPECT_TRUE(drift[0].message.starts_with("late: predicted 22.4 % on average, observed 11.8 %: too high by 0.106"))
      << drift[0].message;
}

TEST(Alerts, AFeatureThatMovesEverywhereIsOneFinding) {
  auto everywhere = quiet();
  for (const char* airport : {"ATL", "ORD", "DFW", "LAX"})
    everywhere.drift.push_back(
        {.feature = "distance", .slice = std::string("origin = ") + airport, .effect = 0.9, .alarm = true});
  ASSERT_EQ(findings(everywhere, {}, kOutput).size(), 1U);
  EXPECT_EQ(findings(everywhere, {}, kOutput)[0].subject, "distance");
  everywhere.drift.insert(everywhere.drift.begin(), {.feature = "distance", .effect = 0.3, .alarm = true});
  ASSERT_EQ(findings(everywhere, {}, kOutput).size(), 1U);
  EXPECT_NE(findings(everywhere, {}, kOutput)[0].message.find("Jensen-Shannon"), std::string::npos);
}

}  // namespace
}  // namespace fettle::monitor
