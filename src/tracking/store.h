// Experiments and runs in SQL: created, logged to, searched, deleted and restored.
//
// Every write is one transaction and is answered after its commit; concurrent writes share one fsync. Writes to a
// deleted run or experiment are refused. Searches page by key, never by offset. Thread-safe; blocks on SQL, so never
// call from a data loop. Errors: NotFound (no such experiment or run), AlreadyExists, InvalidArgument (a rule of
// names.h or of the search grammar), FailedPrecondition (deleted where active is needed).
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "sql/database.h"
#include "tracking/logged_models.h"
#include "tracking/points.h"
#include "tracking/records.h"

namespace fettle::tracking {

class Store {
 public:
  // `artifact_root`: where artifacts of new experiments go, below it "/<id>".
  Store(sql::Database& database, const Clock& clock, std::string artifact_root = "mlflow-artifacts:") noexcept
      : database_(database), clock_(clock), models_(database, clock), artifact_root_(std::move(artifact_root)) {}
  // The experiment that always exists follows the root as long as nothing was logged to it.
  [[nodiscard]] Result<void> adopt_artifact_root();
  // Tables of the whole module (also of LoggedModels and Artifacts). Experiment 0 "Default" always exists.
  [[nodiscard]] static sql::Migrations migrations();
  [[nodiscard]] LoggedModels& models() noexcept { return models_; }

  // `location` empty: below the artifact root.
  [[nodiscard]] Result<ExperimentId> create_experiment(const std::string& name, const std::string& location,
                                                       const std::vector<KeyValue>& tags);
  [[nodiscard]] Result<Experiment> experiment(const ExperimentId& id) const;           // deleted ones too
  [[nodiscard]] Result<Experiment> experiment_by_name(const std::string& name) const;  // deleted ones too
  [[nodiscard]] Result<Page<Experiment>> search_experiments(const Search& search) const;
  [[nodiscard]] Result<void> delete_experiment(const ExperimentId& id);   // and all its runs
  [[nodiscard]] Result<void> restore_experiment(const ExperimentId& id);  // and all its runs
  [[nodiscard]] Result<void> rename_experiment(const ExperimentId& id, const std::string& name);
  [[nodiscard]] Result<void> set_experiment_tag(const ExperimentId& id, const KeyValue& tag);
  [[nodiscard]] Result<void> delete_experiment_tag(const ExperimentId& id, const std::string& key);
  [[nodiscard]] Result<std::vector<DatasetSummary>> datasets(const std::vector<std::string>& experiments) const;

  [[nodiscard]] Result<Run> create_run(const NewRun& run);
  [[nodiscard]] Result<Run> run(const RunId& id) const;
  [[nodiscard]] Result<ExperimentId> experiment_of(const RunId& id) const;
  [[nodiscard]] Result<RunInfo> update_run(const RunId& id, const RunUpdate& update);
  [[nodiscard]] Result<void> delete_run(const RunId& id);
  [[nodiscard]] Result<void> restore_run(const RunId& id);
  [[nodiscard]] Result<Page<Run>> search_runs(const Search& search) const;

  [[nodiscard]] Result<void> log(const RunId& id, Batch batch);
  // The same without blocking: `done` is called once, here if the batch breaks a rule, else on the writer's thread
  // after the commit. It must not block.
  void log_async(const RunId& id, Batch batch, std::function<void(Result<void>)> done);
  [[nodiscard]] Result<void> delete_tag(const RunId& id, const std::string& key);
  [[nodiscard]] Result<void> log_inputs(const RunId& id, const std::vector<DatasetInput>& datasets,
                                        const std::vector<std::string>& models);
  [[nodiscard]] Result<void> log_outputs(const RunId& id, const std::vector<ModelOutput>& models);
  // One MLmodel as JSON, appended to the tag mlflow.log-model.history (clients before 3.0).
  [[nodiscard]] Result<void> log_model_history(const RunId& id, const std::string& model_json);

  // By time, step, value; an unknown run or key is an empty list. At most `limit` points after `page_token`.
  [[nodiscard]] Result<Page<Point>> metric_history(const RunId& id, const std::string& key, std::int64_t limit,
                                                   const std::string& page_token = "") const;
  // About `limit` steps evenly over all steps of these runs within [first, last]; the last step and each run's extremes
  // are always kept; every point of a kept step is returned, by step. Runs without the metric may be left out.
  [[nodiscard]] Result<std::vector<Series>> sampled_history(const std::vector<std::string>& runs,
                                                            const std::string& key, std::int64_t first,
                                                            std::int64_t last, std::int64_t limit) const;

 private:
  sql::Database& database_;
  const Clock& clock_;
  LoggedModels models_;
  std::string artifact_root_;
};

}  // namespace fettle::tracking
