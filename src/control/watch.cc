#include "control/watch.h"

#include <algorithm>

#include "base/digest.h"
#include "base/text.h"
#include "json/describe.h"

namespace fettle::control {
namespace {

bool belongs(const std::string& alert_kind, const std::string& window_kind) {
  return (window_kind == "day") == (alert_kind == "data_quality");
}

std::string asks_for(const std::string& kind) {
  if (kind == "data_quality") return "asks you to look at where this input comes from";
  if (kind == "drift") return "asks you to look: inputs changed, quality is not known to have";
  return "asks you to retrain the model or to check the outcomes";
}

AlertRecord open_alert(const Observed& facts, const monitor::Finding& finding, const When& when) {
  AlertRecord alert;
  alert.endpoint = facts.window.endpoint;
  alert.kind = finding.kind;
  alert.subject = finding.subject;
  alert.severity = finding.severity;
  alert.message = finding.message;
  alert.state = "open";
  // When the finding was made, not when it is written: the same after a restart.
  alert.opened_event_ms = facts.window.end_ms;
  alert.updated_event_ms = std::max(when.event_ms, facts.window.end_ms);
  alert.doing = asks_for(finding.kind);
  alert.id = Digest::of(text::format("{}\n{}\n{}\n{}\n{}", alert.endpoint, facts.window.bundle, alert.kind,
                                     alert.subject, facts.window.start_ms))
                 .brief();
  return alert;
}

const AlertRecord* find_open(const std::vector<AlertRecord>& open, const std::string& kind,
                             const std::string& subject) {
  const auto found = std::ranges::find_if(
      open, [&](const AlertRecord& alert) { return alert.kind == kind && alert.subject == subject; });
  return found == open.end() ? nullptr : &*found;
}

void tell(Changes& changes, const AlertRecord& alert, std::string text, const When& when) {
  changes.changes.push_back({when.now_ms, alert.updated_event_ms, "alert", alert.endpoint, alert.id, std::move(text)});
}

void keep_alert(Changes& changes, AlertRecord alert, const monitor::Finding& finding, std::int64_t event_ms) {
  alert.message = finding.message;
  alert.severity = finding.severity;
  alert.updated_event_ms = std::max(alert.updated_event_ms, event_ms);
  changes.alerts.push_back(std::move(alert));
}

void close_alert(Changes& changes, AlertRecord alert, std::int64_t event_ms, const std::string& why, const When& when) {
  alert.state = "closed";
  alert.closed_event_ms = alert.updated_event_ms = event_ms;
  alert.doing = why;
  tell(changes, alert, text::format("closed: {} ({})", alert.subject, why), when);
  changes.alerts.push_back(std::move(alert));
}

void judge(Changes& changes, const Observed& facts, const monitor::WindowReport& report, const monitor::Config& config,
           const When& when) {
  const auto& output = facts.profile->reference().signature().output();
  auto decision = monitor::decide_alerts(facts.states, report, config, output);
  for (const auto& finding : decision.opened) {
    if (!belongs(finding.kind, facts.window.kind)) continue;
    if (const auto* known = find_open(facts.open, finding.kind, finding.subject)) {
      keep_alert(changes, *known, finding, facts.window.end_ms);
      continue;
    }
    changes.alerts.push_back(open_alert(facts, finding, when));
    tell(changes, changes.alerts.back(), finding.message, when);
  }
  const auto known_alert = [&](const auto& each) {
    return belongs(each.kind, facts.window.kind) ? find_open(facts.open, each.kind, each.subject) : nullptr;
  };
  for (const auto& finding : decision.kept)
    if (const auto* known = known_alert(finding)) keep_alert(changes, *known, finding, facts.window.end_ms);
  for (const auto& state : decision.closed)
    if (const auto* known = known_alert(state))
      close_alert(changes, *known, facts.window.end_ms, "not found any more", when);
  changes.watches.push_back(
      {facts.window.endpoint, facts.window.bundle, facts.window.kind, std::move(decision.states)});
}

}  // namespace

Changes watch(const Observed& facts, const monitor::Config& config, const When& when) {
  monitor::WindowReport report;
  report.rows = facts.predictions;
  report.outcomes = facts.outcomes;
  report.waiting_for = "the bundle has no profile.json to compare with";
  if (facts.profile != nullptr) report = monitor::report(*facts.profile, config);
  Changes changes;
  changes.windows.push_back(facts.window);
  changes.windows.back().report = json::to_value(report);
  if (facts.judge && facts.profile != nullptr) judge(changes, facts, report, config, when);
  return changes;
}

Changes close_alerts(const std::vector<AlertRecord>& open, const std::string& why, const When& when) {
  Changes changes;
  for (const auto& alert : open) close_alert(changes, alert, when.event_ms, why, when);
  return changes;
}

}  // namespace fettle::control
