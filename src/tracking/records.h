// What tracking remembers: experiments, runs with their params, metrics and tags, datasets used, logged models.
//
// Times are milliseconds UTC. A metric is a series of (time, step, value); a run shows the latest point of each.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/id.h"

namespace fettle::tracking {

struct KeyValue {
  std::string key, value;
  bool operator==(const KeyValue&) const = default;
};

enum class Stage : std::uint8_t { Active = 0, Deleted = 1 };
enum class View : std::uint8_t { Active, Deleted, All };
enum class RunStatus : std::uint8_t { Running = 1, Scheduled = 2, Finished = 3, Failed = 4, Killed = 5 };

struct Experiment {
  ExperimentId id;  // decimal digits of an int64
  std::string name, artifact_location;
  Stage stage = Stage::Active;
  std::int64_t created_ms = 0, updated_ms = 0;
  std::vector<KeyValue> tags;  // by key
};

struct Metric {
  std::string key;
  double value = 0;  // NaN allowed; infinities are kept as +-1.797e308
  std::int64_t time_ms = 0, step = 0;
  // Set when the point was measured on a logged model or a dataset.
  std::string model_id, dataset_name, dataset_digest;
  std::string run_id;  // of a model's point: the run that logged it
};

struct RunInfo {
  RunId id;  // 32 hex digits
  ExperimentId experiment;
  std::string name, user;
  RunStatus status = RunStatus::Running;
  std::int64_t start_ms = 0;
  std::optional<std::int64_t> end_ms;
  Stage stage = Stage::Active;
  std::string artifact_uri;  // "mlflow-artifacts:/0/<run id>/artifacts"
};

struct Dataset {
  std::string name, digest, source_type, source;
  std::optional<std::string> schema, profile;
};
struct DatasetInput {
  Dataset dataset;
  std::vector<KeyValue> tags;
};
struct DatasetSummary {
  ExperimentId experiment;
  std::string name, digest, context;
};
struct ModelOutput {
  std::string model_id;
  std::int64_t step = 0;
};

struct Run {
  RunInfo info;
  std::vector<Metric> metrics;         // the latest point of each key
  std::vector<KeyValue> params, tags;  // by key
  std::vector<DatasetInput> datasets;
  std::vector<std::string> model_inputs;
  std::vector<ModelOutput> outputs;
};

struct NewRun {
  ExperimentId experiment;
  std::string name;  // empty: one is made up
  std::string user;
  std::int64_t start_ms = 0;
  std::vector<KeyValue> tags;
};

struct RunUpdate {  // only what is set changes
  std::optional<RunStatus> status;
  std::optional<std::int64_t> end_ms;
  std::optional<std::string> name;
};

struct Batch {  // all or nothing
  std::vector<Metric> metrics;
  std::vector<KeyValue> params, tags;
};

enum class ModelStatus : std::uint8_t { Pending = 1, Ready = 2, UploadFailed = 3 };

struct LoggedModel {
  std::string id;  // "m-" and 32 hex digits
  ExperimentId experiment;
  std::string name, artifact_uri, type, source_run, status_message;
  ModelStatus status = ModelStatus::Pending;
  Stage stage = Stage::Active;
  std::int64_t created_ms = 0, updated_ms = 0;
  std::vector<KeyValue> params, tags;
  std::vector<Metric> metrics;
};

struct NewModel {
  ExperimentId experiment;
  std::string name, type, source_run;
  std::vector<KeyValue> params, tags;
};

// One page of a search; an empty token means the end.
template <typename T>
struct Page {
  std::vector<T> items;
  std::string next_token;
};

// What a search may show: one object, or the names that begin with `prefix`, end with `suffix` and contain `inside`.
struct ScopeRule {
  bool visible = false;
  std::optional<std::string> exact;
  std::string prefix, inside, suffix;
};
struct Scope {  // The first rule that fits decides; what none fits is hidden.
  std::vector<ScopeRule> rules;
};

struct Search {
  std::vector<std::string> experiments;
  std::string filter;                 // the grammar of search.h
  std::vector<std::string> order_by;  // "metrics.auc DESC"
  View view = View::Active;
  std::int64_t max_results = 1000;
  std::string page_token;      // of the page before; InvalidArgument if it is not ours
  std::optional<Scope> scope;  // of experiments; none: everything
};

}  // namespace fettle::tracking
