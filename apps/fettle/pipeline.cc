// `fettle pipeline run|show`: the project's steps, run as far as their inputs changed.
#include <signal.h>

#include <algorithm>
#include <memory>
#include <optional>

#include "base/clock.h"
#include "base/text.h"
#include "cli.h"
#include "client.h"
#include "dataset/snapshot.h"
#include "executor.h"
#include "json/describe.h"
#include "os/file.h"
#include "os/process.h"
#include "pipeline/run.h"
#include "pipeline/run_lock.h"
#include "project.h"
#include "recorder.h"
#include "step.h"

namespace fettle::cli {
namespace {

struct RunOptions {
  std::string project = ".", server;
  std::vector<std::string> steps, set;
  bool explain = false, force = false, no_record = false;
};

pipeline::BuiltIns built_ins() {
  pipeline::BuiltIns out;
  for (const auto& step : built_in_steps())
    out.emplace(step.name, pipeline::BuiltIn{step.version, step.sections, step.remote});
  return out;
}

bool stop_requested() {
  sigset_t pending;
  ::sigpending(&pending);
  return sigismember(&pending, SIGINT) == 1 || sigismember(&pending, SIGTERM) == 1;
}

class Screen final : public pipeline::Observer, public StepWatcher {
 public:
  explicit Screen(Output& output, const pipeline::Pipeline& pipeline) : output_(output) {
    for (const auto& step : pipeline.steps()) width_ = std::max(width_, step.name.size());
  }

  void decided(const pipeline::Step& step, const pipeline::Decision& decision) override {
    tell(step.name, pipeline::describe(decision));
  }

  void finished(const pipeline::StepResult& result) override {
    output_.progress_done();
    if (result.error) {
      tell(result.step->name, output_.colour("failed", "bad"));
    } else if (result.decision.action == pipeline::Action::Run) {
      const auto took = text::human_duration_ms(static_cast<double>(result.duration_ms));
      tell(result.step->name, text::format("{} in {}", output_.colour("done", "good"), took));
    }
  }

  void progress(const std::string& step, double fraction, std::string_view text) override {
    output_.progress("  " + step, fraction, text);
  }

  void output(const std::string&, std::string_view line) override {
    output_.line(output_.colour(text::format("    | {}", line), "dim"));
  }

  void foreseen(const std::vector<pipeline::StepResult>& results) {
    for (const auto& result : results) tell(result.step->name, pipeline::describe(result.decision));
  }

 private:
  void tell(const std::string& step, std::string_view what) {
    output_.line(text::format("  {:<{}}  {}", step, width_, what));
  }

  Output& output_;
  std::size_t width_ = 0;
};

json::Value to_json(const pipeline::StepResult& result) {
  json::Value out;
  out.set("name", result.step->name).set("action", pipeline::name(result.decision.action));
  out.set("reasons", json::to_value(result.decision.reasons)).set("key", result.key);
  out.set("outs", json::to_value(result.outs)).set("duration_ms", result.duration_ms);
  return out;
}

json::Value to_json(const std::vector<pipeline::StepResult>& results) {
  json::Array out;
  for (const auto& result : results) out.push_back(to_json(result));
  return out;
}

// The newest snapshot of each data that the selected steps read; data that changed is added.
Result<std::map<std::string, pipeline::Snapshot>> take_snapshots(const Project& project,
                                                                 const pipeline::Pipeline& pipeline,
                                                                 const std::vector<std::size_t>& selected,
                                                                 Output& output) {
  std::map<std::string, pipeline::Snapshot> out;
  for (const auto s : selected) {
    for (const auto& name : pipeline.steps()[s].data) {
      if (out.contains(name)) continue;
      FETTLE_TRY(auto datasets, dataset::Datasets::open(project.folder));
      const auto& path = project.data.at(name).path;
      const auto report = datasets.add(name, path, [&](std::uint64_t done, std::uint64_t total) {
        if (total > 0) output.progress("  data " + name, static_cast<double>(done) / static_cast<double>(total));
      });
      output.progress_done();
      if (!report) return fail(config::located(project.document, report.error().within("data." + name)));
      auto& snapshot = out[name];
      snapshot.digest = report->snapshot.digest;
      const auto absolute = project.path_of(path);
      for (const auto& file : report->snapshot.files)
        snapshot.files.push_back(os::is_folder(absolute) ? text::format("{}/{}", absolute, file.path) : absolute);
    }
  }
  return out;
}

// All that a run holds while it lasts.
struct Session {
  Project project;
  pipeline::Pipeline pipeline;
  pipeline::Workspace workspace;
  pipeline::LockFile lock_file;
  pipeline::Lock lock;
  pipeline::Options options;

