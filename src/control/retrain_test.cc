#include "control/retrain.h"

#include <gtest/gtest.h>

#include "base/clock.h"
#include "control/windows.h"

namespace fettle::control {
namespace {

std::int64_t at(std::string_view time) { return *text::parse_time(time); }

AlertRecord alert(std::string id, std::string kind, std::string_view opened) {
  AlertRecord out;
  out.id = std::move(id);
  out.endpoint = "flights";
  out.kind = std::move(kind);
  out.state = "open";
  out.opened_event_ms = at(opened);
  return out;
}

class RetrainTest : public testing::Test {
 protected:
  RetrainPolicy policy_{{"fettle", "--set", "as_of={as_of}"}, {"concept_drift", "performance"}, 21};
  RetrainFacts facts_{.alerts = {alert("a2", "performance", "2001-05-14"), alert("a1", "concept_drift", "2001-05-07"),
                                 alert("a0", "drift", "2001-05-01")},
                      .retrains = {},
                      .rollout_running = false,
                      .watermark_ms = at("2001-05-15")};
};

TEST_F(RetrainTest, TheFirstAlertOfANamedKindStartsIt) {
  ASSERT_TRUE(decide_retrain(policy_, facts_).alert);
  EXPECT_EQ(decide_retrain(policy_, facts_).alert->id, "a1");
  facts_.alerts = {alert("a0", "drift", "2001-05-01")};
  EXPECT_FALSE(decide_retrain(policy_, facts_).alert);
  EXPECT_EQ(decide_retrain(policy_, facts_).waiting, "");
}

TEST_F(RetrainTest, WithoutACommandNothingStarts) {
  policy_.command.clear();
  EXPECT_FALSE(decide_retrain(policy_, facts_).alert);
}

TEST_F(RetrainTest, ClosedAlertsDoNotAsk) {
  for (auto& each : facts_.alerts) each.state = "closed";
  EXPECT_FALSE(decide_retrain(policy_, facts_).alert);
}

TEST_F(RetrainTest, ItWaitsForTheRolloutForAnotherAndForTheCooldown) {
  facts_.rollout_running = true;
  EXPECT_EQ(decide_retrain(policy_, facts_).waiting, "waiting for the running rollout before retraining");
  facts_.rollout_running = false;
  Retrain last;
  last.event_ms = at("2001-05-01");
  facts_.retrains = {last};
  EXPECT_EQ(decide_retrain(policy_, facts_).waiting, "retraining now");
  facts_.retrains[0].state = RetrainState::Succeeded;
  EXPECT_EQ(decide_retrain(policy_, facts_).waiting, "retrained on 2001-05-01; not again before 2001-05-22");
  facts_.watermark_ms = at("2001-05-22");
  EXPECT_TRUE(decide_retrain(policy_, facts_).alert);
}

TEST_F(RetrainTest, AFailedOneIsTriedAgainSooner) {
  Retrain last;
  last.event_ms = at("2001-05-09");
  last.state = RetrainState::Failed;
  last.exit_code = 5;
  facts_.retrains = {last};
  EXPECT_EQ(decide_retrain(policy_, facts_).waiting,
            "a retraining failed (exit code 5) on 2001-05-09; not again before 2001-05-16");
  facts_.watermark_ms = at("2001-05-16");
  EXPECT_TRUE(decide_retrain(policy_, facts_).alert);
  policy_.cooldown_days = 1;  // never later than after a success
  facts_.watermark_ms = at("2001-05-10");
  EXPECT_TRUE(decide_retrain(policy_, facts_).alert);
}

TEST_F(RetrainTest, OneThatTheServersStopCutShortIsStartedAgain) {
  Retrain cut;
  cut.event_ms = at("2001-05-14");
  cut.state = RetrainState::Failed;
  cut.exit_code = kInterrupted;
  facts_.retrains = {cut};
  EXPECT_TRUE(decide_retrain(policy_, facts_).alert);
}

TEST_F(RetrainTest, TheCommandIsFilledIn) {
  policy_.command.emplace_back("{endpoint}/{alert}/{endpoint}");
  const auto words = fill_command(policy_, facts_.alerts[1], facts_.watermark_ms);
  EXPECT_EQ(words, (std::vector<std::string>{"fettle", "--set", "as_of=2001-05-15", "flights/a1/flights"}));
}

}  // namespace
}  // namespace fettle::control
