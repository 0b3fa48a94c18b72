#include "executor.h"

#include <deque>
#include <optional>

#include "base/text.h"
#include "json/describe.h"
#include "os/file.h"
#include "os/process.h"
#include "step.h"
#include "step_protocol.h"

namespace fettle::cli {
namespace {

constexpr std::size_t kLastLines = 20;

std::vector<bundle::Named> named(const pipeline::NamedDigests& digests) {
  std::vector<bundle::Named> out;
  for (const auto& [name, digest] : digests) out.push_back({name, digest});
  return out;
}

// This program, also when its file was replaced by a newer one meanwhile.
std::string own_program() {
  auto path = os::executable_path();
  return os::exists(path) ? path : "/proc/self/exe";
}

class Listener {  // Takes a child's lines apart.
 public:
  Listener(const pipeline::Step& step, StepWatcher& watcher) : step_(step), watcher_(watcher) {}

  void line(std::string_view line) {
    if (const auto progress = parse_progress(line)) {
      watcher_.progress(step_.name, progress->fraction, progress->text);
    } else if (auto message = parse_error(line)) {
      error_ = std::move(message);
    } else {
      last_.emplace_back(line);
      if (last_.size() > kLastLines) last_.pop_front();
      if (step_.uses.empty()) watcher_.output(step_.name, line);
    }
  }

  // A built-in says why itself; of a command, what it printed last is all there is.
  [[nodiscard]] Error failure(int exit_code) const {
    if (error_) return {code_of_exit(exit_code), *error_};
    auto message = exit_code > 128 ? text::format("ended by signal {}", exit_code - 128)
                                   : text::format("failed with exit code {}", exit_code);
    if (last_.empty()) return {Code::Internal, message + " and printed nothing"};
    message += "; it printed last:";
    for (const auto& line : last_) message += "\n  " + line;
    return {Code::Internal, std::move(message)};
  }

 private:
  const pipeline::Step& step_;
  StepWatcher& watcher_;
  std::deque<std::string> last_;
  std::optional<std::string> error_;
};

}  // namespace

Result<std::string> ChildExecutor::write_spec(const pipeline::Job& job) const {
  const auto git = setting_.git();
  const auto& step = job.step;
  const StepContext context{.step = step.name,
                            .uses = step.uses,
                            .with = step.with,
                            .settings = step.settings,
                            .deps = step.deps,
                            .outs = step.outs,
                            .metrics = step.metrics,
                            .project = setting_.project.folder,
                            .project_name = setting_.project.name,
                            .run_id = job.run_id,
                            .server = job.run_id.empty() ? "" : setting_.server,
                            .commit = git.commit,
                            .dirty = git.dirty,
                            .snapshots = named(job.snapshots),
                            .steps = named(job.steps),
                            .params = setting_.params,
                            .data_files = job.data_files,
                            .progress = {}};
  const auto folder = setting_.project.path_of(".fettle/steps");
  FETTLE_TRY_(os::make_folders(folder));
  auto path = text::format("{}/{}.json", folder, step.name);
  FETTLE_TRY_(os::write_file(path, json::dump_pretty(json::to_value(context)) + "\n"));
  return path;
}

Result<void> ChildExecutor::run(const pipeline::Job& job, std::vector<std::string> argv) {
  os::Command command{.argv = std::move(argv), .folder = setting_.project.folder, .environment = {}};
  if (!job.run_id.empty())  // a script's mlflow client then logs into this run
    command.environment = {
        {"FETTLE_SERVER", setting_.server}, {"MLFLOW_TRACKING_URI", setting_.server}, {"MLFLOW_RUN_ID", job.run_id}};
  if (const auto token = os::environment("FETTLE_TOKEN"); token && !job.run_id.empty())
    command.environment["MLFLOW_TRACKING_TOKEN"] = *token;
  // A trainer's threads that wait must not spin: the step shares its cores with the server.
  if (!os::environment("OMP_WAIT_POLICY")) command.environment.emplace("OMP_WAIT_POLICY", "passive");
  Listener listener(job.step, watcher_);
  FETTLE_TRY(const auto exit, os::run(command, [&](std::string_view line) { listener.line(line); }, setting_.stopped));
  if (setting_.stopped()) return fail(Code::Unavailable, "stopped on request; run again to go on from here");
  if (exit.code == 0) return {};
  return fail(listener.failure(exit.code));
}

Result<void> ChildExecutor::execute(const pipeline::Job& job) {
  if (job.step.uses.empty()) return run(job, job.step.command);
  FETTLE_TRY(const auto spec, write_spec(job));
  return run(job, {own_program(), "step", job.step.uses, "--spec", spec});
}

}  // namespace fettle::cli
