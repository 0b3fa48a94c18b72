// The loop's work without its thread: observe the log, decide, act, record. One thread at a time.
//
// Every decision is put with its records in one transaction, and only then changes the state in memory and what is
// served; when putting fails (disk full), nothing has changed and the next turn decides again.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "control/commands.h"
#include "control/fold.h"
#include "control/loop.h"
#include "control/moves.h"
#include "control/state.h"
#include "control/watch.h"

namespace fettle::control {

inline constexpr std::size_t kBatch = 20'000;  // events between two looks at what is due

class Controller {
 public:
  // `launch` starts a retraining that was recorded; its end comes back through retrain_ended(). Must not block.
  using Launch = std::function<void(const Retrain&, const os::Command&)>;
  Controller(LoopParts parts, Launch launch);

  [[nodiscard]] Result<void> load();  // first: the records, what is served, the log from the checkpoint to its end
  // Reads at most `limit` events; true if there may be more.
  [[nodiscard]] Result<bool> observe(std::size_t limit);
  // Closes windows, moves rollouts, starts retrainings: all that the observed events allow.
  [[nodiscard]] Result<void> decide();
  [[nodiscard]] Result<Settled> settle();

  [[nodiscard]] Result<Placed> place(const NewVersion& version);
  [[nodiscard]] Result<Rollout> start_rollout(const NewRollout& rollout);
  [[nodiscard]] Result<Rollout> command(const std::string& rollout, Verb verb, const std::string& actor,
                                        const std::string& reason);
  [[nodiscard]] Result<AlertRecord> acknowledge(const std::string& alert, const std::string& actor);
  [[nodiscard]] Result<Project> apply(Project project);
  [[nodiscard]] Result<VerdictRecord> record_verdict(VerdictRecord verdict);
  [[nodiscard]] Result<void> record_bundle(BundleRecord bundle);
  [[nodiscard]] Result<bool> forget_bundle(const std::string& digest);
  [[nodiscard]] Result<void> retrain_ended(const std::string& id, const Result<os::Exit>& exit);

  [[nodiscard]] std::vector<LiveEndpoint> live() const;
  void on_change(std::function<void(const Change&)> listener) { listener_ = std::move(listener); }

 private:
  [[nodiscard]] Result<void> commit(Changes changes);
  void serve(const Endpoint& endpoint);
  void restore_steps();
  [[nodiscard]] Result<void> restore_windows();
  [[nodiscard]] Result<void> fail_interrupted();

  [[nodiscard]] Result<void> decide_windows();
  [[nodiscard]] Result<void> close_days(Stream& stream);
  [[nodiscard]] Result<bool> close_weeks(Stream& stream);
  [[nodiscard]] Result<void> put_window(const Stream& stream, const char* kind, std::int64_t start_ms,
                                        const monitor::Profile* profile, WindowFacts counts, bool judge);
  [[nodiscard]] Result<void> decide_rollouts();
  [[nodiscard]] Result<void> decide_retrains();
  [[nodiscard]] Result<void> start_retrain(const std::string& endpoint, AlertRecord alert);
  [[nodiscard]] Result<void> say_what_is_done(const std::string& endpoint, const std::string& doing);

  [[nodiscard]] When when(const std::string& endpoint) const;
  [[nodiscard]] rollout::Evidence evidence_of(const Rollout& rollout) const;
  // What the plan makes of the evidence. DataLoss or InvalidArgument if the stored plan cannot be read.
  [[nodiscard]] Result<rollout::Decision> judged(const Rollout& rollout, rollout::Evidence evidence) const;
  [[nodiscard]] StepEvidence step_of(const Rollout& rollout) const;
  [[nodiscard]] std::string variant_of(const std::string& endpoint, const std::string& bundle) const;

  LoopParts parts_;
  Launch launch_;
  State state_;
  Fold fold_;
  event::Cursor cursor_;
  std::uint64_t events_ = 0, events_at_checkpoint_ = 0;
  std::function<void(const Change&)> listener_;
};

}  // namespace fettle::control
