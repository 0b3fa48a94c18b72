// The control loop: one thread that observes, decides, acts and records, in one total order.
//
// It tails the event log, folds predictions and outcomes into windows and rollout evidence, asks the pure deciders
// (rollout, monitor, retrain) and puts each decision with its records in one transaction before it changes what is
// served. Requests of the REST API are queued to it and answered by it, so that no decision sees half of another.
// Restart = read the records, read the log again from the checkpoint, decide again: deciding is idempotent.
//
// Thread-safe. Calls block until the loop has done them; do not call from a data loop or from `on_change`.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "control/commands.h"
#include "control/deploy.h"
#include "control/store.h"
#include "os/process.h"

namespace fettle::control {

struct LoopParts {  // borrowed; all outlive the loop
  Store& store;
  event::Log& log;
  serving::Runtime& runtime;
  const Clock& clock;
  Loader load;                                            // bundle digest -> what serves and watches it
  std::function<void(const Endpoint&)> endpoint_changed;  // moves the registry's aliases; may be empty
  // Runs a retraining on a thread of its own; `cancelled` turns true when the loop stops. Empty = os::run.
  std::function<Result<os::Exit>(const os::Command&, const std::function<bool()>& cancelled)> run_retrain;
  // Ends the processes that have NAME=VALUE in their environment; how many there were. Empty = os::end_marked.
  std::function<Result<std::size_t>(const std::string& name, const std::string& value)> end_orphans;
};

class Loop {
 public:
  // Loads the records, serves every endpoint and starts the thread. An endpoint whose bundle cannot be loaded is
  // logged and left out, so that one damaged bundle does not take the others down.
  [[nodiscard]] static Result<std::unique_ptr<Loop>> start(LoopParts parts);
  ~Loop();

  // Deploys a first version as champion, else starts a rollout by the project's plan. Again with the same bundle: the
  // same answer. FailedPrecondition while another rollout runs on the endpoint.
  [[nodiscard]] Result<Placed> place(NewVersion version);
  [[nodiscard]] Result<Rollout> start_rollout(NewRollout rollout);
  [[nodiscard]] Result<Rollout> command(std::string rollout, Verb verb, std::string actor, std::string reason);
  [[nodiscard]] Result<AlertRecord> acknowledge(std::string alert, std::string actor);
  [[nodiscard]] Result<Project> apply(Project project);
  [[nodiscard]] Result<VerdictRecord> record_verdict(VerdictRecord verdict);
  [[nodiscard]] Result<void> record_bundle(BundleRecord bundle);
  // So that its files can be removed. False, and nothing changes, if an endpoint or a running rollout has it.
  [[nodiscard]] Result<bool> forget_bundle(std::string digest);
  // Answers when every event appended before has been folded and decided on.
  [[nodiscard]] Result<Settled> settle();
  [[nodiscard]] std::vector<LiveEndpoint> live() const;
  // Called on the loop's thread after each recorded change; must not block. One listener; set before traffic.
  void on_change(std::function<void(const Change&)> listener);

 private:
  struct Impl;
  explicit Loop(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace fettle::control
