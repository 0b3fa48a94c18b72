// Built-in pipeline steps: what one is given, and the table that finds one by its `uses:` name.
//
// A built-in step runs as a child process, `fettle step NAME --spec FILE`, with the project's folder as its working
// folder, so that paths in `with`, `deps` and `outs` can be opened as they stand. It reads nothing that is not named
// there: what it reads beyond would not be in the step's digest. It writes its outs and returns; an error's code
// becomes the exit code, its message the last word of the pipeline. What it prints on standard output or error is shown
// only when it fails.
#pragma once

#include <boost/describe.hpp>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "bundle/bundle.h"
#include "cli.h"
#include "json/describe.h"

namespace fettle::cli {

struct StepContext {
  std::string step;                      // name in the pipeline: "train"
  std::string uses;                      // "train_xgboost"
  json::Value with;                      // an object, params substituted
  json::Value settings;                  // sections of fettle.yaml that the step reads: {"gates": {...}}
  std::vector<std::string> deps, outs;   // relative to the project's folder; outs include metrics
  std::vector<std::string> metrics;      // outs that hold one JSON object of numbers
  std::string project;                   // the project's folder, absolute; the working folder
  std::string project_name;              // `project:` of fettle.yaml
  std::string run_id, server;            // empty when not recorded
  std::string commit;                    // of git; empty outside of a repository
  bool dirty = false;                    // tracked files differ from the commit
  std::vector<bundle::Named> snapshots;  // data snapshots that this step or one before it read
  std::vector<bundle::Named> steps;      // this step and those before it, in order, with their digests
  json::Value params;                    // all params of the project, after --set
  std::vector<std::string> data_files;   // files of `data:` snapshots, absolute, sorted
  std::function<void(double fraction, std::string_view text)> progress;  // 0 to 1; < 0: unknown how far. Never empty
};

BOOST_DESCRIBE_STRUCT(StepContext, (),
                      (step, uses, with, settings, deps, outs, metrics, project, project_name, run_id, server, commit,
                       dirty, snapshots, steps, params, data_files))

using StepFunction = Result<void> (*)(const StepContext&);

struct BuiltIn {
  std::string_view name;
  StepFunction function;
  int version = 1;                    // raise it when the same input gives another result: cached ones no longer fit
  std::vector<std::string> sections;  // of fettle.yaml that the step reads; they count as its input
  bool remote = false;                // talks to the server: runs anew for another server, or if it had none
};

[[nodiscard]] const std::vector<BuiltIn>& built_in_steps();
[[nodiscard]] StepFunction find_step(std::string_view uses);  // nullptr if there is none of that name

[[nodiscard]] Result<void> step_prepare(const StepContext& context);
[[nodiscard]] Result<void> step_train_xgboost(const StepContext& context);
[[nodiscard]] Result<void> step_evaluate(const StepContext& context);
[[nodiscard]] Result<void> step_gate(const StepContext& context);
[[nodiscard]] Result<void> step_register(const StepContext& context);

void add_step_verb(Program& program);  // `fettle step`, which the pipeline calls

}  // namespace fettle::cli
