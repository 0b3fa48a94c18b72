#include <array>

#include "api/mlflow/encode.h"
#include "api/mlflow/wire.h"
#include "base/text.h"

namespace fettle::api::mlflow {
namespace {

using http::Method;

constexpr std::int64_t kPage = 100;
constexpr std::int64_t kMaxPage = 1000;
constexpr std::string_view kActor = "mlflow client";

Body wrap(const registry::Model& model) { return encode_one("registered_model", model); }

Result<Body> create(const Service& service, const Input& input) {
  FETTLE_TRY(const auto name, input.need_text("name"));
  FETTLE_TRY(const auto tags, input.pairs("tags"));
  FETTLE_TRY(const auto description, input.text("description"));
  FETTLE_TRY(const auto model, service.registry.create_model(name, tags, description));
  return wrap(model);
}

Result<Body> get(const Service& service, const Input& input) {
  FETTLE_TRY(const auto name, input.need_text("name"));
  FETTLE_TRY(const auto model, service.registry.get_model(name));
  return wrap(model);
}

Result<Body> update(const Service& service, const Input& input) {
  FETTLE_TRY(const auto name, input.need_text("name"));
  FETTLE_TRY(const auto description, input.text("description"));
  FETTLE_TRY(const auto model, service.registry.describe_model(name, description));
  return wrap(model);
}

Result<Body> rename(const Service& service, const Input& input) {
  FETTLE_TRY(const auto name, input.need_text("name"));
  FETTLE_TRY(const auto new_name, input.need_text("new_name"));
  FETTLE_TRY(const auto model, service.registry.rename_model(name, new_name));
  return wrap(model);
}

Result<json::Value> remove(const Service& service, const Input& input) {
  FETTLE_TRY(const auto name, input.need_text("name"));
  FETTLE_TRY_(service.registry.delete_model(name));
  return json::Value();
}

Result<Body> search(const Service& service, const Input& input) {
  registry::Query query;
  FETTLE_TRY(query.filter, input.text("filter"));
  FETTLE_TRY(query.max_results, input.page_size(kPage, kMaxPage));
  FETTLE_TRY(query.order_by, input.texts("order_by"));
  FETTLE_TRY(query.page_token, input.text("page_token"));
  FETTLE_TRY(const auto page, service.registry.search_models(query));
  return encode_page("registered_models", page);
}

Result<Body> latest(const Service& service, const Input& input) {
  FETTLE_TRY(const auto name, input.need_text("name"));
  FETTLE_TRY(const auto stages, input.texts("stages"));
  FETTLE_TRY(const auto versions, service.registry.latest_versions(name, stages));
  return encode_list("model_versions", versions);
}

Result<json::Value> set_tag(const Service& service, const Input& input) {
  FETTLE_TRY(const auto name, input.need_text("name"));
  FETTLE_TRY(const auto key, input.need_text("key"));
  FETTLE_TRY(const auto value, input.text("value"));
  FETTLE_TRY_(service.registry.set_model_tag(name, {key, value}));
  return json::Value();
}

Result<json::Value> delete_tag(const Service& service, const Input& input) {
  FETTLE_TRY(const auto name, input.need_text("name"));
  FETTLE_TRY(const auto key, input.need_text("key"));
  FETTLE_TRY_(service.registry.delete_model_tag(name, key));
  return json::Value();
}

Result<json::Value> set_alias(const Service& service, const Input& input) {
  FETTLE_TRY(const auto name, input.need_text("name"));
  FETTLE_TRY(const auto alias, input.need_text("alias"));
  FETTLE_TRY(const auto version, input.need_integer("version"));
  FETTLE_TRY_(service.registry.set_alias(name, alias, version, std::string(kActor)));
  return json::Value();
}

Result<json::Value> delete_alias(const Service& service, const Input& input) {
  FETTLE_TRY(const auto name, input.need_text("name"));
  FETTLE_TRY(const auto alias, input.need_text("alias"));
  FETTLE_TRY_(service.registry.delete_alias(name, alias, std::string(kActor)));
  return json::Value();
}

Result<Body> get_alias(const Service& service, const Input& input) {
  FETTLE_TRY(const auto name, input.need_text("name"));
  FETTLE_TRY(const auto alias, input.need_text("alias"));
  FETTLE_TRY(const auto number, service.registry.get_alias(name, alias));
  if (!number)  // clients expect this code here, not "not found"
    return fail(Code::InvalidArgument, text::format("Registered model alias {} not found.", alias));
  FETTLE_TRY(const auto version, service.registry.get_version(name, *number));
  return encode_one("model_version", version);
}

constexpr std::array<Route, 13> kRoutes{{
    {Method::Post, "/registered-models/create", create},
    {Method::Get, "/registered-models/get", get},
    {Method::Patch, "/registered-models/update", update},
    {Method::Post, "/registered-models/rename", rename},
    {Method::Delete, "/registered-models/delete", remove},
    {Method::Get, "/registered-models/search", search},
    {Method::Get, "/registered-models/get-latest-versions", latest},
    {Method::Post, "/registered-models/get-latest-versions", latest},
    {Method::Post, "/registered-models/set-tag", set_tag},
    {Method::Delete, "/registered-models/delete-tag", delete_tag},
    {Method::Post, "/registered-models/alias", set_alias},
    {Method::Delete, "/registered-models/alias", delete_alias},
    {Method::Get, "/registered-models/alias", get_alias},
}};

}  // namespace

std::span<const Route> registered_model_routes() { return kRoutes; }

}  // namespace fettle::api::mlflow