  [[nodiscard]] pipeline::Parts parts() { return {pipeline, workspace, lock}; }
};

Result<Session> prepare(const RunOptions& asked, Project project, Output& output) {
  FETTLE_TRY(auto pipeline, pipeline::Pipeline::create(project.document, built_ins(), asked.set));
  FETTLE_TRY(const auto selected, pipeline.select(asked.steps));
  if (selected.empty())
    return fail(Code::FailedPrecondition, "fettle.yaml has no steps under pipeline:; there is nothing to run");
  FETTLE_TRY(auto workspace, pipeline::Workspace::open(project.folder));
  pipeline::LockFile lock_file(project.folder);
  FETTLE_TRY(auto lock, lock_file.load());
  pipeline::Options options{.targets = asked.steps, .force = asked.force, .server = {}, .snapshots = {}};
  if (!asked.no_record) options.server = client::server_url(asked.server);
  FETTLE_TRY(options.snapshots, take_snapshots(project, pipeline, selected, output));
  return Session{std::move(project),   std::move(pipeline), std::move(workspace),
                 std::move(lock_file), std::move(lock),     std::move(options)};
}

Result<void> explain(const RunOptions& asked, Output& output) {
  FETTLE_TRY(auto project, load_project(asked.project));
  FETTLE_TRY(auto session, prepare(asked, std::move(project), output));
  const auto results = pipeline::explain(session.parts(), session.options);
  if (!results) return fail(config::located(session.project.document, results.error()));
  Screen(output, session.pipeline).foreseen(*results);
  output.document(json::Value::object().set("steps", to_json(*results)));
  return session.workspace.save();
}

std::string closing(const pipeline::Summary& summary, std::int64_t took_ms) {
  using pipeline::Action;
  return text::format("{} steps: {} ran, {} restored, {} unchanged, in {}", summary.steps.size(),
                      summary.count(Action::Run), summary.count(Action::Restore), summary.count(Action::Skip),
                      text::human_duration_ms(static_cast<double>(took_ms)));
}

Result<pipeline::Summary> execute(const RunOptions& asked, Session& session, Output& output, Screen& screen) {
  std::optional<GitState> known;
  const auto git = [&] {
    if (!known) known = git_state(session.project.folder);
    return *known;
  };
  const auto warn = [&](const std::string& text) {
    output.progress_done();
    output.line(output.colour("  warning: " + text, "watch"));
  };
  const auto& params = session.pipeline.params();
  ChildExecutor executor({session.project, params, session.options.server, stop_requested, git}, screen);
  MlflowRecorder recorder(
      {session.project, params, session.options.server, !asked.server.empty(), session.options.snapshots, git, warn});
  auto summary = pipeline::run(session.parts(), session.options, executor, recorder, screen);
  if (!summary) return fail(config::located(session.project.document, summary.error()));
  // Also after a failure: what succeeded before it stands.
  FETTLE_TRY_(session.lock_file.save(session.lock, session.pipeline));
  FETTLE_TRY_(session.workspace.save());
  return summary;
}

Result<void> run(const RunOptions& asked, Output& output) {
  if (asked.explain) return explain(asked, output);
  const auto began_ns = system_clock().monotonic_ns();
  os::block_stop_signals();
  FETTLE_TRY(auto project, load_project(asked.project));
  FETTLE_TRY_(os::make_folders(project.path_of(".fettle")));
  FETTLE_TRY(const auto held, pipeline::RunLock::acquire(project.path_of(".fettle/run.lock")));
  FETTLE_TRY(auto session, prepare(asked, std::move(project), output));
  Screen screen(output, session.pipeline);
  FETTLE_TRY(const auto summary, execute(asked, session, output, screen));
  if (summary.error) return fail(*summary.error);
  output.line(closing(summary, (system_clock().monotonic_ns() - began_ns) / 1'000'000));
  if (!summary.run_id.empty())
    output.line(text::format("run {} on {}; look at it with: fettle run show {}", summary.run_id,
                             session.options.server, summary.run_id));
  if (!output.json()) return {};
  output.document(json::Value::object()
                      .set("run_id", summary.run_id)
                      .set("server", summary.run_id.empty() ? "" : session.options.server)
                      .set("steps", to_json(summary.steps)));
  return {};
}

json::Value to_json(const pipeline::Step& step, const pipeline::Pipeline& pipeline) {
  json::Array after;
  for (const auto s : step.after) after.emplace_back(pipeline.steps()[s].name);
  json::Value out;
  out.set("name", step.name).set("uses", step.uses).set("command", json::to_value(step.command));
  out.set("after", std::move(after)).set("data", json::to_value(step.data)).set("deps", json::to_value(step.deps));
  return out.set("outs", json::to_value(step.outs)).set("metrics", json::to_value(step.metrics));
}

Result<void> show(const std::string& folder, Output& output) {
  FETTLE_TRY(const auto project, load_project(folder));
  FETTLE_TRY(const auto pipeline, pipeline::Pipeline::create(project.document, built_ins()));
  FETTLE_TRY(const auto lock, pipeline::LockFile(project.folder).load());
  std::vector<std::vector<std::string>> rows;
  json::Array steps;
  for (const auto& step : pipeline.steps()) {
    std::vector<std::string> after, reads = step.data;
    for (const auto s : step.after) after.push_back(pipeline.steps()[s].name);
    reads.insert(reads.end(), step.deps.begin(), step.deps.end());
    const auto locked = lock.steps.find(step.name);
    rows.push_back({step.name, step.uses.empty() ? text::join(step.command, " ") : step.uses,
                    after.empty() ? "-" : text::join(after, " "), reads.empty() ? "-" : text::join(reads, " "),
                    step.outs.empty() ? "-" : text::join(step.outs, " "),
                    locked == lock.steps.end() ? "-" : locked->second.key.substr(0, 12)});
    steps.push_back(to_json(step, pipeline));
  }
  output.table({"step", "runs", "after", "reads", "writes", "last key"}, rows);
  output.document(json::Value::object().set("project", project.name).set("steps", std::move(steps)));
  return {};
}

void add_run(Program& program) {
  auto options = std::make_shared<RunOptions>();
  auto verb = program.verb("pipeline", "Steps from data to a registered model", "run",
                           "Run the steps whose inputs changed, and record the run");
  verb.arguments("STEP", options->steps, "Only these steps and what they wait for");
  verb.flag("--explain", options->explain, "Say what would run and why; run nothing");
  verb.option("--set", options->set, "key=value: another value for a param");
  verb.flag("--force", options->force, "Run the named steps (all, if none is named) even if nothing changed");
  verb.flag("--no-record", options->no_record, "Leave no trace on a server");
  verb.option("--server", options->server, client::kServerHelp);
  verb.option("--project", options->project, kProjectHelp);
  verb.examples(
      "  fettle pipeline run\n"
      "  fettle pipeline run --explain --set rounds=300\n"
      "  fettle pipeline run train --force --no-record");
  verb.action([options](Output& output) { return run(*options, output); });
}

void add_show(Program& program) {
  auto folder = std::make_shared<std::string>(".");
  auto verb = program.verb("pipeline", "", "show", "The steps in order, what each reads and writes");
  verb.option("--project", *folder, kProjectHelp);
  verb.examples("  fettle pipeline show");
  verb.action([folder](Output& output) { return show(*folder, output); });
}

}  // namespace

void add_pipeline_verbs(Program& program) {
  add_run(program);
  add_show(program);
}

}  // namespace fettle::cli
