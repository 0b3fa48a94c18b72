#include "control/controller.h"

#include <algorithm>
#include <utility>

#include "base/log.h"
#include "base/text.h"
#include "json/describe.h"

namespace fettle::control {
namespace {

constexpr std::uint64_t kEventsPerCheckpoint = 200'000;  // so that a restart does not read what is long closed

Error no_endpoint(const std::string& name) {
  return {Code::NotFound, text::format("there is no endpoint '{}'; the first version of a model makes one", name)};
}

Deployed deployed(const BundleRecord& bundle) { return {kChallenger, bundle.digest, bundle.version}; }

}  // namespace

Controller::Controller(LoopParts parts, Launch launch)
    : parts_(std::move(parts)), launch_(std::move(launch)), fold_([this](const std::string& bundle) {
        const auto loaded = parts_.load(bundle);
        if (!loaded) log::warn(text::format("{}; its traffic is counted, not judged", loaded.error().message));
        return loaded ? loaded->reference : nullptr;
      }) {
  if (!parts_.end_orphans)
    parts_.end_orphans = [](const std::string& name, const std::string& value) { return os::end_marked(name, value); };
}

Result<void> Controller::load() {
  FETTLE_TRY(const auto records, load_records(parts_.store));
  state_.apply(records);
  FETTLE_TRY(const auto checkpoint, parts_.store.checkpoint());
  if (checkpoint) {
    cursor_ = checkpoint->cursor;
    for (const auto& [endpoint, ms] : checkpoint->watermarks_ms) fold_.restore_watermark(endpoint, ms);
  }
  FETTLE_TRY_(restore_windows());
  for (const auto& [endpoint, rollout] : state_.running_rollouts()) fold_.begin_step(endpoint, step_of(rollout));
  for (const auto& [name, endpoint] : state_.endpoints()) serve(endpoint);
  FETTLE_TRY_(fail_interrupted());
  for (bool more = true; more;) {
    FETTLE_TRY(more, observe(kBatch));
  }
  return {};
}

// What was recorded is not judged again; closed weeks take no more rows; their rows are counted from their records.
Result<void> Controller::restore_windows() {
  for (const auto& [name, endpoint] : state_.endpoints()) {
    FETTLE_TRY(const auto weeks, parts_.store.windows(name, "week"));
    for (const auto& week : weeks) fold_.restore_closed_week({name, week.bundle, week.start_ms});
    for (const auto& week : weeks)
      fold_.restore_counts(name, static_cast<std::uint64_t>(week.report.int_or("rows", 0)),
                           static_cast<std::uint64_t>(week.report.int_or("outcomes", 0)));
    FETTLE_TRY(const auto recorded, parts_.store.windows(name, "day"));
    for (const auto& day : recorded) fold_.restore_day(name, day.bundle, day.start_ms);
  }
  return {};
}

// Nobody waits for their processes any more. Those that outlived the server (kill -9) are ended: they would run beside
// the next retraining, in the same folder. A pipeline goes on from its last finished step, so little is lost.
Result<void> Controller::fail_interrupted() {
  Changes changes;
  for (const auto& [name, endpoint] : state_.endpoints())
    for (auto retrain : state_.retrains(name)) {
      if (retrain.state != RetrainState::Running) continue;
      const auto ended = parts_.end_orphans(kRetrainMark, mark_of(retrain));
      if (!ended) log::error(text::format("retraining {}: {}", retrain.id, ended.error().message));
      retrain.state = RetrainState::Failed;
      retrain.exit_code = kInterrupted;
      retrain.finished_ms = parts_.clock.now_ms();
      retrain.output = ended.value_or(0) == 0 ? "the server stopped while this ran"
                                              : "the server died while this ran; its processes were ended";
      changes.retrains.push_back(std::move(retrain));
    }
  return changes.empty() ? Result<void>() : commit(std::move(changes));
}

Result<void> Controller::commit(Changes changes) {
  Checkpoint checkpoint{fold_.low_water(cursor_), {}};
  for (const auto& [endpoint, counts] : fold_.endpoints()) checkpoint.watermarks_ms[endpoint] = counts.watermark.ms();
  changes.checkpoint = std::move(checkpoint);
  FETTLE_TRY_(parts_.store.put(changes));
  events_at_checkpoint_ = events_;
  state_.apply(changes);
  for (const auto& rollout : changes.rollouts) {
    if (rollout.state == RolloutState::Promoted || rollout.state == RolloutState::RolledBack)
      fold_.end_rollout(rollout.endpoint);
    else if (const auto* step = fold_.evidence(rollout.endpoint);
             step == nullptr || step->rollout != rollout.id || step->after_ms != rollout.step_event_ms)
      fold_.begin_step(rollout.endpoint, step_of(rollout));
  }
  for (const auto& endpoint : changes.endpoints) serve(endpoint);
  for (const auto& change : changes.changes) {
    log::info(text::format("{} {}: {}", change.endpoint, change.kind, change.text));
    if (listener_) listener_(change);
  }
  return {};
}

void Controller::serve(const Endpoint& endpoint) {
  auto spec = to_spec(endpoint, parts_.load);
  if (!spec) return log::error(text::format("endpoint '{}' is not served: {}", endpoint.name, spec.error().message));
  parts_.runtime.set(*std::move(spec));
  if (parts_.endpoint_changed) parts_.endpoint_changed(endpoint);
}

Result<bool> Controller::observe(std::size_t limit) {
  const auto from = cursor_;
  std::size_t seen = 0;
  FETTLE_TRY(cursor_, parts_.log.read(from, limit, [&](event::Event&& event) {
    fold_.add(event, from);
    ++seen;
  }));
  events_ += seen;
  return seen == limit;
}

Result<void> Controller::decide() {
  FETTLE_TRY_(decide_windows());
  FETTLE_TRY_(decide_rollouts());
  FETTLE_TRY_(decide_retrains());
  return events_ < events_at_checkpoint_ + kEventsPerCheckpoint ? Result<void>() : commit({});
}

Result<Settled> Controller::settle() {
  parts_.log.flush();
  for (bool more = true; more;) {
    FETTLE_TRY(more, observe(kBatch));
    FETTLE_TRY_(decide());
  }
  Settled settled{events_, 0};
  for (const auto& [endpoint, counts] : fold_.endpoints())
    settled.watermark_ms = std::max(settled.watermark_ms, counts.watermark.ms());
  return settled;
}

Result<Placed> Controller::place(const NewVersion& version) {
  if (!version.endpoint.empty()) FETTLE_TRY_(parts_.load(version.bundle));  // before anything points to it
  FETTLE_TRY_(record_bundle({version.bundle, version.model, version.run_id, version.version, 0}));
  if (version.endpoint.empty()) return Placed{};
  const auto* endpoint = state_.endpoint(version.endpoint);
  if (endpoint == nullptr) {
    Endpoint fresh;
    fresh.name = version.endpoint;
    fresh.model = version.model;
    FETTLE_TRY_(commit(
        deploy(fresh, {kChampion, version.bundle, version.version}, version.created_by, when(version.endpoint))));
    return Placed{true, std::nullopt};
  }
  if (const auto* champion = state_.champion(version.endpoint); champion->bundle == version.bundle)
    return Placed{true, std::nullopt};
  const auto* running = state_.running_rollout(version.endpoint);
  if (running != nullptr && running->challenger.bundle == version.bundle) return Placed{false, running->id};
  FETTLE_TRY(
      const auto rollout,
      start_rollout({version.endpoint, version.version, {}, version.created_by, "a new version was registered"}));
  return Placed{false, rollout.id};
}

Result<Rollout> Controller::start_rollout(const NewRollout& wanted) {
  const auto* endpoint = state_.endpoint(wanted.endpoint);
  if (endpoint == nullptr) return fail(no_endpoint(wanted.endpoint));
  if (const auto* running = state_.running_rollout(wanted.endpoint))
    return fail(
        Code::FailedPrecondition,
        text::format("rollout '{}' of version {} still runs on endpoint '{}'; promote it or roll it back, then "
                     "start this one with: fettle rollout start {} {}",
                     running->id, running->challenger.version, wanted.endpoint, wanted.endpoint, wanted.version));
  FETTLE_TRY(const auto bundle, parts_.store.bundle_of(endpoint->model, wanted.version));
  if (!bundle)
    return fail(Code::NotFound, text::format("version {} of model '{}' has no bundle here; `fettle model show {}` "
                                             "lists its versions",
                                             wanted.version, endpoint->model, endpoint->model));
  const auto* champion = state_.champion(wanted.endpoint);
  if (champion->bundle == bundle->digest)
    return fail(Code::FailedPrecondition,
                text::format("version {} already is the champion of endpoint '{}'", wanted.version, wanted.endpoint));
  FETTLE_TRY_(parts_.load(bundle->digest));
  FETTLE_TRY(const auto plan, read_plan(wanted.plan, state_.settings(wanted.endpoint).plan, "plan"));
  FETTLE_TRY(auto changes, control::start_rollout({*endpoint, *champion, deployed(*bundle), plan,
                                                   wanted.actor.empty() ? "someone" : wanted.actor, wanted.reason},
                                                  when(wanted.endpoint)));
  FETTLE_TRY_(to_spec(changes.endpoints.front(), parts_.load));  // the two must fit together
  auto rollout = changes.rollouts.front();
  FETTLE_TRY_(commit(std::move(changes)));
  return rollout;
}

Result<Rollout> Controller::command(const std::string& id, Verb verb, const std::string& actor,
                                    const std::string& reason) {
  FETTLE_TRY(const auto rollout, parts_.store.rollout(id));
  const auto* endpoint = state_.endpoint(rollout.endpoint);
  if (endpoint == nullptr) return fail(no_endpoint(rollout.endpoint));
  const auto at = when(rollout.endpoint);
  const auto evidence = evidence_of(rollout);
  FETTLE_TRY(const auto decision, judged(rollout, evidence));
  FETTLE_TRY(auto changes, obey(rollout, *endpoint, {verb, actor, reason}, decision, evidence, at));
  if (verb == Verb::Promote)
    changes.alerts = close_alerts(state_.open_alerts(rollout.endpoint), "another version serves now", at).alerts;
  auto moved = changes.rollouts.front();
  FETTLE_TRY_(commit(std::move(changes)));
  return moved;
}

Result<AlertRecord> Controller::acknowledge(const std::string& id, const std::string& actor) {
  FETTLE_TRY(auto alert, parts_.store.alert(id));
  if (alert.state == "closed")
    return fail(Code::FailedPrecondition, text::format("alert '{}' is closed; there is nothing to acknowledge", id));
  alert.state = "acknowledged";
  alert.acknowledged_by = actor.empty() ? "someone" : actor;
  Changes changes;
  changes.alerts = {alert};
  changes.changes.push_back({parts_.clock.now_ms(), fold_.watermark(alert.endpoint), "acknowledge", alert.endpoint, id,
                             text::format("{} has seen: {}", alert.acknowledged_by, alert.subject)});
  FETTLE_TRY_(commit(std::move(changes)));
  return alert;
}

Result<Project> Controller::apply(Project project) {
  if (project.name.empty()) return fail(Code::InvalidArgument, "a project needs a name");
  FETTLE_TRY_(read_settings(project));
  project.updated_ms = parts_.clock.now_ms();
  Changes changes;
  changes.projects = {project};
  changes.changes.push_back({project.updated_ms, fold_.watermark(project.endpoint), "apply", project.endpoint,
                             project.name, text::format("project '{}' was applied", project.name)});
  FETTLE_TRY_(commit(std::move(changes)));
  return project;
}

Result<VerdictRecord> Controller::record_verdict(VerdictRecord verdict) {
  if (verdict.status.empty() || !verdict.verdict.is_object())
    return fail(Code::InvalidArgument,
                "a verdict needs its status and itself: {\"run_id\", \"status\", \"verdict\": {}}");
  verdict.created_ms = parts_.clock.now_ms();
  // The same verdict of the same run, sent again, is one record.
  verdict.id = Digest::of(verdict.run_id + '\n' + json::dump(verdict.verdict)).brief();
  Changes changes;
  changes.verdicts = {verdict};
  FETTLE_TRY_(commit(std::move(changes)));
  return verdict;
}

Result<void> Controller::record_bundle(BundleRecord bundle) {
  if (!Digest::parse(bundle.digest))
    return fail(Code::InvalidArgument, text::format("'{}' is no bundle digest: 64 hex digits", bundle.digest));
  if (bundle.version != 0 && state_.version_of(bundle.digest) == bundle.version) return {};
  bundle.created_ms = parts_.clock.now_ms();
  Changes changes;
  changes.bundles = {std::move(bundle)};
  return commit(std::move(changes));
}

Result<bool> Controller::forget_bundle(const std::string& digest) {
  if (state_.serves(digest)) return false;
  Changes changes;
  changes.forgotten_bundles = {digest};
  FETTLE_TRY_(commit(std::move(changes)));
  return true;
}

When Controller::when(const std::string& endpoint) const { return {parts_.clock.now_ms(), fold_.watermark(endpoint)}; }

StepEvidence Controller::step_of(const Rollout& rollout) const {
  StepEvidence step;
  step.rollout = rollout.id;
  step.champion = rollout.champion.bundle;
  step.challenger = rollout.challenger.bundle;
  step.after_ms = rollout.step_event_ms;
  return step;
}

std::string Controller::variant_of(const std::string& endpoint, const std::string& bundle) const {
  if (const auto* served = state_.endpoint(endpoint))
    for (const auto& variant : served->variants)
      if (variant.bundle == bundle) return variant.variant;
  return "retired";
}

}  // namespace fettle::control
