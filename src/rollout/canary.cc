#include "rollout/canary.h"

#include <algorithm>

#include "base/clock.h"
#include "base/text.h"
#include "stats/sequence.h"

namespace fettle::rollout {
namespace {

constexpr std::uint64_t kMinRequestsForLatency = 500;
constexpr std::uint64_t kMinOutcomesForLoss = 100;  // the interval is asymptotic; losses are skewed

// Two guardrails are tested one-sided, hence at half of an interval's level, in every step before the last: this level
// keeps the chance of blaming an equal challenger below `alpha` for the whole rollout.
double guardrail_level(const Plan& plan) {
  return plan.alpha / static_cast<double>(std::max<std::size_t>(plan.steps.size() - 1, 1));
}

double percent(double rate) { return rate * 100; }

// A breach that is beyond doubt, told in a sentence; empty if there is none.
std::string breached_guardrail(const Plan& plan, const Evidence& evidence) {
  const auto& [a, b] = std::pair(evidence.champion, evidence.challenger);
  const double level = guardrail_level(plan);
  const auto errors = stats::rate_difference_sequence(a.errors, a.requests, b.errors, b.requests, level);
  if (errors.lower > plan.guardrails.max_error_rate_increase)
    return text::format("its error rate is {:.2f} points above the champion's (at least {:.2f}; {:.2f} is allowed)",
                        percent(errors.estimate), percent(errors.lower),
                        percent(plan.guardrails.max_error_rate_increase));
  const bool enough = a.requests >= kMinRequestsForLatency && b.requests >= kMinRequestsForLatency;
  if (enough && b.latency_p99_us > plan.guardrails.max_latency_ratio * a.latency_p99_us)
    return text::format(
        "its 99th percentile latency is {:.0f} us against the champion's {:.0f} us ({} times is allowed)",
        b.latency_p99_us, a.latency_p99_us, plan.guardrails.max_latency_ratio);
  const auto loss = stats::difference_sequence(a.loss, b.loss, level);
  const bool known = a.loss.n >= kMinOutcomesForLoss && b.loss.n >= kMinOutcomesForLoss;
  if (known && loss.lower > plan.guardrails.max_loss_increase)
    return text::format("its loss is {:.4f} above the champion's (at least {:.4f}; {:.4f} is allowed)", loss.estimate,
                        loss.lower, plan.guardrails.max_loss_increase);
  return {};
}

}  // namespace

Result<void> Plan::check() const {
  double before = 0;
  for (const auto& step : steps) {
    if (!(step.percent > before && step.percent <= 100))
      return fail(
          Code::InvalidArgument,
          text::format("rollout plan: step of {} % after {} %; steps must rise and end at 100", step.percent, before));
    if (!(step.margin > 0)) return fail(Code::InvalidArgument, "rollout plan: a step's margin must be above 0");
    before = step.percent;
  }
  if (before != 100) return fail(Code::InvalidArgument, "rollout plan: the last step must be 100 %");
  if (!(alpha > 0 && alpha < 0.5)) return fail(Code::InvalidArgument, "rollout plan: alpha must lie between 0 and 0.5");
  return {};
}

Decision decide(const Plan& plan, const Evidence& evidence) {
  const auto& step = plan.steps[evidence.step];
  const auto interval = stats::difference_sequence(evidence.champion.loss, evidence.challenger.loss, plan.alpha);
  Decision decision{Action::Hold, "", interval.estimate, interval.lower, interval.upper};
  const auto as = [&](Action action, std::string reason) {
    decision.action = action;
    decision.reason = std::move(reason);
    return decision;
  };
  if (auto breach = breached_guardrail(plan, evidence); !breach.empty())
    return as(Action::Rollback, "rolled back: " + std::move(breach));
  const auto outcomes = evidence.challenger.loss.n;
  const bool enough = outcomes >= step.min_outcomes && evidence.champion.loss.n >= step.min_outcomes;
  if (enough && interval.upper < step.margin) {
    const bool last = evidence.step + 2 >= plan.steps.size();
    return as(last ? Action::Promote : Action::Advance,
              text::format("the challenger's loss is at most {:.4f} worse ({:.4f} is allowed) on {} outcomes",
                           interval.upper, step.margin, outcomes));
  }
  if (plan.max_step_ms > 0 && evidence.step_age_ms > plan.max_step_ms)
    return as(Action::Rollback,
              text::format("rolled back: no verdict after {} on {} outcomes",
                           text::human_duration_ms(static_cast<double>(evidence.step_age_ms)), outcomes));
  if (!enough)
    return as(Action::Hold, text::format("waiting for outcomes: the challenger has {} of {}, the champion {}", outcomes,
                                         step.min_outcomes, evidence.champion.loss.n));
  return as(Action::Hold, text::format("not sure yet: the challenger's loss may be {:.4f} worse ({:.4f} is allowed)",
                                       interval.upper, step.margin));
}

}  // namespace fettle::rollout
