#include <array>

#include "api/mlflow/encode.h"
#include "api/mlflow/wire.h"
#include "base/text.h"

namespace fettle::api::mlflow {
namespace {

using http::Method;
using On = Need::On;

constexpr std::int64_t kPage = 100;
constexpr std::int64_t kMaxPage = 1000;

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
  query.scope = Access::scope(input.caller(), auth::Kind::Model);
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

registry::Actor actor_of(const Input& input) {
  return input.user().empty() ? registry::Actor{"mlflow client", false} : registry::Actor{input.user(), true};
}

// MLflow knows no moves that wait: the request is made, and the caller told that it was.
Result<json::Value> move_alias(const Service& service, const Input& input, const registry::AliasMove& move) {
  FETTLE_TRY(const auto done, service.registry.aliases().move(move, actor_of(input)));
  if (!done.request) return json::Value();
  return fail(
      Code::PermissionDenied,
      text::format("alias '{}' of '{}' is protected: request {} was made, and the alias moves when somebody else "
                   "approves it with: fettle model approve {}",
                   move.alias, move.model, done.request->id, done.request->id));
}

Result<json::Value> set_alias(const Service& service, const Input& input) {
  registry::AliasMove move;
  FETTLE_TRY(move.model, input.need_text("name"));
  FETTLE_TRY(move.alias, input.need_text("alias"));
  FETTLE_TRY(move.version, input.need_integer("version"));
  if (move.version < 1)
    return fail(Code::NotFound,
                text::format("Model Version (name={}, version={}) not found", move.model, move.version));
  return move_alias(service, input, move);
}

Result<json::Value> delete_alias(const Service& service, const Input& input) {
  registry::AliasMove move;
  FETTLE_TRY(move.model, input.need_text("name"));
  FETTLE_TRY(move.alias, input.need_text("alias"));
  return move_alias(service, input, move);
}

Result<Body> get_alias(const Service& service, const Input& input) {
  FETTLE_TRY(const auto name, input.need_text("name"));
  FETTLE_TRY(const auto alias, input.need_text("alias"));
  FETTLE_TRY(const auto number, service.registry.aliases().get(name, alias));
  if (!number)  // clients expect this code here, not "not found"
    return fail(Code::InvalidArgument, text::format("Registered model alias {} not found.", alias));
  FETTLE_TRY(const auto version, service.registry.get_version(name, *number));
  return encode_one("model_version", version);
}

constexpr std::array<Route, 13> kRoutes{{
    {Method::Post, "/registered-models/create", create, writes(On::NewModel)},
    {Method::Get, "/registered-models/get", get, reads(On::Model)},
    {Method::Patch, "/registered-models/update", update, writes(On::Model)},
    {Method::Post, "/registered-models/rename", rename, owns(On::Renamed)},
    {Method::Delete, "/registered-models/delete", remove, owns(On::Removed)},
    {Method::Get, "/registered-models/search", search, anyone()},
    {Method::Get, "/registered-models/get-latest-versions", latest, reads(On::Model)},
    {Method::Post, "/registered-models/get-latest-versions", latest, reads(On::Model)},
    {Method::Post, "/registered-models/set-tag", set_tag, writes(On::Model)},
    {Method::Delete, "/registered-models/delete-tag", delete_tag, writes(On::Model)},
    {Method::Post, "/registered-models/alias", set_alias, writes(On::Model)},
    {Method::Delete, "/registered-models/alias", delete_alias, writes(On::Model)},
    {Method::Get, "/registered-models/alias", get_alias, reads(On::Model)},
}};

}  // namespace

std::span<const Route> registered_model_routes() { return kRoutes; }

}  // namespace fettle::api::mlflow
