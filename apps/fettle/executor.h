// Pipeline steps as child processes: built-in ones through `fettle step`, commands as they stand.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "git.h"
#include "json/value.h"
#include "pipeline/run.h"
#include "project.h"

namespace fettle::cli {

class StepWatcher {  // What is shown while a step runs.
 public:
  virtual ~StepWatcher() = default;
  virtual void progress(const std::string& step, double fraction, std::string_view text) = 0;
  virtual void output(const std::string& step, std::string_view line) = 0;  // of a command
};

class ChildExecutor final : public pipeline::Executor {
 public:
  struct Setting {
    const Project& project;
    json::Value params;             // after --set
    std::string server;             // empty: not recorded
    std::function<bool()> stopped;  // polled; true ends the running step
    std::function<GitState()> git;  // asked for only when a built-in step runs
  };
  ChildExecutor(Setting setting, StepWatcher& watcher) : setting_(std::move(setting)), watcher_(watcher) {}
  [[nodiscard]] Result<void> execute(const pipeline::Job& job) override;

 private:
  [[nodiscard]] Result<std::string> write_spec(const pipeline::Job& job) const;
  [[nodiscard]] Result<void> run(const pipeline::Job& job, std::vector<std::string> argv);

  Setting setting_;
  StepWatcher& watcher_;
};

}  // namespace fettle::cli
