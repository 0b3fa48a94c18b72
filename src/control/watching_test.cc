// The loop's windows, alerts and retrainings over weeks of traffic.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "control/testing/world.h"
#include "json/describe.h"

namespace fettle::control {
namespace {

using testing::at;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr const char* kRetrain =
    R"({"command": ["fettle", "--set", "as_of={as_of}"], "on": ["concept_drift"], "cooldown_days": 21})";
const std::int64_t kMonday = at("2001-04-02");

class WatchingTest : public testing::World {
 protected:
  void SetUp() override {
    apply("{}", "null", kRetrain);
    ASSERT_TRUE(place(1)->deployed);
  }
  std::vector<std::string> alerts(const std::string& state) {
    std::vector<std::string> out;
    const auto all = *store_.alerts();
    for (const auto& alert : all)
      if (alert.state == state) out.push_back(alert.kind + " " + alert.subject);
    return out;
  }
  std::size_t windows(const std::string& kind) { return store_.windows("flights", kind)->size(); }
  // Rates far from what is predicted: concept drift.
  void drifted_weeks(int first, int count) {
    for (int week = first; week < first + count; ++week) send_week(kMonday + week * kWeekMs, {.rate = 0.6});
  }
  void next_day(int week) { send(kMonday + week * kWeekMs, {.rows = 30}); }
};

TEST_F(WatchingTest, ADayIsRecordedWhenItEndsAndAWeekWhenItsOutcomesAreIn) {
  send_week(kMonday, {});
  EXPECT_EQ(windows("day"), 6U) << "Sunday has not ended: no later row was seen";
  EXPECT_EQ(windows("week"), 0U);
  next_day(1);
  ASSERT_TRUE(controller_->settle());
  ASSERT_EQ(windows("week"), 1U);
  const auto week = store_.windows("flights", "week")->at(0);
  EXPECT_EQ(week.start_ms, kMonday);
  EXPECT_EQ(week.version, 1);
  EXPECT_EQ(week.variant, "champion");
  EXPECT_EQ(week.report.int_or("rows", 0), 1400);
  EXPECT_EQ(week.report.int_or("outcomes", 0), 1400);
  EXPECT_THAT(alerts("open"), ElementsAre());
}

TEST_F(WatchingTest, MissingOutcomesAreWaitedForAndThenTheWeekClosesWithoutThem) {
  for (int day = 0; day < 7; ++day) send(kMonday + day * kDayMs, {.outcomes = false});
  send(kMonday + 8 * kDayMs, {.rows = 30});
  ASSERT_TRUE(controller_->settle());
  EXPECT_EQ(windows("week"), 0U);
  send(kMonday + 10 * kDayMs, {.rows = 30});
  ASSERT_TRUE(controller_->settle());
  ASSERT_EQ(windows("week"), 1U);
  EXPECT_EQ(store_.windows("flights", "week")->at(0).report.int_or("outcomes", -1), 0);
}

TEST_F(WatchingTest, EachRowAndEachOutcomeCountsOnce) {
  send(kMonday, {.rows = 10});
  send(kMonday, {.rows = 10});
  ASSERT_TRUE(log_->append_durably({{"nobody", 0, 1}}));
  ASSERT_TRUE(controller_->settle());
  EXPECT_EQ(live().predictions, 10U);
  EXPECT_EQ(live().outcomes, 10U);
  EXPECT_EQ(live().unmatched, 10U);
}

TEST_F(WatchingTest, TheFirstOutcomeCountsAndOneThatContradictsItIsCountedApart) {
  send(kMonday, {.rows = 1, .rate = 1});
  send(kMonday, {.rows = 1, .rate = 1});
  ASSERT_TRUE(controller_->settle());
  EXPECT_EQ(live().unmatched, 1U);
  EXPECT_EQ(live().corrected, 0U) << "sent again, nothing else";
  send(kMonday, {.rows = 1, .rate = 0});
  ASSERT_TRUE(controller_->settle());
  EXPECT_EQ(live().outcomes, 1U);
  EXPECT_EQ(live().unmatched, 2U);
  EXPECT_EQ(live().corrected, 1U);
}

TEST_F(WatchingTest, ABrokenInputIsAnAlertTheNextDayAndClosesWhenItIsMended) {
  send(kMonday, {.rows = 600});
  send(kMonday + kDayMs, {.rows = 600, .scale = 3});
  ASSERT_TRUE(controller_->settle());
  EXPECT_THAT(alerts("open"), ElementsAre()) << "the day has not ended";
  send(kMonday + 2 * kDayMs, {.rows = 600});
  ASSERT_TRUE(controller_->settle());
  ASSERT_THAT(alerts("open"), ElementsAre("data_quality x"));
  EXPECT_EQ(store_.alerts()->at(0).opened_event_ms, kMonday + 2 * kDayMs);
  open();
  ASSERT_TRUE(controller_->settle());
  EXPECT_THAT(alerts("open"), ElementsAre("data_quality x")) << "days judged before the restart are not judged again";
  send(kMonday + 3 * kDayMs, {.rows = 30});
  ASSERT_TRUE(controller_->settle());
  EXPECT_THAT(alerts("open"), ElementsAre());
  EXPECT_THAT(alerts("closed"), ElementsAre("data_quality x"));
}

TEST_F(WatchingTest, ConceptDriftOfTwoWeeksStartsOneRetraining) {
  drifted_weeks(0, 2);
  EXPECT_TRUE(launched_.empty());
  next_day(2);
  ASSERT_TRUE(controller_->settle());
  EXPECT_THAT(alerts("open"), ::testing::Contains("concept_drift p"));
  ASSERT_EQ(launched_.size(), 1U);
  EXPECT_THAT(launched_[0].command.argv, ElementsAre("fettle", "--set", "as_of=2001-04-16"));
  EXPECT_EQ(launched_[0].command.folder, "/project");
  drifted_weeks(2, 1);
  EXPECT_EQ(launched_.size(), 1U) << "one at a time";
  ASSERT_TRUE(controller_->retrain_ended(launched_[0].retrain.id,
                                         os::Exit{5, "trained\nfettle: step 'gate': too slow\nsee the verdict\n"}));
  EXPECT_EQ(store_.retrains()->at(0).state, RetrainState::Failed);
  EXPECT_THAT(store_.changes(1)->at(0).text, HasSubstr("retraining failed (exit code 5): step 'gate': too slow"));
  drifted_weeks(3, 1);
  ASSERT_EQ(launched_.size(), 2U) << "a week's more data may pass";
  ASSERT_TRUE(controller_->retrain_ended(launched_[1].retrain.id, os::Exit{0, ""}));
  drifted_weeks(4, 1);
  EXPECT_EQ(launched_.size(), 2U) << "not within the cool-down";
  EXPECT_THAT(*store_.alerts(),
              ::testing::Contains(::testing::Field(&AlertRecord::doing, HasSubstr("not again before 2001-05-"))));
}

TEST_F(WatchingTest, ARetrainingThatARestartCutShortIsStartedAgainOnce) {
  drifted_weeks(0, 2);
  next_day(2);
  ASSERT_TRUE(controller_->settle());
  ASSERT_EQ(launched_.size(), 1U);
  const auto mark = launched_[0].command.environment.at(kRetrainMark);
  EXPECT_TRUE(mark.starts_with(launched_[0].retrain.id + "."));
  EXPECT_THAT(orphans_, ElementsAre());
  open();
  EXPECT_THAT(orphans_, ElementsAre("FETTLE_RETRAIN=" + mark)) << "before another one may start";
  EXPECT_EQ(launched_.size(), 1U);
  ASSERT_TRUE(controller_->settle());
  ASSERT_EQ(launched_.size(), 2U);
  EXPECT_NE(launched_[1].command.environment.at(kRetrainMark), mark);
  EXPECT_NE(launched_[0].retrain.id, launched_[1].retrain.id);
  EXPECT_EQ(store_.retrains()->at(0).state, RetrainState::Running);
  EXPECT_EQ(store_.retrains()->at(1).exit_code, kInterrupted);
  EXPECT_THAT(store_.retrains()->at(1).output, HasSubstr("its processes were ended"));
}

TEST_F(WatchingTest, APromotionClosesTheAlertsOfTheOldModel) {
  drifted_weeks(0, 2);
  next_day(2);
  ASSERT_TRUE(controller_->settle());
  ASSERT_FALSE(alerts("open").empty());
  const auto id = *place(2)->rollout;
  ASSERT_TRUE(controller_->command(id, Verb::Promote, "ann", "better"));
  EXPECT_THAT(alerts("open"), ElementsAre());
  EXPECT_EQ(store_.alerts()->at(0).doing, "another version serves now");
}

TEST_F(WatchingTest, AnAcknowledgedAlertStaysUntilItIsGone) {
  send(kMonday, {.rows = 600, .scale = 3});
  next_day(1);
  ASSERT_TRUE(controller_->settle());
  const auto id = store_.alerts()->at(0).id;
  EXPECT_EQ(controller_->acknowledge(id, "ann")->state, "acknowledged");
  EXPECT_EQ(store_.alert(id)->acknowledged_by, "ann");
  EXPECT_EQ(controller_->acknowledge("none", "ann").error().code, Code::NotFound);
}

TEST_F(WatchingTest, RowsOfAClosedWeekAreCountedAsLate) {
  send_week(kMonday, {});
  next_day(1);
  ASSERT_TRUE(controller_->settle());
  ASSERT_EQ(windows("week"), 1U);
  send(kMonday, {.bundle = "v1", .rows = 250});  // 200 came before, but are forgotten with their week
  ASSERT_TRUE(controller_->settle());
  EXPECT_EQ(live().late, 250U);
  const auto before = live().predictions;
  open();
  ASSERT_TRUE(controller_->settle());
  EXPECT_EQ(live().predictions, before) << "closed weeks are counted from their records";
  EXPECT_EQ(windows("week"), 1U);
}

TEST_F(WatchingTest, WrongSettingsAreRefusedWithTheirPlace) {
  Project project;
  project.name = "p";
  project.monitor = *json::parse(R"({"alhpa": 0.1})");
  EXPECT_THAT(controller_->apply(project).error().message, HasSubstr("alpha"));
  project.monitor = *json::parse(R"({"outcome_delay_days": -1})");
  EXPECT_THAT(controller_->apply(project).error().message, HasSubstr("monitor.outcome_delay_days"));
  project.monitor = {};
  project.retrain = *json::parse(R"({"on": ["drfit"]})");
  EXPECT_THAT(controller_->apply(project).error().message, HasSubstr("'drfit' is no kind of alert"));
  project.retrain = {};
  project.rollout = *json::parse(R"({"steps": [{"percent": 5}]})");
  EXPECT_THAT(controller_->apply(project).error().message, HasSubstr("the last step must be 100 %"));
}

}  // namespace
}  // namespace fettle::control
