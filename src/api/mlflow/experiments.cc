#include <array>

#include "api/mlflow/encode.h"
#include "api/mlflow/wire.h"
#include "base/text.h"

namespace fettle::api::mlflow {
namespace {

using http::Method;
using On = Need::On;
using tracking::View;

constexpr std::array<std::string_view, 3> kViews{"ACTIVE_ONLY", "DELETED_ONLY", "ALL"};
constexpr std::int64_t kMaxPage = 50'000;
constexpr std::size_t kMaxDatasetExperiments = 20;

Result<ExperimentId> need_id(const Input& input) {
  FETTLE_TRY(auto id, input.need_text("experiment_id"));
  return ExperimentId(std::move(id));
}

Result<json::Value> create(const Service& service, const Input& input) {
  FETTLE_TRY(const auto name, input.need_text("name"));
  FETTLE_TRY(const auto location, input.text("artifact_location"));
  FETTLE_TRY(const auto tags, input.pairs("tags"));
  if (!location.empty()) FETTLE_TRY_(service.roots.check(location));
  FETTLE_TRY(const auto id, service.tracking.create_experiment(name, location, tags));
  return json::Value().set("experiment_id", id.str());
}

Result<Body> get(const Service& service, const Input& input) {
  FETTLE_TRY(const auto id, need_id(input));
  FETTLE_TRY(const auto experiment, service.tracking.experiment(id));
  return encode_one("experiment", experiment);
}

Result<Body> get_by_name(const Service& service, const Input& input) {
  FETTLE_TRY(const auto name, input.need_text("experiment_name"));
  FETTLE_TRY(const auto experiment, service.tracking.experiment_by_name(name));
  return encode_one("experiment", experiment);
}

Result<Body> search(const Service& service, const Input& input) {
  tracking::Search search;
  FETTLE_TRY(search.max_results, input.page_size(0, kMaxPage));
  FETTLE_TRY(search.filter, input.text("filter"));
  FETTLE_TRY(search.order_by, input.texts("order_by"));
  FETTLE_TRY(search.page_token, input.text("page_token"));
  FETTLE_TRY(const auto view, input.choice("view_type", kViews));
  search.view = static_cast<View>(view.value_or(1) - 1);
  search.scope = Access::scope(input.caller(), auth::Kind::Experiment);
  FETTLE_TRY(const auto page, service.tracking.search_experiments(search));
  return encode_page("experiments", page);
}

Result<json::Value> remove(const Service& service, const Input& input) {
  FETTLE_TRY(const auto id, need_id(input));
  FETTLE_TRY_(service.tracking.delete_experiment(id));
  return json::Value();
}

Result<json::Value> restore(const Service& service, const Input& input) {
  FETTLE_TRY(const auto id, need_id(input));
  FETTLE_TRY_(service.tracking.restore_experiment(id));
  return json::Value();
}

Result<json::Value> update(const Service& service, const Input& input) {
  FETTLE_TRY(const auto id, need_id(input));
  FETTLE_TRY(const auto name, input.need_text("new_name"));
  FETTLE_TRY_(service.tracking.rename_experiment(id, name));
  return json::Value();
}

Result<json::Value> set_tag(const Service& service, const Input& input) {
  FETTLE_TRY(const auto id, need_id(input));
  FETTLE_TRY(const auto key, input.need_text("key"));
  FETTLE_TRY(const auto value, input.text("value"));
  FETTLE_TRY_(service.tracking.set_experiment_tag(id, {key, value}));
  return json::Value();
}

Result<json::Value> delete_tag(const Service& service, const Input& input) {
  FETTLE_TRY(const auto id, need_id(input));
  FETTLE_TRY(const auto key, input.need_text("key"));
  FETTLE_TRY_(service.tracking.delete_experiment_tag(id, key));
  return json::Value();
}

Result<Body> search_datasets(const Service& service, const Input& input) {
  FETTLE_TRY(const auto ids, input.texts("experiment_ids"));
  if (ids.empty() || ids.size() > kMaxDatasetExperiments)
    return fail(Code::InvalidArgument, text::format("SearchDatasets request must specify 1 to {} experiment_ids. "
                                                    "Received {} experiment_ids.",
                                                    kMaxDatasetExperiments, ids.size()));
  FETTLE_TRY(const auto found, service.tracking.datasets(service.access.readable(input.caller(), ids)));
  return encode_list("dataset_summaries", found);
}

constexpr std::array<Route, 11> kRoutes{{
    {Method::Post, "/experiments/create", create, writes(On::NewExperiment)},
    {Method::Get, "/experiments/get", get, reads(On::Experiment)},
    {Method::Get, "/experiments/get-by-name", get_by_name, reads(On::ExperimentName)},
    {Method::Post, "/experiments/search", search, anyone()},
    {Method::Get, "/experiments/search", search, anyone()},
    {Method::Post, "/experiments/delete", remove, owns(On::Experiment)},
    {Method::Post, "/experiments/restore", restore, owns(On::Experiment)},
    {Method::Post, "/experiments/update", update, owns(On::Experiment)},
    {Method::Post, "/experiments/set-experiment-tag", set_tag, writes(On::Experiment)},
    {Method::Post, "/experiments/delete-experiment-tag", delete_tag, writes(On::Experiment)},
    {Method::Post, "/experiments/search-datasets", search_datasets, anyone()},
}};

}  // namespace

std::span<const Route> experiment_routes() { return kRoutes; }

}  // namespace fettle::api::mlflow
