// The loop's rollouts: placed, decided on, commanded, and the same after a restart.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "control/testing/world.h"

namespace fettle::control {
namespace {

using testing::at;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr const char* kPlan = R"({"steps": [{"percent": 20, "min_outcomes": 300, "margin": 0.3},
  {"percent": 50, "min_outcomes": 300, "margin": 0.3}, {"percent": 100, "min_outcomes": 0}]})";

class RolloutsTest : public testing::World {
 protected:
  void SetUp() override {
    apply("{}", kPlan, "null");
    ASSERT_TRUE(place(1)->deployed);
  }
  std::string start() {
    const auto placed = place(2);
    EXPECT_TRUE(placed) << placed.error().message;
    return *placed->rollout;
  }
  void both(std::int64_t day, float challenger_output) {
    send(day, {.bundle = "v1", .rows = 400});
    send(day, {.bundle = "v2", .rows = 400, .output = challenger_output});
    ASSERT_TRUE(controller_->settle());
  }
};

TEST_F(RolloutsTest, TheFirstVersionIsDeployedAndTheSecondRolledOutByThePlan) {
  EXPECT_THAT(served(), ElementsAre("champion 1"));
  EXPECT_NE(runtime_->find("flights"), nullptr);
  EXPECT_TRUE(place(1)->deployed) << "the same again is the same answer";
  const auto id = start();
  EXPECT_THAT(served(), ElementsAre("champion 1", "challenger 2"));
  EXPECT_EQ(place(2)->rollout, id) << "the same again is the same answer";
  EXPECT_EQ(store_.rollouts()->size(), 1U);
  EXPECT_NEAR(rollout::SlotTable::parse(store_.endpoint("flights")->slots)->weights()[1].slots / 65536.0, 0.2, 1e-4);
}

TEST_F(RolloutsTest, AThirdVersionWaitsForThePersonWhileTheSecondIsRolledOut) {
  start();
  const auto third = place(3);
  ASSERT_FALSE(third);
  EXPECT_EQ(third.error().code, Code::FailedPrecondition);
  EXPECT_THAT(third.error().message, HasSubstr("fettle rollout start flights 3"));
  EXPECT_TRUE(*store_.bundle_of("late", 3)) << "it is known, so that it can be rolled out later";
}

TEST_F(RolloutsTest, WithoutEvidenceNothingMoves) {
  const auto id = start();
  both(at("2001-04-02"), 0.3F);
  EXPECT_THAT(actions(id), ElementsAre("started", "advance"));
  send(at("2001-04-03"), {.bundle = "v2", .rows = 400, .outcomes = false});
  ASSERT_TRUE(controller_->settle());
  EXPECT_THAT(actions(id), ElementsAre("started", "advance"));
  EXPECT_THAT(live().rollout->waiting, HasSubstr("waiting for outcomes: the challenger has 0 of 300"));
}

TEST_F(RolloutsTest, AGoodChallengerIsPromotedStepByStep) {
  const auto id = start();
  both(at("2001-04-02"), 0.3F);
  EXPECT_EQ(store_.rollout(id)->step, 1U);
  EXPECT_EQ(store_.rollout(id)->step_event_ms, live().watermark_ms);
  both(at("2001-04-03"), 0.3F);
  EXPECT_EQ(store_.rollout(id)->state, RolloutState::Promoted);
  EXPECT_THAT(served(), ElementsAre("champion 2"));
  EXPECT_THAT(actions(id), ElementsAre("started", "advance", "promote"));
  const auto last = store_.decisions(id)->back();
  EXPECT_EQ(last.actor, "fettle");
  EXPECT_EQ(last.evidence.find("challenger")->int_or("outcomes", 0), 400);
}

