// Canary rollouts: what to do next, given what was seen in the current step.
//
// Pure: control/ observes, asks decide(), acts, records, and asks again. Quality is the mean loss per prediction with a
// matured outcome, challenger minus champion in the same window, judged by an always-valid normal-mixture confidence
// sequence, so that looking after every event costs nothing. Unknown is not success: a step without evidence holds,
// never advances.
#pragma once

#include <boost/describe.hpp>
#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"
#include "stats/moments.h"

namespace fettle::rollout {

struct Step {
  double percent = 0;                // of traffic to the challenger
  std::uint64_t min_outcomes = 500;  // matured outcomes of the challenger in this step before it may end
  double margin = 0.02;  // the challenger may be at most this much worse (upper bound of the difference of mean losses)
};
BOOST_DESCRIBE_STRUCT(Step, (), (percent, min_outcomes, margin))

struct Guardrails {
  double max_error_rate_increase = 0.01;  // requests with a row that got no finite number, challenger minus champion
  double max_latency_ratio = 3.0;         // p99 challenger / p99 champion
  double max_loss_increase = 0.0;         // rolled back when the LOWER bound of the loss difference is above this
};
BOOST_DESCRIBE_STRUCT(Guardrails, (), (max_error_rate_increase, max_latency_ratio, max_loss_increase))

struct Plan {
  std::vector<Step> steps;  // percent rises strictly and ends at 100
  Guardrails guardrails;
  double alpha = 0.05;
  std::int64_t max_step_ms = 0;  // event time; a step without verdict for longer is rolled back; 0 = never
  [[nodiscard]] Result<void> check() const;
};
BOOST_DESCRIBE_STRUCT(Plan, (), (steps, guardrails, alpha, max_step_ms))

struct Arm {  // one variant since the current step began
  std::uint64_t requests = 0;
  std::uint64_t errors = 0;
  double latency_p99_us = 0;
  stats::Moments loss;  // over matured outcomes
};

struct Evidence {
  std::uint32_t step = 0;
  std::int64_t step_age_ms = 0;
  Arm champion, challenger;
};

enum class Action : std::uint8_t { Hold, Advance, Promote, Rollback };
BOOST_DESCRIBE_ENUM(Action, Hold, Advance, Promote, Rollback)

struct Decision {
  Action action = Action::Hold;
  std::string reason;                           // one sentence with the numbers, for people
  double difference = 0, lower = 0, upper = 0;  // challenger minus champion mean loss, always-valid interval
};

// REQUIRES: evidence.step < plan.steps.size(). Idempotent.
[[nodiscard]] Decision decide(const Plan& plan, const Evidence& evidence);

}  // namespace fettle::rollout
