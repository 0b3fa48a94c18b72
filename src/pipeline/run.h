// Running a pipeline: observe, decide, act, record, one step after the other.
//
// Order of effects for one step: outs removed, step run, outs stored, its key stored. The lock is written once, at the
// end, also when a step fails. So a process killed at any point loses at most the step that ran: its key is not stored,
// and its outs' digests are not those of any record. Whatever was stored is found again by key.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "json/value.h"
#include "pipeline/graph.h"
#include "pipeline/lock.h"
#include "pipeline/plan.h"
#include "pipeline/workspace.h"

namespace fettle::pipeline {

struct Snapshot {  // of data that steps name
  std::string digest;
  std::vector<std::string> files;  // absolute
};

using NamedDigests = std::vector<std::pair<std::string, std::string>>;

struct Job {  // one step to run; borrowed for the call
  const Step& step;
  std::string run_id;                   // empty: not recorded
  NamedDigests steps;                   // this step and all before it that it depends on, in order: name, key
  NamedDigests snapshots;               // data that these read
  std::vector<std::string> data_files;  // of the step's own data
};

class Executor {  // Where a step's work is done. Fake: testing/fake_executor.h
 public:
  virtual ~Executor() = default;
  // Runs to the end. An error says why, with the step's last words; its outs are then of no use.
  [[nodiscard]] virtual Result<void> execute(const Job& job) = 0;
};

struct StepResult {
  const Step* step = nullptr;
  Decision decision;
  std::string key;
  Digests outs;
  std::int64_t duration_ms = 0;
  std::optional<Error> error;
};

struct Summary {
  std::vector<StepResult> steps;  // in order; the last one may have failed
  std::string run_id;
  std::optional<Error> error;  // why the run stopped early
  [[nodiscard]] std::size_t count(Action action) const;
};

class Recorder {  // Where runs are written down. Asked only once a step is about to run.
 public:
  virtual ~Recorder() = default;
  [[nodiscard]] virtual Result<std::string> started() = 0;  // the run's id; empty: not recorded
  virtual void finished(const Summary& summary) = 0;        // once, if started() gave an id
};

class Observer {  // Who watches.
 public:
  virtual ~Observer() = default;
  virtual void decided(const Step& step, const Decision& decision) = 0;
  virtual void finished(const StepResult& result) = 0;
};

struct Options {
  std::vector<std::string> targets;           // and what they wait for; empty: all
  bool force = false;                         // run the targets (all, if none is named) whatever the cache has
  std::string server;                         // counts as an input of remote steps
  std::map<std::string, Snapshot> snapshots;  // of every name in the selected steps' `data`
};

struct Parts {  // what a run works with; borrowed
  const Pipeline& pipeline;
  Workspace& workspace;
  Lock& lock;
  const Clock& clock = system_clock();
};

// Errors: a target that does not exist; a dependency that no step makes and that is not there ("pipeline.a.deps: ...").
// A failing step is no error here but in the summary. The lock holds what became of each step.
[[nodiscard]] Result<Summary> run(const Parts& parts, const Options& options, Executor& executor, Recorder& recorder,
                                  Observer& observer);
// What run() would do, as far as can be known without running anything. Writes nothing.
[[nodiscard]] Result<std::vector<StepResult>> explain(const Parts& parts, const Options& options);

}  // namespace fettle::pipeline
