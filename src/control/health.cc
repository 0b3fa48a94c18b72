#include "control/health.h"

#include <algorithm>

#include "base/clock.h"
#include "base/text.h"

namespace fettle::control {
namespace {

std::string date(std::int64_t ms) { return text::rfc3339(ms).substr(0, 10); }

// The worst first: a critical one, else the one that was there first.
const AlertRecord* leading(const std::vector<AlertRecord>& alerts) {
  const auto rank = [](const AlertRecord& alert) { return alert.severity == "critical" ? 0 : 1; };
  const auto found = std::ranges::min_element(alerts, [&](const AlertRecord& a, const AlertRecord& b) {
    return std::pair(rank(a), a.opened_event_ms) < std::pair(rank(b), b.opened_event_ms);
  });
  return found == alerts.end() ? nullptr : &*found;
}

std::string others(std::size_t count) {
  if (count <= 1) return "";
  return text::format(" (and {} more {})", count - 1, count == 2 ? "alert" : "alerts");
}

// What Fettle is at; empty if nothing.
std::string under_way(const HealthFacts& facts) {
  if (facts.retrain && facts.retrain->state == RetrainState::Running)
    return text::format("retraining on data up to {}", date(facts.retrain->event_ms));
  if (!facts.rollout) return "";
  const auto& waiting = facts.live.rollout ? facts.live.rollout->waiting : facts.rollout->reason;
  const auto what = facts.rollout->state == RolloutState::Held ? "holding" : "rolling out";
  return text::format("{} version {}{}{}", what, facts.rollout->challenger.version, waiting.empty() ? "" : ": ",
                      waiting);
}

// A new version answers what outcomes say of the old one; where an input comes from, only a person can find out.
bool answered_by_a_version(const AlertRecord& alert) {
  return alert.kind == "concept_drift" || alert.kind == "performance";
}

std::string doing(const HealthFacts& facts, const AlertRecord* alert) {
  const auto now = under_way(facts);
  if (!facts.live.serving) {
    const std::string asks = "asks you to send the bundle's files again and to restart the server";
    return now.empty() ? asks : asks + "; meanwhile " + now;
  }
  if (now.empty()) return alert == nullptr ? "" : alert->doing;
  if (alert == nullptr) return now;
  if (answered_by_a_version(*alert)) return "answers it: " + now;
  return alert->doing.empty() ? now : alert->doing + "; meanwhile " + now;
}

}  // namespace

Health health(const HealthFacts& facts) {
  const auto* alert = leading(facts.alerts);
  Health out;
  out.doing = doing(facts, alert);
  out.since_event_ms = facts.last_judged_ms.value_or(facts.live.watermark_ms);
  if (!facts.live.serving) {
    out.state = HealthState::Broken;
    out.why = "its bundle cannot be loaded, so it does not answer; the server's log says why";
  } else if (alert != nullptr) {
    out.state = alert->severity == "critical" ? HealthState::Broken : HealthState::Watch;
    out.why = alert->message + others(facts.alerts.size());
    out.since_event_ms = alert->opened_event_ms;
  } else if (facts.live.predictions == 0) {
    out.state = HealthState::Watch;
    out.why = "no traffic yet, so nothing is known of its quality";
  } else if (!facts.last_judged_ms) {
    out.why = "it answers and no input is wrong; its quality is known once a week's outcomes are in";
  } else {
    out.why = text::format("no alert; judged on outcomes up to {}", date(*facts.last_judged_ms));
  }
  return out;
}

}  // namespace fettle::control
