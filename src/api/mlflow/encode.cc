#include "api/mlflow/encode.h"

#include <array>
#include <cmath>

namespace fettle::api::mlflow {
namespace {

using tracking::Stage;

constexpr std::array<std::string_view, 6> kRunStatus{"", "RUNNING", "SCHEDULED", "FINISHED", "FAILED", "KILLED"};
constexpr std::array<std::string_view, 4> kModelStatus{"", "LOGGED_MODEL_PENDING", "LOGGED_MODEL_READY",
                                                       "LOGGED_MODEL_UPLOAD_FAILED"};

std::string_view stage_name(Stage stage) { return stage == Stage::Active ? "active" : "deleted"; }

void set_some(json::Value& out, std::string_view key, const std::string& text) {
  if (!text.empty()) out.set(key, text);
}
void set_some(json::Value& out, std::string_view key, json::Value list) {
  if (list.is_array() && !list.as_array().empty()) out.set(key, std::move(list));
}

template <typename T>
json::Value list_of(const std::vector<T>& items) {
  json::Array out;
  for (const auto& item : items) out.push_back(encode(item));
  return out;
}

json::Value number(double value) {  // JSON has no NaN, and protobuf's readers want it quoted
  if (std::isnan(value)) return "NaN";
  if (std::isinf(value)) return value > 0 ? "Infinity" : "-Infinity";
  return value;
}

json::Value inputs_of(const tracking::Run& run) {
  json::Value out = json::Value::object();
  set_some(out, "dataset_inputs", list_of(run.datasets));
  json::Array models;
  for (const auto& id : run.model_inputs) models.push_back(json::Value().set("model_id", id));
  set_some(out, "model_inputs", std::move(models));
  return out;
}

json::Value texts(const std::vector<std::string>& values) { return json::Array(values.begin(), values.end()); }

}  // namespace

json::Value encode(const tracking::DatasetInput& input) {
  json::Value dataset;
  dataset.set("name", input.dataset.name).set("digest", input.dataset.digest);
  dataset.set("source_type", input.dataset.source_type).set("source", input.dataset.source);
  if (input.dataset.schema) dataset.set("schema", *input.dataset.schema);
  if (input.dataset.profile) dataset.set("profile", *input.dataset.profile);
  json::Value out = json::Value::object();
  set_some(out, "tags", encode(input.tags));
  out.set("dataset", std::move(dataset));
  return out;
}

json::Value encode(const tracking::ModelOutput& output) {
  json::Value out;
  out.set("model_id", output.model_id).set("step", output.step);
  return out;
}

json::Value encode(const registry::Alias& alias) {
  json::Value out;
  out.set("alias", alias.name).set("version", std::to_string(alias.version));
  return out;
}

json::Value encode(const std::vector<tracking::KeyValue>& pairs) {
  json::Array out;
  for (const auto& [key, value] : pairs) {
    json::Value pair;
    pair.set("key", key).set("value", value);
    out.push_back(std::move(pair));
  }
  return out;
}

json::Value encode(const tracking::Experiment& experiment) {
  json::Value out;
  out.set("experiment_id", experiment.id.str()).set("name", experiment.name);
  out.set("artifact_location", experiment.artifact_location).set("lifecycle_stage", stage_name(experiment.stage));
  out.set("last_update_time", experiment.updated_ms).set("creation_time", experiment.created_ms);
  set_some(out, "tags", encode(experiment.tags));
  return out;
}

json::Value encode(const tracking::Metric& metric) {
  json::Value out;
  out.set("key", metric.key).set("value", number(metric.value));
  out.set("timestamp", metric.time_ms).set("step", metric.step);
  set_some(out, "model_id", metric.model_id);
  set_some(out, "dataset_name", metric.dataset_name);
  set_some(out, "dataset_digest", metric.dataset_digest);
  set_some(out, "run_id", metric.run_id);
  return out;
}

json::Value encode(const tracking::RunInfo& info) {
  json::Value out;
  out.set("run_uuid", info.id.str()).set("experiment_id", info.experiment.str()).set("run_name", info.name);
  out.set("user_id", info.user).set("status", kRunStatus.at(static_cast<std::size_t>(info.status)));
  out.set("start_time", info.start_ms);
  if (info.end_ms) out.set("end_time", *info.end_ms);
  out.set("artifact_uri", info.artifact_uri).set("lifecycle_stage", stage_name(info.stage));
  return out.set("run_id", info.id.str());
}

json::Value encode(const tracking::Run& run) {
  json::Value data = json::Value::object();
  set_some(data, "metrics", list_of(run.metrics));
  set_some(data, "params", encode(run.params));
  set_some(data, "tags", encode(run.tags));
  json::Value outputs = json::Value::object();
  set_some(outputs, "model_outputs", list_of(run.outputs));
  json::Value out;
  out.set("info", encode(run.info)).set("data", std::move(data));
  out.set("inputs", inputs_of(run)).set("outputs", std::move(outputs));
  return out;
}

json::Value encode(const tracking::LoggedModel& model) {
  json::Value info;
  info.set("model_id", model.id).set("experiment_id", model.experiment.str()).set("name", model.name);
  info.set("creation_timestamp_ms", model.created_ms).set("last_updated_timestamp_ms", model.updated_ms);
  info.set("artifact_uri", model.artifact_uri);
  info.set("status", kModelStatus.at(static_cast<std::size_t>(model.status)));
  set_some(info, "model_type", model.type);
  set_some(info, "source_run_id", model.source_run);
  set_some(info, "status_message", model.status_message);
  set_some(info, "tags", encode(model.tags));
  json::Value data = json::Value::object();
  set_some(data, "params", encode(model.params));
  set_some(data, "metrics", list_of(model.metrics));
  json::Value out;
  return out.set("info", std::move(info)).set("data", std::move(data));
}

json::Value encode(const registry::Model& model) {
  json::Value out;
  out.set("name", model.name).set("creation_timestamp", model.created_ms);
  out.set("last_updated_timestamp", model.updated_ms);
  set_some(out, "description", model.description);
  set_some(out, "latest_versions", list_of(model.latest));
  set_some(out, "tags", encode(model.tags));
  set_some(out, "aliases", list_of(model.aliases));
  return out;
}

json::Value encode(const registry::Version& version) {
  json::Value out;
  out.set("name", version.model).set("version", std::to_string(version.version));
  out.set("creation_timestamp", version.created_ms).set("last_updated_timestamp", version.updated_ms);
  set_some(out, "user_id", version.user);
  out.set("current_stage", version.stage).set("description", version.description);
  out.set("source", version.source).set("run_id", version.run_id).set("status", "READY");
  out.set("run_link", version.run_link);
  set_some(out, "tags", encode(version.tags));
  set_some(out, "aliases", texts(version.aliases));
  set_some(out, "model_id", version.model_id);
  return out;
}

}  // namespace fettle::api::mlflow
