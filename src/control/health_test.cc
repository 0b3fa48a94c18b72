#include "control/health.h"

#include <gtest/gtest.h>

#include "base/clock.h"

namespace fettle::control {
namespace {

std::int64_t at(std::string_view time) { return *text::parse_time(time); }

AlertRecord alert(std::string severity, std::string message, std::string_view opened) {
  AlertRecord out;
  out.severity = std::move(severity);
  out.message = std::move(message);
  out.opened_event_ms = at(opened);
  out.doing = "asks you to look";
  return out;
}

HealthFacts with_traffic() {
  HealthFacts facts;
  facts.live.serving = true;
  facts.live.predictions = 1000;
  facts.live.watermark_ms = at("2001-05-10");
  return facts;
}

TEST(Health, WithoutTrafficOrOutcomesItSaysThatItDoesNotKnow) {
  HealthFacts fresh;
  fresh.live.serving = true;
  EXPECT_EQ(health(fresh).state, HealthState::Watch);
  EXPECT_EQ(health(fresh).why, "no traffic yet, so nothing is known of its quality");
  const auto young = health(with_traffic());
  EXPECT_EQ(young.state, HealthState::Healthy);
  EXPECT_EQ(young.why, "it answers and no input is wrong; its quality is known once a week's outcomes are in");
}

TEST(Health, JudgedWithoutAnAlertIsHealthySinceThen) {
  auto facts = with_traffic();
  facts.last_judged_ms = at("2001-05-07");
  EXPECT_EQ(health(facts).why, "no alert; judged on outcomes up to 2001-05-07");
  EXPECT_EQ(health(facts).since_event_ms, at("2001-05-07"));
  EXPECT_EQ(health(facts).doing, "");
}

TEST(Health, TheCriticalAlertLeadsElseTheOldest) {
  auto facts = with_traffic();
  facts.alerts = {alert("warning", "newer", "2001-05-08"), alert("warning", "older", "2001-05-01")};
  EXPECT_EQ(health(facts).state, HealthState::Watch);
  EXPECT_EQ(health(facts).why, "older (and 1 more alert)");
  EXPECT_EQ(health(facts).since_event_ms, at("2001-05-01"));
  EXPECT_EQ(health(facts).doing, "asks you to look");
  facts.alerts.push_back(alert("critical", "distance is wrong", "2001-05-09"));
  EXPECT_EQ(health(facts).state, HealthState::Broken);
  EXPECT_EQ(health(facts).why, "distance is wrong (and 2 more alerts)");
}

TEST(Health, WhatCannotAnswerIsBrokenWhateverElseHolds) {
  auto facts = with_traffic();
  facts.live.serving = false;
  EXPECT_EQ(health(facts).state, HealthState::Broken);
  EXPECT_EQ(health(facts).doing, "asks you to send the bundle's files again and to restart the server");
  facts.retrain.emplace();
  facts.retrain->event_ms = at("2001-05-07");
  EXPECT_EQ(health(facts).doing,
            "asks you to send the bundle's files again and to restart the server; meanwhile retraining on data up to "
            "2001-05-07");
}

TEST(Health, BrokenSaysWhatIsDoneAboutIt) {
  auto facts = with_traffic();
  auto worst = alert("critical", "too high", "2001-05-08");
  worst.kind = "performance";
  worst.doing = "waiting for the running rollout before retraining";
  facts.alerts = {worst};
  facts.rollout.emplace();
  facts.rollout->challenger.version = 3;
  facts.live.rollout = LiveRollout{.rollout = "r", .waiting = "waiting for outcomes"};
  EXPECT_EQ(health(facts).state, HealthState::Broken);
  EXPECT_EQ(health(facts).doing, "answers it: rolling out version 3: waiting for outcomes");
  facts.retrain.emplace();
  facts.retrain->event_ms = at("2001-05-07");
  EXPECT_EQ(health(facts).doing, "answers it: retraining on data up to 2001-05-07");
  facts.alerts[0].kind = "data_quality";
  facts.alerts[0].doing = "asks you to look";
  EXPECT_EQ(health(facts).doing, "asks you to look; meanwhile retraining on data up to 2001-05-07")
      << "a new version does not mend an input";
}

TEST(Health, ItSaysWhatFettleDoesARetrainingBeforeARollout) {
  auto facts = with_traffic();
  facts.rollout.emplace();
  facts.rollout->challenger.version = 3;
  facts.live.rollout = LiveRollout{.rollout = "r", .waiting = "waiting for outcomes"};
  EXPECT_EQ(health(facts).doing, "rolling out version 3: waiting for outcomes");
  facts.rollout->state = RolloutState::Held;
  EXPECT_EQ(health(facts).doing, "holding version 3: waiting for outcomes");
  facts.retrain.emplace();
  facts.retrain->event_ms = at("2001-05-07");
  EXPECT_EQ(health(facts).doing, "retraining on data up to 2001-05-07");
}

}  // namespace
}  // namespace fettle::control
