#include "api/mlflow/encode.h"

#include <array>

namespace fettle::api::mlflow {
namespace {

using json::Writer;
using tracking::Stage;

constexpr std::array<std::string_view, 6> kRunStatus{"", "RUNNING", "SCHEDULED", "FINISHED", "FAILED", "KILLED"};
constexpr std::array<std::string_view, 4> kModelStatus{"", "LOGGED_MODEL_PENDING", "LOGGED_MODEL_READY",
                                                       "LOGGED_MODEL_UPLOAD_FAILED"};

std::string_view stage_name(Stage stage) { return stage == Stage::Active ? "active" : "deleted"; }

void encode_data(Writer& out, const tracking::Run& run) {
  out.begin_object();
  encode_some(out, "metrics", run.metrics);
  encode_some(out, "params", run.params);
  encode_some(out, "tags", run.tags);
  out.end_object();
}

void encode_inputs(Writer& out, const tracking::Run& run) {
  out.begin_object();
  encode_some(out, "dataset_inputs", run.datasets);
  if (!run.model_inputs.empty()) {
    out.key("model_inputs").begin_array();
    for (const auto& id : run.model_inputs) out.begin_object().member("model_id", id).end_object();
    out.end_array();
  }
  out.end_object();
}

}  // namespace

void encode(Writer& out, const tracking::KeyValue& pair) {
  out.begin_object().member("key", pair.key).member("value", pair.value).end_object();
}

void encode(Writer& out, const tracking::DatasetInput& input) {
  out.begin_object();
  encode_some(out, "tags", input.tags);
  const auto& dataset = input.dataset;
  out.key("dataset").begin_object();
  out.member("name", dataset.name).member("digest", dataset.digest);
  out.member("source_type", dataset.source_type).member("source", dataset.source);
  if (dataset.schema) out.member("schema", *dataset.schema);
  if (dataset.profile) out.member("profile", *dataset.profile);
  out.end_object().end_object();
}

void encode(Writer& out, const tracking::DatasetSummary& summary) {
  out.begin_object().member("experiment_id", summary.experiment.str());
  out.member("name", summary.name).member("digest", summary.digest);
  encode_some(out, "context", summary.context);
  out.end_object();
}

void encode(Writer& out, const tracking::ModelOutput& output) {
  out.begin_object().member("model_id", output.model_id).member("step", output.step).end_object();
}

void encode(Writer& out, const tracking::Experiment& experiment) {
  out.begin_object();
  out.member("experiment_id", experiment.id.str()).member("name", experiment.name);
  out.member("artifact_location", experiment.artifact_location);
  out.member("lifecycle_stage", stage_name(experiment.stage));
  out.member("last_update_time", experiment.updated_ms).member("creation_time", experiment.created_ms);
  encode_some(out, "tags", experiment.tags);
  out.end_object();
}

void encode(Writer& out, const tracking::Metric& metric) {
  out.begin_object();
  out.member("key", metric.key).key("value").quoted_unless_finite(metric.value);
  out.member("timestamp", metric.time_ms).member("step", metric.step);
  encode_some(out, "model_id", metric.model_id);
  encode_some(out, "dataset_name", metric.dataset_name);
  encode_some(out, "dataset_digest", metric.dataset_digest);
  encode_some(out, "run_id", metric.run_id);
  out.end_object();
}

void encode(Writer& out, const tracking::RunInfo& info) {
  out.begin_object();
  out.member("run_uuid", info.id.str()).member("experiment_id", info.experiment.str());
  out.member("run_name", info.name).member("user_id", info.user);
  out.member("status", kRunStatus.at(static_cast<std::size_t>(info.status))).member("start_time", info.start_ms);
  if (info.end_ms) out.member("end_time", *info.end_ms);
  out.member("artifact_uri", info.artifact_uri).member("lifecycle_stage", stage_name(info.stage));
  out.member("run_id", info.id.str()).end_object();
}

void encode(Writer& out, const tracking::Run& run) {
  out.begin_object();
  encode(out.key("info"), run.info);
  encode_data(out.key("data"), run);
  encode_inputs(out.key("inputs"), run);
  out.key("outputs").begin_object();
  encode_some(out, "model_outputs", run.outputs);
  out.end_object().end_object();
}

void encode(Writer& out, const tracking::LoggedModel& model) {
  out.begin_object().key("info").begin_object();
  out.member("model_id", model.id).member("experiment_id", model.experiment.str()).member("name", model.name);
  out.member("creation_timestamp_ms", model.created_ms).member("last_updated_timestamp_ms", model.updated_ms);
  out.member("artifact_uri", model.artifact_uri);
  out.member("status", kModelStatus.at(static_cast<std::size_t>(model.status)));
  out.member("model_type", model.type).member("source_run_id", model.source_run);
  encode_some(out, "status_message", model.status_message);
  encode_some(out, "tags", model.tags);
  out.end_object().key("data").begin_object();
  encode_some(out, "params", model.params);
  encode_some(out, "metrics", model.metrics);
  out.end_object().end_object();
}

void encode(Writer& out, const registry::Alias& alias) {
  out.begin_object().member("alias", alias.name).member("version", std::to_string(alias.version)).end_object();
}

void encode(Writer& out, const registry::Model& model) {
  out.begin_object();
  out.member("name", model.name).member("creation_timestamp", model.created_ms);
  out.member("last_updated_timestamp", model.updated_ms);
  encode_some(out, "description", model.description);
  encode_some(out, "latest_versions", model.latest);
  encode_some(out, "tags", model.tags);
  encode_some(out, "aliases", model.aliases);
  out.end_object();
}

void encode(Writer& out, const registry::Version& version) {
  out.begin_object();
  out.member("name", version.model).member("version", std::to_string(version.version));
  out.member("creation_timestamp", version.created_ms).member("last_updated_timestamp", version.updated_ms);
  encode_some(out, "user_id", version.user);
  out.member("current_stage", version.stage).member("description", version.description);
  out.member("source", version.source).member("run_id", version.run_id).member("status", "READY");
  out.member("run_link", version.run_link);
  encode_some(out, "tags", version.tags);
  if (!version.aliases.empty()) {
    out.key("aliases").begin_array();
    for (const auto& alias : version.aliases) out.value(alias);
    out.end_array();
  }
  encode_some(out, "model_id", version.model_id);
  out.end_object();
}

}  // namespace fettle::api::mlflow
