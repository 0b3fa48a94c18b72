// Pipeline runs written down on the server, through the MLflow API.
//
// A run of the experiment that has the project's name: params are the project's, metrics what steps left in their
// `metrics:` files, tags the commit, the digests of data snapshots and steps, artifacts the metrics files.
#pragma once

#include <functional>
#include <string>

#include "git.h"
#include "json/value.h"
#include "pipeline/run.h"
#include "project.h"

namespace fettle::cli {

class MlflowRecorder final : public pipeline::Recorder {
 public:
  struct Setting {
    const Project& project;
    json::Value params;   // after --set
    std::string server;   // empty: nothing is recorded
    bool insist = false;  // no server is an error, not a warning
    std::map<std::string, pipeline::Snapshot> snapshots;
    std::function<GitState()> git;
    std::function<void(const std::string&)> warn;
  };
  explicit MlflowRecorder(Setting setting) : setting_(std::move(setting)) {}
  [[nodiscard]] Result<std::string> started() override;
  void finished(const pipeline::Summary& summary) override;
  [[nodiscard]] const std::string& experiment() const noexcept { return experiment_; }  // its id

 private:
  [[nodiscard]] Result<void> find_experiment();
  [[nodiscard]] Result<std::string> create_run();
  [[nodiscard]] Result<void> log(const pipeline::Summary& summary);
  [[nodiscard]] Result<void> log_file(const std::string& path);
  [[nodiscard]] Result<void> end_run(const pipeline::Summary& summary) const;

  Setting setting_;
  std::string experiment_, run_id_;
};

}  // namespace fettle::cli
