#include "monitor/report.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "json/describe.h"
#include "monitor/alerts.h"
#include "monitor/testing/world.h"

namespace fettle::monitor {
namespace {

using testing::Changes;
using testing::World;

DriftFinding drift_of(const WindowReport& report, const std::string& feature) {
  return *std::ranges::find(report.drift, feature, &DriftFinding::feature);
}

bool any_drift(const WindowReport& report) {
  return report.output_drift.alarm || std::ranges::any_of(report.drift, &DriftFinding::alarm);
}

// 200 weeks without a change, small and large, each day with a weather of its own: an alert must be worth its look.
TEST(Simulation, NormalWeeksRaiseNoAlarms) {
  World world(21);
  const auto reference = world.reference();
  const Config config;
  int quality = 0, drift = 0, changed = 0, performance = 0;
  for (int week = 0; week < 200; ++week) {
    const auto found =
        report(world.week(reference, week % 10 == 0 ? 20'000 : 2000 + 10U * static_cast<unsigned>(week)), config);
    ASSERT_TRUE(found.drift_judged && found.outcomes_judged) << found.waiting_for;
    quality += std::ranges::any_of(found.data_quality, &QualityFinding::alarm) ? 1 : 0;
    drift += any_drift(found) ? 1 : 0;
    changed += found.concept_drift.alarm ? 1 : 0;
    performance += found.performance.alarm ? 1 : 0;
  }
  EXPECT_EQ(quality, 0);
  EXPECT_LE(drift, 2);  // 1 %, as alpha says; two in a row are needed for an alert
  EXPECT_LE(changed, 2);
  EXPECT_LE(performance, 2);
}

// The p-values themselves, without the smallest effect: tests that are too eager would show here.
TEST(Simulation, CorrectedTestsKeepTheirRate) {
  World world(22);
  const auto reference = world.reference(20'000);
  Config config;
  config.alpha = 0.05;
  config.min_drift = config.min_slice_shift = config.min_slice_share = 0;
  int whole = 0, slices = 0;
  constexpr int kWeeks = 200;
  for (int week = 0; week < kWeeks; ++week) {
    const auto found = report(world.week(reference, 3000), config);
    const auto alarms = [&](bool in_slice) {
      return std::ranges::any_of(found.drift, [&](const auto& f) { return f.alarm && f.slice.empty() != in_slice; });
    };
    whole += alarms(false) ? 1 : 0;
    slices += alarms(true) ? 1 : 0;
  }
  for (const int rate : {whole, slices}) EXPECT_LE(rate, kWeeks * 8 / 100);
  EXPECT_GE(slices, kWeeks * 1 / 100);
}

TEST(Report, NamesTheFeatureAndTheSliceOfAUnitFault) {
  World world(23);
  const auto reference = world.reference();
  const auto found = report(world.week(reference, 4000, Changes{.kilometres_origin = 3}), Config{});
  ASSERT_EQ(found.data_quality.size(), 1U);
  const auto& quality = found.data_quality[0];
  EXPECT_TRUE(quality.alarm);
  EXPECT_EQ(quality.feature, "distance");
  EXPECT_EQ(quality.rule, "constant_per");
  EXPECT_EQ(quality.slice, "origin = A3");
  EXPECT_GT(quality.slice_share, 0.95);
  EXPECT_EQ(quality.slice_of_all, 1);
  const auto slice = std::ranges::find(found.drift, "origin = A3", &DriftFinding::slice);
  ASSERT_NE(slice, found.drift.end());
  EXPECT_TRUE(slice->alarm);
  EXPECT_EQ(slice->feature, "distance");
  EXPECT_GT(slice->effect, 0.5);
  EXPECT_EQ(std::ranges::count_if(found.drift, [](const auto& f) { return f.alarm && !f.slice.empty(); }), 1);
  EXPECT_FALSE(found.concept_drift.alarm);
}

TEST(Report, FindsTheSameFaultInOneSmallDay) {
  World world(24);
  const auto reference = world.reference();
  const auto found = report(world.week(reference, 600, Changes{.kilometres_origin = 0}, 1), Config{});
  EXPECT_TRUE(found.quality_judged);
  EXPECT_FALSE(found.drift_judged || found.outcomes_judged);
  EXPECT_NE(found.waiting_for.find("7 days"), std::string::npos) << found.waiting_for;
  ASSERT_EQ(std::ranges::count_if(found.data_quality, &QualityFinding::alarm), 1);
  EXPECT_EQ(found.data_quality[0].slice, "origin = A0");
  EXPECT_FALSE(any_drift(found));  // every row has one weekday, and that is no drift
  EXPECT_GT(drift_of(found, "weekday").effect, 0.5);
}

TEST(Report, TellsMissingFromUnseen) {
  World world(25);
  const auto reference = world.reference();
  const auto found =
      report(world.week(reference, 4000, Changes{.new_airport_share = 0.02, .missing_hour_share = 0.01}), Config{});
  ASSERT_EQ(found.data_quality.size(), 2U);
  EXPECT_EQ(found.data_quality[0].rule, "missing");
  EXPECT_EQ(found.data_quality[0].feature, "hour");
  EXPECT_EQ(found.data_quality[0].slice, "");  // everywhere
  EXPECT_EQ(found.data_quality[1].rule, "unseen_category");
  EXPECT_EQ(found.data_quality[1].example, "ZZZ");
  EXPECT_TRUE(found.data_quality[0].alarm && found.data_quality[1].alarm);
}

TEST(Report, FindsDriftOfAWholeFeature) {
  World world(26);
  const auto reference = world.reference();
  const auto found = report(world.week(reference, 4000, Changes{.late_hours = 3}), Config{});
  const auto hour = drift_of(found, "hour");
  EXPECT_TRUE(hour.alarm);
  EXPECT_EQ(hour.slice, "");
  EXPECT_NEAR(hour.mean - hour.reference_mean, 3, 0.3);
  EXPECT_NEAR(hour.ks, 3.0 / 18, 0.03);
  EXPECT_GT(hour.psi, 0.2);
  EXPECT_FALSE(drift_of(found, "distance").alarm);
  EXPECT_TRUE(std::ranges::none_of(found.data_quality, &QualityFinding::alarm));
}

TEST(Report, FindsConceptDriftWhileInputsStayQuiet) {
  World world(27);
  const auto reference = world.reference();
  int found = 0, quiet = 0;
  for (int week = 0; week < 20; ++week) {
    const auto changed = report(world.week(reference, 4000, Changes{.rate_shift = -0.12}), Config{});
    found += changed.concept_drift.alarm ? 1 : 0;
    quiet += any_drift(changed) ? 0 : 1;
    EXPECT_LE(changed.concept_drift.lower, changed.concept_drift.gap);
    EXPECT_GT(changed.concept_drift.gap, 0);
  }
  EXPECT_GE(found, 18);
  EXPECT_EQ(quiet, 20);
}

TEST(Report, SaysWhenTheModelIsWorseThanAConstant) {
  World world(28);
  const auto reference = world.reference();
  Profile profile(reference);
  for (auto& row : world.rows(0, 7, 8000)) {
    row.prediction.output = 1 - row.prediction.output;  // a model turned on its head
    profile.add(row.prediction);
    profile.add_outcome(row.prediction.output, row.label, row.prediction.time_ms);
  }
  const auto found = report(profile, Config{}).performance;
  EXPECT_TRUE(found.alarm);
  EXPECT_NE(found.reason.find("worse than"), std::string::npos) << found.reason;
  EXPECT_LT(found.auc_upper, 0.5);
  EXPECT_GT(found.log_loss_lower, found.log_loss_constant);
  EXPECT_GT(found.reference_auc, 0.6);
}

TEST(Report, JudgesNothingOnAnEmptyWindowAndStaysFinite) {
  World world(29);
  const auto reference = world.reference(500);
  const auto empty = report(Profile(reference), Config{});
  EXPECT_FALSE(empty.quality_judged || empty.drift_judged || empty.outcomes_judged);
  EXPECT_TRUE(findings(empty, Config{}, "late_probability").empty());
  const auto without_outcomes = Reference::build(World::signature(), {}, {}, {}, {}, World::options());
  Profile one(std::make_shared<const Reference>(without_outcomes));
  one.add(world.rows(0, 1, 1)[0].prediction);
  one.add_outcome(0.5F, 1);
  for (const auto& found : {empty, report(one, Config{})}) {
    const auto text = json::dump(json::to_value(found));  // the page reads it: no NaN, no Infinity
    EXPECT_EQ(text.find("NaN"), std::string::npos) << text;
    EXPECT_EQ(text.find("Infinity"), std::string::npos) << text;
  }
}

TEST(Report, OutcomesThatAreMissingAreWaitedFor) {
  World world(30);
  const auto reference = world.reference();
  Profile profile(reference);
  int i = 0;
  for (const auto& row : world.rows(0, 7, 4000, Changes{.rate_shift = -0.12})) {
    profile.add(row.prediction);
    if (i++ % 2 == 0) profile.add_outcome(row.prediction.output, row.label, row.prediction.time_ms);
  }
  const auto found = report(profile, Config{});
  EXPECT_TRUE(found.drift_judged);
  EXPECT_FALSE(found.outcomes_judged || found.concept_drift.alarm);
  EXPECT_NE(found.waiting_for.find("80 %"), std::string::npos) << found.waiting_for;
  EXPECT_GT(found.concept_drift.gap, 0.05);  // shown all the same
}

}  // namespace
}  // namespace fettle::monitor
