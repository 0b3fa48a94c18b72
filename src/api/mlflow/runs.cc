#include <array>
#include <set>

#include "api/mlflow/batch.h"
#include "api/mlflow/encode.h"
#include "api/mlflow/wire.h"
#include "base/text.h"
#include "tracking/names.h"

namespace fettle::api::mlflow {
namespace {

using http::Method;
using On = Need::On;
using tracking::Batch;
using tracking::View;

constexpr std::array<std::string_view, 3> kViews{"ACTIVE_ONLY", "DELETED_ONLY", "ALL"};
constexpr std::array<std::string_view, 5> kStatus{"RUNNING", "SCHEDULED", "FINISHED", "FAILED", "KILLED"};
constexpr std::int64_t kPage = 1000;
constexpr std::int64_t kMaxPage = 50'000;
constexpr std::size_t kMaxMetrics = 1000;
constexpr std::size_t kMaxPairs = 100;
constexpr std::string_view kEntities = "metrics, params, and tags";

Result<RunId> need_run(const Input& input) {
  FETTLE_TRY(auto id, input.need_text("run_id"));
  return RunId(std::move(id));
}

Result<Body> create(const Service& service, const Input& input) {
  tracking::NewRun run;
  FETTLE_TRY(const auto experiment, input.text("experiment_id"));
  run.experiment = ExperimentId(experiment.empty() ? "0" : experiment);
  FETTLE_TRY(run.user, input.text("user_id"));
  FETTLE_TRY(run.name, input.text("run_name"));
  FETTLE_TRY(run.start_ms, input.integer("start_time", 0));
  FETTLE_TRY(run.tags, input.pairs("tags"));
  FETTLE_TRY(const auto made, service.tracking.create_run(run));
  return encode_one("run", made);
}

Result<Body> get(const Service& service, const Input& input) {
  FETTLE_TRY(const auto id, need_run(input));
  FETTLE_TRY(const auto run, service.tracking.run(id));
  return encode_one("run", run);
}

Result<Body> update(const Service& service, const Input& input) {
  FETTLE_TRY(const auto id, need_run(input));
  tracking::RunUpdate update;
  FETTLE_TRY(const auto status, input.choice("status", kStatus));
  if (status) update.status = static_cast<tracking::RunStatus>(*status);
  if (input.has("end_time")) {
    FETTLE_TRY(update.end_ms, input.integer("end_time", 0));
  }
  FETTLE_TRY(update.name, input.maybe_text("run_name"));
  FETTLE_TRY(const auto info, service.tracking.update_run(id, update));
  return encode_one("run_info", info);
}

Result<json::Value> remove(const Service& service, const Input& input) {
  FETTLE_TRY(const auto id, need_run(input));
  FETTLE_TRY_(service.tracking.delete_run(id));
  return json::Value();
}

Result<json::Value> restore(const Service& service, const Input& input) {
  FETTLE_TRY(const auto id, need_run(input));
  FETTLE_TRY_(service.tracking.restore_run(id));
  return json::Value();
}

Result<Body> search(const Service& service, const Input& input) {
  tracking::Search search;
  FETTLE_TRY(auto experiments, input.texts("experiment_ids"));
  search.experiments = service.access.readable(input.caller(), std::move(experiments));
  FETTLE_TRY(search.max_results, input.page_size(kPage, kMaxPage));
  FETTLE_TRY(search.filter, input.text("filter"));
  FETTLE_TRY(search.order_by, input.texts("order_by"));
  FETTLE_TRY(search.page_token, input.text("page_token"));
  FETTLE_TRY(const auto view, input.choice("run_view_type", kViews));
  search.view = static_cast<View>(view.value_or(1) - 1);
  FETTLE_TRY(const auto page, service.tracking.search_runs(search));
  return encode_page("runs", page);
}

// A point that was measured on a logged model is written into that model, too, which may be another experiment's.
Result<Log> checked(const Service& service, const Input& input, RunId id, Batch batch) {
  for (const auto& metric : batch.metrics)
    if (!metric.model_id.empty())
      FETTLE_TRY_(service.access.logged_model(input.caller(), metric.model_id, Role::Writer));
  return Log{std::move(id), std::move(batch)};
}

Result<Log> log_metric(const Service& service, Input& input) {
  FETTLE_TRY(auto id, need_run(input));
  FETTLE_TRY(auto metric, read_metric(input));
  FETTLE_TRY_(tracking::check_key("key", metric.key));
  return checked(service, input, std::move(id), {.metrics = {std::move(metric)}, .params = {}, .tags = {}});
}

Result<tracking::KeyValue> need_pair(const Input& input) {
  FETTLE_TRY(auto key, input.need_text("key"));
  FETTLE_TRY(auto value, input.text("value"));
  FETTLE_TRY_(tracking::check_key("key", key));
  return tracking::KeyValue{std::move(key), std::move(value)};
}

Result<Log> log_parameter(const Service&, Input& input) {
  FETTLE_TRY(auto id, need_run(input));
  FETTLE_TRY(auto param, need_pair(input));
  return Log{std::move(id), {.metrics = {}, .params = {std::move(param)}, .tags = {}}};
}

Result<Log> set_tag(const Service&, Input& input) {
  FETTLE_TRY(auto id, need_run(input));
  FETTLE_TRY(auto tag, need_pair(input));
  return Log{std::move(id), {.metrics = {}, .params = {}, .tags = {std::move(tag)}}};
}

Result<json::Value> delete_tag(const Service& service, const Input& input) {
  FETTLE_TRY(const auto id, need_run(input));
  FETTLE_TRY(const auto key, input.need_text("key"));
  FETTLE_TRY_(service.tracking.delete_tag(id, key));
  return json::Value();
}

Result<void> check_count(std::string_view what, std::size_t count, std::size_t most) {
  if (count <= most) return {};
  return fail(Code::InvalidArgument,
              text::format("A batch logging request can contain at most {0} {1}. Got {2} {1}. Please split up {1} "
                           "across multiple requests and try again.",
                           most, what, count));
}

Result<void> check_batch(const Batch& batch) {
  FETTLE_TRY_(check_count("metrics", batch.metrics.size(), kMaxMetrics));
  FETTLE_TRY_(check_count("params", batch.params.size(), kMaxPairs));
  FETTLE_TRY_(check_count("tags", batch.tags.size(), kMaxPairs));
  FETTLE_TRY_(check_count(kEntities, batch.metrics.size() + batch.params.size() + batch.tags.size(), kMaxMetrics));
  std::set<std::string_view> keys;
  for (const auto& param : batch.params)
    if (!keys.insert(param.key).second)
      return fail(Code::InvalidArgument,
                  text::format("Duplicate parameter keys have been submitted: ['{}']. Please ensure the request "
                               "contains only one param value per param key.",
                               param.key));
  return {};
}

Result<Log> log_batch(const Service& service, Input& input) {
  FETTLE_TRY(auto id, need_run(input));
  auto plain = input.take_batch();
  auto batch = plain ? *std::move(plain) : read_batch(input);
  if (batch) FETTLE_TRY_(check_batch(*batch));
  if (!batch) return fail(std::move(batch).error());
  return checked(service, input, std::move(id), *std::move(batch));
}

Result<tracking::DatasetInput> dataset_of(const Input& input) {
  tracking::DatasetInput out;
  FETTLE_TRY(const auto dataset, input.need_object("dataset"));
  FETTLE_TRY(out.tags, input.pairs("tags"));
  FETTLE_TRY(out.dataset.name, dataset.need_text("name"));
  FETTLE_TRY(out.dataset.digest, dataset.need_text("digest"));
  FETTLE_TRY(out.dataset.source_type, dataset.need_text("source_type"));
  FETTLE_TRY(out.dataset.source, dataset.need_text("source"));
  FETTLE_TRY(out.dataset.schema, dataset.maybe_text("schema"));
  FETTLE_TRY(out.dataset.profile, dataset.maybe_text("profile"));
  return out;
}

Result<json::Value> log_inputs(const Service& service, const Input& input) {
  FETTLE_TRY(const auto id, need_run(input));
  std::vector<tracking::DatasetInput> datasets;
  std::vector<std::string> models;
  FETTLE_TRY(const auto given, input.objects("datasets"));
  for (const auto& one : given) {
    FETTLE_TRY(auto dataset, dataset_of(one));
    datasets.push_back(std::move(dataset));
  }
  FETTLE_TRY(const auto given_models, input.objects("models"));
  for (const auto& one : given_models) {
    FETTLE_TRY(auto model, one.need_text("model_id"));
    models.push_back(std::move(model));
  }
  FETTLE_TRY_(service.tracking.log_inputs(id, datasets, models));
  return json::Value();
}

Result<json::Value> log_outputs(const Service& service, const Input& input) {
  FETTLE_TRY(const auto id, need_run(input));
  std::vector<tracking::ModelOutput> models;
  FETTLE_TRY(const auto given, input.need_objects("models"));
  for (const auto& one : given) {
    tracking::ModelOutput output;
    FETTLE_TRY(output.model_id, one.need_text("model_id"));
    FETTLE_TRY(output.step, one.integer("step", 0));
    models.push_back(std::move(output));
  }
  FETTLE_TRY_(service.tracking.log_outputs(id, models));
  return json::Value();
}

Result<json::Value> log_model(const Service& service, const Input& input) {
  FETTLE_TRY(const auto id, need_run(input));
  FETTLE_TRY(const auto model, input.need_text("model_json"));
  FETTLE_TRY_(service.tracking.log_model_history(id, model));
  return json::Value();
}

constexpr std::array<Route, 14> kRoutes{{
    {Method::Post, "/runs/create", create, writes(On::Experiment)},
    {Method::Get, "/runs/get", get, reads(On::Run)},
    {Method::Post, "/runs/update", update, writes(On::Run)},
    {Method::Post, "/runs/delete", remove, writes(On::Run)},
    {Method::Post, "/runs/restore", restore, writes(On::Run)},
    {Method::Post, "/runs/search", search, anyone()},
    {Method::Post, "/runs/log-metric", log_metric, logs(On::Run)},
    {Method::Post, "/runs/log-parameter", log_parameter, logs(On::Run)},
    {Method::Post, "/runs/set-tag", set_tag, logs(On::Run)},
    {Method::Post, "/runs/delete-tag", delete_tag, writes(On::Run)},
    {Method::Post, "/runs/log-batch", log_batch, logs(On::Run), Input::of_batch},
    {Method::Post, "/runs/log-inputs", log_inputs, logs(On::Run)},
    {Method::Post, "/runs/outputs", log_outputs, logs(On::Run)},
    {Method::Post, "/runs/log-model", log_model, logs(On::Run)},
}};

}  // namespace

std::span<const Route> run_routes() { return kRoutes; }

}  // namespace fettle::api::mlflow