TEST_F(RolloutsTest, ABadChallengerIsRolledBackWithItsNumbers) {
  const auto id = start();
  both(at("2001-04-02"), 0.95F);
  EXPECT_EQ(store_.rollout(id)->state, RolloutState::RolledBack);
  EXPECT_THAT(served(), ElementsAre("champion 1"));
  const auto last = store_.decisions(id)->back();
  EXPECT_GT(last.lower, 0);
  EXPECT_THAT(last.reason, HasSubstr("its loss is"));
}

TEST_F(RolloutsTest, ARestartBetweenEvidenceAndDecisionChangesNothing) {
  const auto id = start();
  send(at("2001-04-02"), {.bundle = "v1", .rows = 200});
  send(at("2001-04-02"), {.bundle = "v2", .rows = 200});
  ASSERT_TRUE(controller_->settle());
  const auto before = live();
  open();
  const auto after = live();
  EXPECT_EQ(after.rollout->arms[1].outcomes, 200U);
  EXPECT_EQ(after.rollout->arms[1].mean_loss, before.rollout->arms[1].mean_loss);
  EXPECT_EQ(after.rollout->arms[0].requests, before.rollout->arms[0].requests);
  EXPECT_EQ(after.predictions, before.predictions);
  EXPECT_EQ(after.watermark_ms, before.watermark_ms);
  EXPECT_NE(runtime_->find("flights"), nullptr);
  both(at("2001-04-03"), 0.3F);
  open();
  ASSERT_TRUE(controller_->settle());
  EXPECT_THAT(actions(id), ElementsAre("started", "advance")) << "no decision is taken twice";
  EXPECT_EQ(live().rollout->arms[1].outcomes, 0U) << "what led to the first step does not count for the second";
}

TEST_F(RolloutsTest, APersonHoldsResumesAndRollsBack) {
  const auto id = start();
  EXPECT_EQ(controller_->command(id, Verb::Hold, "ann", "looking")->state, RolloutState::Held);
  both(at("2001-04-02"), 0.95F);
  EXPECT_EQ(store_.rollout(id)->state, RolloutState::Held) << "a held rollout is a person's";
  EXPECT_EQ(controller_->command(id, Verb::Hold, "ann", "").error().code, Code::FailedPrecondition);
  ASSERT_TRUE(controller_->command(id, Verb::Resume, "ann", ""));
  ASSERT_TRUE(controller_->settle());
  EXPECT_EQ(store_.rollout(id)->state, RolloutState::RolledBack);
  const auto again = controller_->command(id, Verb::Promote, "ann", "");
  EXPECT_EQ(again.error().message, "rollout '" + id + "' is rolled back; it cannot promote");
  EXPECT_EQ(store_.decisions(id)->at(1).actor, "ann");
}

TEST_F(RolloutsTest, APersonPromotesWithoutEvidence) {
  const auto id = start();
  ASSERT_TRUE(controller_->command(id, Verb::Promote, "ann", "urgent"));
  EXPECT_THAT(served(), ElementsAre("champion 2"));
  const auto last = store_.decisions(id)->back();
  EXPECT_EQ(last.reason, "urgent");
  EXPECT_EQ(last.evidence.find("challenger")->int_or("outcomes", -1), 0);
  EXPECT_EQ(last.evidence.text_or("plan_says"), "hold");
  EXPECT_THAT(last.evidence.text_or("because"), HasSubstr("waiting for outcomes: the challenger has 0 of 300"));
}

TEST_F(RolloutsTest, APersonsWordIsKeptWithWhatCouldBeSeenThen) {
  const auto id = start();
  send(at("2001-04-02"), {.bundle = "v1", .rows = 250});
  send(at("2001-04-02"), {.bundle = "v2", .rows = 250, .output = 0.31F});
  ASSERT_TRUE(controller_->settle());
  const auto seen = *live().rollout;
  for (const auto verb : {Verb::Hold, Verb::Resume, Verb::Rollback}) {
    ASSERT_TRUE(controller_->command(id, verb, "ann", "looking"));
    const auto last = store_.decisions(id)->back();
    EXPECT_EQ(last.evidence.find("challenger")->int_or("outcomes", 0), 250) << last.action;
    EXPECT_EQ(last.evidence.find("champion")->number_or("mean_loss", 0), seen.arms[0].mean_loss);
    EXPECT_EQ(last.difference, seen.difference);
    EXPECT_EQ(last.lower, seen.lower);
    EXPECT_LT(last.lower, last.upper);
    EXPECT_EQ(last.evidence.text_or("plan_says"), "hold");
  }
}

