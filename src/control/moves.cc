#include "control/moves.h"

#include <utility>

#include "base/digest.h"
#include "base/text.h"
#include "control/deploy.h"
#include "json/describe.h"

namespace fettle::control {
namespace {

std::string_view name_of(RolloutState state) {
  switch (state) {
    case RolloutState::Running:
      return "running";
    case RolloutState::Held:
      return "held";
    case RolloutState::Promoted:
      return "promoted";
    case RolloutState::RolledBack:
      return "rolled back";
  }
  std::unreachable();
}

json::Value to_json(const rollout::Arm& arm) {
  json::Value out;
  out.set("requests", arm.requests)
      .set("errors", arm.errors)
      .set("latency_p99_us", arm.latency_p99_us)
      .set("outcomes", arm.loss.n)
      .set("mean_loss", arm.loss.mean)
      .set("loss_variance", arm.loss.variance());
  return out;
}

json::Value to_json(const rollout::Evidence& evidence) {
  json::Value out;
  out.set("step_age_ms", evidence.step_age_ms)
      .set("champion", to_json(evidence.champion))
      .set("challenger", to_json(evidence.challenger));
  return out;
}

double percent_of(const Rollout& rollout) {
  const auto plan = json::from_value<rollout::Plan>(rollout.plan);
  return plan && rollout.step < plan->steps.size() ? plan->steps[rollout.step].percent : 0;
}

DecisionRecord record(const Rollout& rollout, std::string action, std::string actor, std::string reason,
                      const When& when) {
  return {rollout.id,
          when.now_ms,
          when.event_ms,
          rollout.step,
          std::move(action),
          std::move(actor),
          std::move(reason),
          0,
          0,
          0,
          json::Value::object()};
}

void set_evidence(DecisionRecord& record, const rollout::Decision& decision, const rollout::Evidence& evidence) {
  record.difference = decision.difference;
  record.lower = decision.lower;
  record.upper = decision.upper;
  record.evidence = to_json(evidence);
}

// Puts the rollout at its step: traffic after the watermark counts for it.
Result<void> enter_step(Changes& changes, const Rollout& rollout, const Endpoint& endpoint, const When& when) {
  FETTLE_TRY(auto served,
             with_challenger(endpoint, rollout.champion, rollout.challenger, percent_of(rollout), rollout.id));
  served.updated_ms = when.now_ms;
  changes.endpoints.push_back(std::move(served));
  return {};
}

void finish(Changes& changes, Rollout& rollout, const Endpoint& endpoint, bool promote, const When& when) {
  rollout.state = promote ? RolloutState::Promoted : RolloutState::RolledBack;
  auto served = with_champion(endpoint, promote ? rollout.challenger : rollout.champion);
  served.updated_ms = when.now_ms;
  changes.endpoints.push_back(std::move(served));
}

std::string told(const Rollout& rollout, std::string_view action) {
  const auto version = rollout.challenger.version;
  if (action == "advance") return text::format("version {} gets {} % of traffic", version, percent_of(rollout));
  if (action == "promote") return text::format("version {} is the champion now", version);
  if (action == "rollback")
    return text::format("version {} was rolled back; version {} serves", version, rollout.champion.version);
  return text::format("the rollout of version {} is {}", version, action == "hold" ? "held" : "going on");
}

void tell(Changes& changes, const Rollout& rollout, const std::string& action, const std::string& reason,
          const When& when) {
  changes.changes.push_back({when.now_ms, when.event_ms, action, rollout.endpoint, rollout.id,
                             reason.empty() ? told(rollout, action) : told(rollout, action) + ": " + reason});
}

Changes put_together(Rollout rollout, DecisionRecord decision, Changes changes, const When& when) {
  rollout.updated_ms = when.now_ms;
  rollout.reason = decision.reason;
  tell(changes, rollout, decision.action, decision.reason, when);
  changes.rollouts.push_back(std::move(rollout));
  changes.decisions.push_back(std::move(decision));
  return changes;
}

}  // namespace

Result<Changes> start_rollout(const RolloutStart& start, const When& when) {
  FETTLE_TRY_(start.plan.check());
  Rollout rollout;
  rollout.id = Digest::of(text::format("{} {} {} {}", start.endpoint.name, start.champion.bundle,
                                       start.challenger.bundle, when.now_ms))
                   .brief();
  rollout.endpoint = start.endpoint.name;
  rollout.model = start.endpoint.model;
  rollout.champion = start.champion;
  rollout.champion.variant = kChampion;
  rollout.challenger = start.challenger;
  rollout.challenger.variant = kChallenger;
  rollout.plan = json::to_value(start.plan);
  rollout.step_event_ms = when.event_ms;
  rollout.created_ms = rollout.updated_ms = when.now_ms;
  rollout.created_by = start.actor;
  rollout.reason = start.reason;
  Changes changes;
  FETTLE_TRY_(enter_step(changes, rollout, start.endpoint, when));
  changes.decisions.push_back(record(rollout, "started", start.actor, start.reason, when));
  changes.changes.push_back({when.now_ms, when.event_ms, "rollout_started", rollout.endpoint, rollout.id,
                             text::format("version {} is rolled out beside version {}: {} % of traffic",
                                          rollout.challenger.version, rollout.champion.version, percent_of(rollout))});
  changes.rollouts.push_back(std::move(rollout));
  return changes;
}

Result<Changes> follow(const Rollout& before, const Endpoint& endpoint, const rollout::Decision& decision,
                       const rollout::Evidence& evidence, const When& when) {
  const bool advance = decision.action == rollout::Action::Advance;
  const bool promote = decision.action == rollout::Action::Promote;
  auto rollout = before;
  auto decided = record(rollout,
                        advance   ? "advance"
                        : promote ? "promote"
                                  : "rollback",
                        "fettle", decision.reason, when);
  set_evidence(decided, decision, evidence);
  Changes changes;
  if (!advance) {
    finish(changes, rollout, endpoint, promote, when);
    return put_together(std::move(rollout), std::move(decided), std::move(changes), when);
  }
  ++rollout.step;
  rollout.step_event_ms = when.event_ms;
  FETTLE_TRY_(enter_step(changes, rollout, endpoint, when));
  return put_together(std::move(rollout), std::move(decided), std::move(changes), when);
}

Result<Changes> obey(const Rollout& before, const Endpoint& endpoint, const Word& word,
                     const rollout::Decision& decision, const rollout::Evidence& evidence, const When& when) {
  const auto verb = word.verb;
  const auto action = json::to_value(verb).as_string();
  const bool allowed = verb == Verb::Hold ? before.state == RolloutState::Running
                       : verb == Verb::Resume
                           ? before.state == RolloutState::Held
                           : before.state == RolloutState::Running || before.state == RolloutState::Held;
  if (!allowed)
    return fail(Code::FailedPrecondition,
                text::format("rollout '{}' is {}; it cannot {}", before.id, name_of(before.state), action));
  auto rollout = before;
  Changes changes;
  if (verb == Verb::Hold) rollout.state = RolloutState::Held;
  if (verb == Verb::Resume) rollout.state = RolloutState::Running;
  if (verb == Verb::Promote || verb == Verb::Rollback) finish(changes, rollout, endpoint, verb == Verb::Promote, when);
  auto decided = record(before, action, word.actor.empty() ? "someone" : word.actor, word.reason, when);
  set_evidence(decided, decision, evidence);
  decided.evidence.set("plan_says", json::to_value(decision.action)).set("because", decision.reason);
  return put_together(std::move(rollout), std::move(decided), std::move(changes), when);
}

Changes deploy(Endpoint endpoint, const Deployed& champion, const std::string& actor, const When& when) {
  auto served = with_champion(std::move(endpoint), champion);
  served.updated_ms = when.now_ms;
  Changes changes;
  changes.changes.push_back({when.now_ms, when.event_ms, "deploy", served.name, champion.bundle,
                             text::format("version {} of {} is the first champion{}", champion.version, served.model,
                                          actor.empty() ? "" : ", by " + actor)});
  changes.endpoints.push_back(std::move(served));
  return changes;
}

}  // namespace fettle::control
