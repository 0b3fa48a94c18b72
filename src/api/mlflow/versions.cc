#include <algorithm>
#include <array>

#include "api/mlflow/encode.h"
#include "api/mlflow/wire.h"
#include "base/text.h"
#include "tracking/names.h"

namespace fettle::api::mlflow {
namespace {

using http::Method;
using On = Need::On;

constexpr std::int64_t kMaxPage = 200'000;
constexpr std::size_t kMaxShown = 300;
constexpr std::string_view kModels = "models:/";

Body wrap(const registry::Version& version) { return encode_one("model_version", version); }

struct Key {
  std::string name;
  std::int64_t version = 0;
};
Result<Key> need_key(const Input& input) {
  Key out;
  FETTLE_TRY(out.name, input.need_text("name"));
  FETTLE_TRY(const auto text, input.need_text("version"));
  const auto number = text::parse_int(text);
  if (!number)
    return fail(Code::InvalidArgument, text::format("Parameter 'version' must be an integer, got '{}'.", text));
  out.version = *number;
  return out;
}

// A prompt has no files; its source is a word.
bool is_placeholder(const registry::NewVersion& version) {
  return std::ranges::contains(version.tags, tracking::KeyValue{"mlflow.prompt.is_prompt", "true"}) &&
         version.source.find_first_of(":/\\.%") == std::string::npos;
}

// Whether `source` lies in the artifacts of its run or of its model.
bool is_own(const Service& service, const registry::NewVersion& version, const std::string& source) {
  std::vector<std::string> owners;
  if (!version.run_id.empty())
    if (const auto run = service.tracking.run(RunId(version.run_id))) owners.push_back(run->info.artifact_uri);
  if (!version.model_id.empty())
    if (const auto model = service.tracking.models().get(version.model_id)) owners.push_back(model->artifact_uri);
  return std::ranges::any_of(owners, [&](const std::string& uri) {
    const auto owner = tracking::clean_location(uri);
    return owner && (source == *owner || source.starts_with(*owner + "/"));
  });
}

// A local path would make whoever loads the model read files of his own machine; nothing may climb out with "..".
Result<void> check_source(const Service& service, const registry::NewVersion& version) {
  const auto& source = version.source;
  if (source.starts_with(kModels) || source.starts_with("runs:/")) {
    if (tracking::clean_artifact_path(source.substr(source.find('/') + 1))) return {};
  } else if (const auto clean = tracking::clean_location(source); tracking::is_local(source)) {
    if (clean && is_own(service, version, *clean)) return {};
    return fail(Code::InvalidArgument,
                text::format("Invalid model version source: '{}'. To use a local path as a model version source, the "
                             "run_id request parameter has to be specified and the local path has to be contained "
                             "within the artifact directory of the run specified by the run_id.",
                             tracking::cut(source, kMaxShown)));
  } else if (clean) {
    return {};
  }
  return fail(Code::InvalidArgument,
              text::format("Invalid model version source: '{}'. If supplying a source as an http, https, local file "
                           "path, ftp, objectstore, or mlflow-artifacts uri, an absolute path must be provided "
                           "without relative path references present. Please provide an absolute path.",
                           tracking::cut(source, kMaxShown)));
}

// The version that "<name>/<version>" or "<name>@<alias>" names.
Result<registry::Version> referenced(const Service& service, const std::string& reference) {
  const auto mark = reference.find_last_of("/@");
  const auto name = reference.substr(0, mark);
  const auto which = reference.substr(mark + 1);
  if (reference[mark] == '@') {
    FETTLE_TRY(const auto number, service.registry.aliases().get(name, which));
    if (!number) return fail(Code::InvalidArgument, text::format("Registered model alias {} not found.", which));
    return service.registry.get_version(name, *number);
  }
  const auto number = text::parse_int(which);
  if (!number)
    return fail(Code::InvalidArgument,
                text::format("Invalid model version source: 'models:/{}'; write models:/NAME/VERSION", reference));
  return service.registry.get_version(name, *number);
}

// "models:/<model id>", "models:/<name>/<version>" and "models:/<name>@<alias>" are followed to their files, model and
// run.
Result<void> follow_source(const Service& service, registry::NewVersion& version) {
  if (!version.source.starts_with(kModels)) return {};
  const auto rest = version.source.substr(kModels.size());
  if (rest.find_first_of("/@") == std::string::npos) {
    FETTLE_TRY(const auto model, service.tracking.models().get(rest));
    version.storage_location = model.artifact_uri;
    if (version.model_id.empty()) version.model_id = model.id;
    return {};
  }
  FETTLE_TRY(const auto other, referenced(service, rest));
  version.storage_location = other.storage_location;
  if (version.model_id.empty()) version.model_id = other.model_id;
  if (version.run_id.empty()) version.run_id = other.run_id;
  return {};
}

Result<void> complete(const Service& service, registry::NewVersion& version) {
  FETTLE_TRY_(follow_source(service, version));
  if (version.model_id.empty()) return {};
  FETTLE_TRY(const auto model, service.tracking.models().get(version.model_id));
  if (version.run_id.empty()) version.run_id = model.source_run;
  return {};
}

Result<Body> create(const Service& service, const Input& input) {
  registry::NewVersion version;
  FETTLE_TRY(version.model, input.need_text("name"));
  FETTLE_TRY(version.source, input.need_text("source"));
  FETTLE_TRY(version.run_id, input.text("run_id"));
  FETTLE_TRY(version.run_link, input.text("run_link"));
  FETTLE_TRY(version.description, input.text("description"));
  FETTLE_TRY(version.model_id, input.text("model_id"));
  FETTLE_TRY(version.tags, input.pairs("tags"));
  if (!is_placeholder(version)) FETTLE_TRY_(check_source(service, version));
  FETTLE_TRY_(complete(service, version));
  const auto& files = version.storage_location.empty() ? version.source : version.storage_location;
  FETTLE_TRY_(service.access.source(input.caller(), version, service.roots.reads(files)));
  FETTLE_TRY(const auto made, service.registry.create_version(version));
  if (!made.model_id.empty())
    FETTLE_TRY_(service.tracking.models().note_version(made.model_id, made.model, made.version));
  return wrap(made);
}

Result<Body> get(const Service& service, const Input& input) {
  FETTLE_TRY(const auto key, need_key(input));
  FETTLE_TRY(const auto version, service.registry.get_version(key.name, key.version));
  return wrap(version);
}

Result<Body> update(const Service& service, const Input& input) {
  FETTLE_TRY(const auto key, need_key(input));
  FETTLE_TRY(const auto description, input.text("description"));
  FETTLE_TRY(const auto version, service.registry.describe_version(key.name, key.version, description));
  return wrap(version);
}

Result<json::Value> remove(const Service& service, const Input& input) {
  FETTLE_TRY(const auto key, need_key(input));
  FETTLE_TRY_(service.registry.delete_version(key.name, key.version));
  return json::Value();
}

Result<Body> transition(const Service& service, const Input& input) {
  FETTLE_TRY(const auto key, need_key(input));
  FETTLE_TRY(const auto stage, input.need_text("stage"));
  FETTLE_TRY(const auto archive, input.flag("archive_existing_versions", false));
  FETTLE_TRY(const auto version, service.registry.move_to_stage(key.name, key.version, stage, archive));
  return wrap(version);
}

Result<json::Value> download_uri(const Service& service, const Input& input) {
  FETTLE_TRY(const auto key, need_key(input));
  FETTLE_TRY(const auto version, service.registry.get_version(key.name, key.version));
  return json::Value().set("artifact_uri", version.storage_location);
}

Result<json::Value> set_tag(const Service& service, const Input& input) {
  FETTLE_TRY(const auto key, need_key(input));
  FETTLE_TRY(const auto tag, input.need_text("key"));
  FETTLE_TRY(const auto value, input.text("value"));
  FETTLE_TRY_(service.registry.set_version_tag(key.name, key.version, {tag, value}));
  return json::Value();
}

Result<json::Value> delete_tag(const Service& service, const Input& input) {
  FETTLE_TRY(const auto key, need_key(input));
  FETTLE_TRY(const auto tag, input.need_text("key"));
  FETTLE_TRY_(service.registry.delete_version_tag(key.name, key.version, tag));
  return json::Value();
}

Result<Body> search(const Service& service, const Input& input) {
  registry::Query query;
  FETTLE_TRY(query.filter, input.text("filter"));
  FETTLE_TRY(query.max_results, input.page_size(kMaxPage, kMaxPage));
  FETTLE_TRY(query.order_by, input.texts("order_by"));
  FETTLE_TRY(query.page_token, input.text("page_token"));
  query.scope = Access::scope(input.caller(), auth::Kind::Model);
  FETTLE_TRY(const auto page, service.registry.search_versions(query));
  return encode_page("model_versions", page);
}

constexpr std::array<Route, 9> kRoutes{{
    {Method::Post, "/model-versions/create", create, writes(On::Model)},
    {Method::Get, "/model-versions/get", get, reads(On::Model)},
    {Method::Patch, "/model-versions/update", update, writes(On::Model)},
    {Method::Delete, "/model-versions/delete", remove, owns(On::Model)},
    {Method::Post, "/model-versions/transition-stage", transition, writes(On::Model)},
    {Method::Get, "/model-versions/get-download-uri", download_uri, reads(On::Model)},
    {Method::Post, "/model-versions/set-tag", set_tag, writes(On::Model)},
    {Method::Delete, "/model-versions/delete-tag", delete_tag, writes(On::Model)},
    {Method::Get, "/model-versions/search", search, anyone()},
}};

}  // namespace

std::span<const Route> version_routes() { return kRoutes; }

}  // namespace fettle::api::mlflow
