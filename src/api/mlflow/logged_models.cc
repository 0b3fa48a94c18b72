#include <array>

#include "api/mlflow/encode.h"
#include "api/mlflow/wire.h"
#include "base/text.h"

namespace fettle::api::mlflow {
namespace {

using http::Method;
using On = Need::On;

constexpr std::array<std::string_view, 3> kStatus{"LOGGED_MODEL_PENDING", "LOGGED_MODEL_READY",
                                                  "LOGGED_MODEL_UPLOAD_FAILED"};
constexpr std::int64_t kPage = 50;
constexpr std::int64_t kMaxPage = 50'000;

Body wrap(const tracking::LoggedModel& model) { return encode_one("model", model); }

Result<Body> create(const Service& service, const Input& input) {
  tracking::NewModel model;
  FETTLE_TRY(const auto experiment, input.need_text("experiment_id"));
  model.experiment = ExperimentId(experiment);
  FETTLE_TRY(model.name, input.text("name"));
  FETTLE_TRY(model.type, input.text("model_type"));
  FETTLE_TRY(model.source_run, input.text("source_run_id"));
  FETTLE_TRY(model.params, input.pairs("params"));
  FETTLE_TRY(model.tags, input.pairs("tags"));
  FETTLE_TRY(const auto made, service.tracking.models().create(model));
  return wrap(made);
}

Result<Body> get(const Service& service, const Input& input) {
  FETTLE_TRY(const auto id, input.need_text("model_id"));
  FETTLE_TRY(const auto allow_deleted, input.flag("allow_deleted", false));
  FETTLE_TRY(const auto model, service.tracking.models().get(id, allow_deleted));
  return wrap(model);
}

Result<Body> finalize(const Service& service, const Input& input) {
  FETTLE_TRY(const auto id, input.need_text("model_id"));
  FETTLE_TRY(const auto status, input.choice("status", kStatus));
  if (!status) return fail(Code::InvalidArgument, "Missing value for required parameter 'status'.");
  if (*status == 1)
    return fail(Code::InvalidArgument,
                "Invalid value for parameter 'status' supplied: a model becomes LOGGED_MODEL_READY or "
                "LOGGED_MODEL_UPLOAD_FAILED");
  FETTLE_TRY(const auto model, service.tracking.models().finish(id, static_cast<tracking::ModelStatus>(*status)));
  return wrap(model);
}

Result<json::Value> remove(const Service& service, const Input& input) {
  FETTLE_TRY(const auto id, input.need_text("model_id"));
  FETTLE_TRY_(service.tracking.models().remove(id));
  return json::Value();
}

Result<json::Value> set_tags(const Service& service, const Input& input) {
  FETTLE_TRY(const auto id, input.need_text("model_id"));
  FETTLE_TRY(const auto tags, input.pairs("tags"));
  FETTLE_TRY_(service.tracking.models().set_tags(id, tags));
  return json::Value();
}

Result<json::Value> delete_tag(const Service& service, const Input& input) {
  FETTLE_TRY(const auto id, input.need_text("model_id"));
  FETTLE_TRY(const auto key, input.need_text("tag_key"));
  FETTLE_TRY_(service.tracking.models().delete_tag(id, key));
  return json::Value();
}

Result<json::Value> log_params(const Service& service, const Input& input) {
  FETTLE_TRY(const auto id, input.need_text("model_id"));
  FETTLE_TRY(const auto params, input.pairs("params"));
  FETTLE_TRY_(service.tracking.models().log_params(id, params));
  return json::Value();
}

Result<tracking::ModelOrder> order_of(const Input& input) {
  tracking::ModelOrder out;
  FETTLE_TRY(out.field, input.need_text("field_name"));
  FETTLE_TRY(out.ascending, input.flag("ascending", true));
  FETTLE_TRY(out.dataset_name, input.text("dataset_name"));
  FETTLE_TRY(out.dataset_digest, input.text("dataset_digest"));
  return out;
}

Result<Body> search(const Service& service, const Input& input) {
  tracking::ModelSearch search;
  FETTLE_TRY(auto experiments, input.need_texts("experiment_ids"));
  search.experiments = service.access.readable(input.caller(), std::move(experiments));
  FETTLE_TRY(search.filter, input.text("filter"));
  FETTLE_TRY(search.max_results, input.page_size(kPage, kMaxPage));
  FETTLE_TRY(search.page_token, input.text("page_token"));
  FETTLE_TRY(const auto datasets, input.objects("datasets"));
  for (const auto& dataset : datasets) {
    FETTLE_TRY(auto name, dataset.need_text("dataset_name"));
    FETTLE_TRY(auto digest, dataset.text("dataset_digest"));
    search.datasets.emplace_back(std::move(name), std::move(digest));
  }
  FETTLE_TRY(const auto orders, input.objects("order_by"));
  for (const auto& order : orders) {
    FETTLE_TRY(auto one, order_of(order));
    search.order_by.push_back(std::move(one));
  }
  FETTLE_TRY(const auto page, service.tracking.models().search(search));
  return encode_page("models", page);
}

constexpr std::array<Route, 8> kRoutes{{
    {Method::Post, "/logged-models", create, writes(On::Experiment)},
    {Method::Post, "/logged-models/search", search, anyone()},
    {Method::Get, "/logged-models/{model_id}", get, reads(On::LoggedModel)},
    {Method::Patch, "/logged-models/{model_id}", finalize, writes(On::LoggedModel)},
    {Method::Delete, "/logged-models/{model_id}", remove, writes(On::LoggedModel)},
    {Method::Patch, "/logged-models/{model_id}/tags", set_tags, writes(On::LoggedModel)},
    {Method::Delete, "/logged-models/{model_id}/tags/{tag_key}", delete_tag, writes(On::LoggedModel)},
    {Method::Post, "/logged-models/{model_id}/params", log_params, logs(On::LoggedModel)},
}};

}  // namespace

std::span<const Route> logged_model_routes() { return kRoutes; }

}  // namespace fettle::api::mlflow