TEST_F(RolloutsTest, AChallengerThatAnswersNoNumbersIsRolledBack) {
  const auto id = start();
  const testing::Traffic good{.bundle = "v1", .rows = 400, .per_request = 1};
  auto bad = good;
  bad.bundle = "v2";
  bad.output = std::numeric_limits<float>::quiet_NaN();
  send(at("2001-04-02"), good);
  send(at("2001-04-02"), bad);
  ASSERT_TRUE(controller_->settle());
  EXPECT_EQ(store_.rollout(id)->state, RolloutState::RolledBack);
  const auto last = store_.decisions(id)->back();
  EXPECT_THAT(last.reason, HasSubstr("its error rate is 100.00 points above the champion's"));
  EXPECT_EQ(last.evidence.find("challenger")->int_or("errors", 0), 400);
  EXPECT_EQ(last.evidence.find("challenger")->int_or("outcomes", -1), 0) << "an error has no loss";
  EXPECT_EQ(last.evidence.find("champion")->int_or("errors", -1), 0);
}

TEST_F(RolloutsTest, AFewBadAnswersNeitherEndARolloutNorSpoilItsLoss) {
  start();
  send(at("2001-04-02"), {.bundle = "v1", .rows = 400, .outcomes = false, .per_request = 1});
  send(at("2001-04-02"), {.bundle = "v2", .rows = 200, .per_request = 1});
  send(at("2001-04-03"),
       {.bundle = "v2", .rows = 1, .output = std::numeric_limits<float>::infinity(), .per_request = 1});
  ASSERT_TRUE(controller_->settle());
  ASSERT_TRUE(live().rollout);
  EXPECT_EQ(live().rollout->arms[1].errors, 1U);
  EXPECT_EQ(live().rollout->arms[1].outcomes, 200U);
  EXPECT_LT(live().rollout->arms[1].mean_loss, 2);
}

TEST_F(RolloutsTest, WhatCannotBeServedIsRefusedBeforeAnythingChanges) {
  NewVersion damaged;
  damaged.model = "late";
  damaged.version = 9;
  damaged.bundle = testing::digest_of("damaged");
  damaged.endpoint = "flights";
  EXPECT_EQ(controller_->place(damaged).error().code, Code::DataLoss);
  EXPECT_FALSE(*store_.bundle_of("late", 9));
  EXPECT_THAT(served(), ElementsAre("champion 1"));
  EXPECT_EQ(controller_->start_rollout({.endpoint = "flights", .version = 77}).error().code, Code::NotFound);
  EXPECT_EQ(controller_->start_rollout({.endpoint = "none", .version = 1}).error().code, Code::NotFound);
  EXPECT_EQ(controller_->start_rollout({.endpoint = "flights", .version = 1}).error().code, Code::FailedPrecondition);
  ASSERT_TRUE(place(2));
  EXPECT_EQ(controller_->command("none", Verb::Hold, "", "").error().code, Code::NotFound);
}

TEST_F(RolloutsTest, ADamagedBundleAtStartLeavesItsEndpointOutAndSaysSo) {
  Changes changes;
  changes.endpoints.push_back({"flights", "late", {{"champion", testing::digest_of("damaged"), 1}}, "", 0});
  ASSERT_TRUE(store_.put(changes));
  open();
  EXPECT_EQ(runtime_->find("flights"), nullptr);
  EXPECT_FALSE(live().serving);
}

}  // namespace
}  // namespace fettle::control
