// Controller::decide(): which windows close, which rollouts move, which retrainings start.
#include <algorithm>
#include <map>
#include <utility>

#include "base/digest.h"
#include "base/text.h"
#include "control/controller.h"
#include "control/watch.h"

namespace fettle::control {
namespace {

constexpr double kLatencyErrors = 4;        // standard errors of a rank: looked at often, seldom wrong
constexpr std::size_t kOutputKept = 4'000;  // of a retraining's output

std::string tail(const std::string& text) {
  return text.size() <= kOutputKept ? text : text.substr(text.size() - kOutputKept);
}

// The line that says why a command failed: the program's own last word, else the last line.
std::string why_failed(const std::string& output) {
  std::string last, own;
  for (const auto& line : text::split(text::trim(output), '\n')) {
    last = line;
    if (line.starts_with("fettle: ")) own = line.substr(8);
  }
  return own.empty() ? last : own;
}

}  // namespace

Result<void> Controller::decide_windows() {
  for (std::size_t i = 0; i < fold_.streams().size(); ++i) {
    auto& stream = fold_.streams()[i];
    FETTLE_TRY_(close_days(stream));
    for (bool again = true; again;) {
      FETTLE_TRY(again, close_weeks(stream));
    }
  }
  return {};
}

Result<void> Controller::close_days(Stream& stream) {
  const auto delay = state_.settings(stream.endpoint).outcome_delay_ms;
  const auto watermark = fold_.watermark(stream.endpoint);
  for (auto& [start, day] : stream.days) {
    const WindowFacts counts{start + kDayMs, day.predictions, day.outcomes};
    const auto now = phase(counts, watermark, delay);
    if (now == Phase::Open || day.closed || (now == Phase::Ended && day.recorded)) continue;
    const auto* profile = day.profile ? &*day.profile : nullptr;
    FETTLE_TRY_(put_window(stream, "day", start, profile, counts, !day.recorded));
    day.recorded = true;
    day.closed = now == Phase::Closed;
  }
  return {};
}

// Closes the first week whose days are all closed; true if it did, since more may be due.
Result<bool> Controller::close_weeks(Stream& stream) {
  const auto watermark = fold_.watermark(stream.endpoint);
  std::map<std::int64_t, std::vector<const Day*>> weeks;
  for (const auto& [start, day] : stream.days) weeks[week_start(start)].push_back(&day);
  for (const auto& [start, days] : weeks) {
    if (watermark < start + kWeekMs || !std::ranges::all_of(days, [](const Day* day) { return day->closed; })) continue;
    WindowFacts counts{start + kWeekMs, 0, 0};
    std::optional<monitor::Profile> profile;
    if (stream.reference) profile.emplace(stream.reference);
    for (const auto* day : days) {
      counts.predictions += day->predictions;
      counts.outcomes += day->outcomes;
      if (profile && day->profile) profile->merge(*day->profile);
    }
    FETTLE_TRY_(put_window(stream, "week", start, profile ? &*profile : nullptr, counts, true));
    fold_.close_week(stream, start);
    return true;
  }
  return false;
}

Result<void> Controller::put_window(const Stream& stream, const char* kind, std::int64_t start_ms,
                                    const monitor::Profile* profile, WindowFacts counts, bool judge) {
  Observed seen;
  seen.window = {stream.endpoint,
                 stream.bundle,
                 state_.version_of(stream.bundle),
                 variant_of(stream.endpoint, stream.bundle),
                 kind,
                 start_ms,
                 counts.end_ms,
                 {}};
  seen.profile = profile;
  seen.predictions = counts.predictions;
  seen.outcomes = counts.outcomes;
  const auto* champion = state_.champion(stream.endpoint);
  seen.judge = judge && champion != nullptr && champion->bundle == stream.bundle;
  seen.states = state_.watch(stream.endpoint, stream.bundle, kind);
  seen.open = state_.open_alerts(stream.endpoint);
  return commit(watch(seen, state_.settings(stream.endpoint).monitor, when(stream.endpoint)));
}

rollout::Evidence Controller::evidence_of(const Rollout& rollout) const {
  rollout::Evidence evidence;
  evidence.step = rollout.step;
  evidence.step_age_ms = std::max<std::int64_t>(fold_.watermark(rollout.endpoint) - rollout.step_event_ms, 0);
  if (rollout.step_event_ms == 0) evidence.step_age_ms = 0;  // began before the first traffic
  if (const auto* step = fold_.evidence(rollout.endpoint)) {
    evidence.champion = step->champion_arm.arm();
    evidence.challenger = step->challenger_arm.arm();
  }
  return evidence;
}

// A latency is too high when that is beyond doubt: the challenger's lower bound against the champion's upper one.
Result<rollout::Decision> Controller::judged(const Rollout& rollout, rollout::Evidence evidence) const {
  FETTLE_TRY(const auto plan, read_plan(rollout.plan, {}, "stored plan"));
  if (const auto* step = fold_.evidence(rollout.endpoint)) {
    evidence.champion.latency_p99_us = step->champion_arm.latency_p99_bound(kLatencyErrors);
    evidence.challenger.latency_p99_us = step->challenger_arm.latency_p99_bound(-kLatencyErrors);
  }
  return rollout::decide(plan, evidence);
}

Result<void> Controller::decide_rollouts() {
  const auto running = state_.running_rollouts();  // a copy: commit() changes it
  for (const auto& [name, rollout] : running) {
    const auto* endpoint = state_.endpoint(name);
    if (rollout.state != RolloutState::Running || endpoint == nullptr) continue;
    const auto evidence = evidence_of(rollout);
    FETTLE_TRY(const auto decision, judged(rollout, evidence));
    if (decision.action == rollout::Action::Hold) continue;
    FETTLE_TRY(auto changes, follow(rollout, *endpoint, decision, evidence, when(name)));
    if (decision.action == rollout::Action::Promote)
      changes.alerts = close_alerts(state_.open_alerts(name), "another version serves now", when(name)).alerts;
    FETTLE_TRY_(commit(std::move(changes)));
  }
  return {};
}

Result<void> Controller::decide_retrains() {
  const auto endpoints = state_.endpoints();
  for (const auto& [name, endpoint] : endpoints) {
    const RetrainFacts facts{state_.open_alerts(name), state_.retrains(name), state_.running_rollout(name) != nullptr,
                             fold_.watermark(name)};
    auto decision = decide_retrain(state_.settings(name).retrain, facts);
    if (decision.alert) FETTLE_TRY_(start_retrain(name, *decision.alert));
    if (!decision.waiting.empty()) FETTLE_TRY_(say_what_is_done(name, decision.waiting));
  }
  return {};
}

Result<void> Controller::start_retrain(const std::string& endpoint, AlertRecord alert) {
  const auto at = when(endpoint);
  const auto* project = state_.project_of(endpoint);
  Retrain retrain;
  retrain.id = Digest::of(text::format("{} {} {}", alert.id, at.event_ms, state_.retrains(endpoint).size())).brief();
  retrain.endpoint = endpoint;
  retrain.project = project->name;
  retrain.alert = alert.id;
  retrain.reason = alert.message;
  retrain.command = fill_command(state_.settings(endpoint).retrain, alert, at.event_ms);
  retrain.event_ms = at.event_ms;
  retrain.started_ms = at.now_ms;
  os::Command command;
  command.argv = retrain.command;
  command.folder = project->folder;
  command.environment[kRetrainMark] = mark_of(retrain);
  Changes changes;
  changes.retrains = {retrain};
  changes.changes.push_back({at.now_ms, at.event_ms, "retrain", endpoint, retrain.id,
                             text::format("retraining on data up to {} because of the alert on {}",
                                          text::rfc3339(at.event_ms).substr(0, 10), alert.subject)});
  FETTLE_TRY_(commit(std::move(changes)));
  launch_(retrain, command);
  return {};
}

// The alerts that ask for a retraining say what keeps it.
Result<void> Controller::say_what_is_done(const std::string& endpoint, const std::string& doing) {
  Changes changes;
  const auto& on = state_.settings(endpoint).retrain.on;
  for (auto& alert : state_.open_alerts(endpoint)) {
    if (alert.doing == doing || std::ranges::find(on, alert.kind) == on.end()) continue;
    alert.doing = doing;
    changes.alerts.push_back(alert);
  }
  return changes.empty() ? Result<void>() : commit(std::move(changes));
}

Result<void> Controller::retrain_ended(const std::string& id, const Result<os::Exit>& exit) {
  const auto* known = state_.retrain(id);
  if (known == nullptr || known->state != RetrainState::Running) return {};
  auto retrain = *known;
  retrain.finished_ms = parts_.clock.now_ms();
  retrain.exit_code = exit ? exit->code : info(exit.error().code).exit_code;
  retrain.state = retrain.exit_code == 0 ? RetrainState::Succeeded : RetrainState::Failed;
  retrain.output = exit ? tail(exit->output) : exit.error().message;
  Changes changes;
  const auto text = retrain.exit_code == 0 ? std::string("retraining succeeded")
                                           : text::format("retraining failed (exit code {}): {}", retrain.exit_code,
                                                          why_failed(retrain.output));
  changes.changes.push_back(
      {retrain.finished_ms, fold_.watermark(retrain.endpoint), "retrain", retrain.endpoint, id, text});
  changes.retrains = {std::move(retrain)};
  return commit(std::move(changes));
}

std::vector<LiveEndpoint> Controller::live() const {
  std::vector<LiveEndpoint> out;
  for (const auto& [name, endpoint] : state_.endpoints()) {
    LiveEndpoint live;
    live.name = name;
    live.serving = parts_.runtime.find(name) != nullptr;
    if (const auto found = fold_.endpoints().find(name); found != fold_.endpoints().end()) {
      const auto& counts = found->second;
      live.predictions = counts.predictions;
      live.outcomes = counts.outcomes;
      live.watermark_ms = counts.watermark.ms();
      live.late = counts.late;
      live.unmatched = counts.unmatched;
      live.corrected = counts.corrected;
    }
    if (const auto* rollout = state_.running_rollout(name)) {
      const auto evidence = evidence_of(*rollout);
      LiveRollout shown;
      shown.rollout = rollout->id;
      for (const auto& [variant, arm] : {std::pair(kChampion, evidence.champion), {kChallenger, evidence.challenger}})
        shown.arms.push_back({variant, arm.requests, arm.errors, arm.loss.n, arm.loss.mean, arm.latency_p99_us});
      if (const auto decision = judged(*rollout, evidence)) {
        shown.waiting =
            rollout->state == RolloutState::Held ? "held by a person: " + rollout->reason : decision->reason;
        shown.difference = decision->difference;
        shown.lower = decision->lower;
        shown.upper = decision->upper;
      }
      live.rollout = std::move(shown);
    }
    out.push_back(std::move(live));
  }
  return out;
}

}  // namespace fettle::control
