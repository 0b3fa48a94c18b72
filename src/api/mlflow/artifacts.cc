#include <algorithm>
#include <array>

#include "api/mlflow/content.h"
#include "api/mlflow/encode.h"
#include "api/mlflow/wire.h"
#include "base/text.h"

namespace fettle::api::mlflow {
namespace {

using http::Method;
using http::Request;
using http::Response;

constexpr std::array<std::string_view, 2> kRoots{"/api/2.0/mlflow-artifacts", "/ajax-api/2.0/mlflow-artifacts"};
constexpr std::array<std::string_view, 2> kApis{"/api/2.0/mlflow", "/ajax-api/2.0/mlflow"};
constexpr std::array<std::string_view, 2> kPages{"", "/ajax-api/2.0/mlflow"};
constexpr std::uint64_t kMaxPageUpload = 10U << 20U;

std::string base_name(std::string_view path) { return std::string(path.substr(path.rfind('/') + 1)); }

Result<Response> answer_file(const Request& request, const Result<std::optional<tracking::ArtifactContent>>& found,
                             std::string_view path) {
  if (!found) return fail(found.error());
  if (!*found) return fail(Code::NotFound, text::format("There is no artifact at '{}'", path));
  return content_answer(request, **found, base_name(path));
}

json::Value encode_files(const std::vector<tracking::ArtifactEntry>& entries, const std::string& folder) {
  json::Array files;
  for (const auto& entry : entries) {
    json::Value file;
    file.set("path", folder.empty() ? entry.path : folder + "/" + entry.path).set("is_dir", entry.is_folder);
    if (!entry.is_folder) file.set("file_size", entry.size);
    files.push_back(std::move(file));
  }
  json::Value out = json::Value::object();
  if (!files.empty()) out.set("files", std::move(files));
  return out;
}

Result<json::Value> list_below(const Service& service, const std::string& uri, std::string path) {
  FETTLE_TRY(const auto entries, service.roots.list(uri, path));
  if (!path.empty()) {
    FETTLE_TRY(path, tracking::clean_artifact_path(path));
  }
  json::Value out;
  out.set("root_uri", uri);
  const auto files = encode_files(entries, path);
  if (const auto* list = files.find("files")) out.set("files", *list);
  return out;
}

Result<json::Value> list_of_run(const Service& service, const Input& input) {
  FETTLE_TRY(const auto id, input.need_text("run_id"));
  FETTLE_TRY(auto path, input.text("path"));
  FETTLE_TRY(const auto run, service.tracking.run(RunId(id)));
  return list_below(service, run.info.artifact_uri, std::move(path));
}

Result<json::Value> list_of_model(const Service& service, const Input& input) {
  FETTLE_TRY(const auto id, input.need_text("model_id"));
  FETTLE_TRY(auto path, input.text("artifact_directory_path"));
  FETTLE_TRY(const auto model, service.tracking.models().get(id));
  return list_below(service, model.artifact_uri, std::move(path));
}

constexpr std::array<Route, 2> kListRoutes{{
    {Method::Get, "/artifacts/list", list_of_run, reads(Need::On::Run)},
    {Method::Get, "/logged-models/{model_id}/artifacts/directories", list_of_model, reads(Need::On::LoggedModel)},
}};

Result<Response> get_of_model(const Service& service, const Request& request) {
  FETTLE_TRY(const auto input, Input::of(request));
  FETTLE_TRY(const auto id, input.need_text("model_id"));
  FETTLE_TRY_(service.access.logged_model(input.caller(), id, Role::Reader));
  FETTLE_TRY(const auto path, input.need_text("artifact_file_path"));
  FETTLE_TRY(const auto model, service.tracking.models().get(id));
  return answer_file(request, service.roots.find(model.artifact_uri, path), path);
}

Result<Response> get_of_run(const Service& service, const Request& request) {
  FETTLE_TRY(const auto input, Input::of(request));
  FETTLE_TRY(const auto id, input.need_text("run_id"));
  FETTLE_TRY(const auto path, input.need_text("path"));
  FETTLE_TRY_(service.access.run(input.caller(), id, Role::Reader));
  FETTLE_TRY(const auto run, service.tracking.run(RunId(id)));
  return answer_file(request, service.roots.find(run.info.artifact_uri, path), path);
}

Result<Response> get_of_version(const Service& service, const Request& request) {
  FETTLE_TRY(const auto input, Input::of(request));
  FETTLE_TRY(const auto name, input.need_text("name"));
  FETTLE_TRY(const auto number, input.need_integer("version"));
  FETTLE_TRY(const auto path, input.need_text("path"));
  FETTLE_TRY_(service.access.model(input.caller(), name, Role::Reader));
  FETTLE_TRY(const auto version, service.registry.get_version(name, number));
  return answer_file(request, service.roots.find(version.storage_location, path), path);
}

Result<Response> upload_of_page(const Service& service, const Request& request) {
  const auto id = request.parameter("run_uuid");
  const auto path = request.parameter("path");
  if (!id || !path) return fail(Code::InvalidArgument, "Missing value for required parameter 'run_uuid' or 'path'.");
  FETTLE_TRY_(service.access.run(auth::caller(request), std::string(*id), Role::Writer));
  FETTLE_TRY(const auto run, service.tracking.run(RunId(std::string(*id))));
  FETTLE_TRY_(tracking::clean_artifact_path(*path));
  FETTLE_TRY_(service.roots.put(run.info.artifact_uri, *path, request.body_file));
  return Response::json("{}");
}

Result<Response> put(const Service& service, const Request& request) {
  FETTLE_TRY_(service.access.artifact(auth::caller(request), request.capture("path"), Role::Writer));
  FETTLE_TRY_(service.artifacts.put(request.capture("path"), {&request.body_file, 1}, blob::Keep::No));
  return Response::json("{}");
}

Result<Response> get_or_list(const Service& service, const Request& request) {
  const auto path = request.capture("path");
  const auto folder = request.parameter("path").value_or("");
  const auto& who = auth::caller(request);
  FETTLE_TRY_(path.empty() && folder.empty()
                  ? who.need_admin()
                  : service.access.artifact(who, path.empty() ? folder : path, Role::Reader));
  if (!path.empty()) {
    FETTLE_TRY(const auto found, service.artifacts.find(path));
    return answer_file(request, found ? std::optional(service.artifacts.content(*found)) : std::nullopt, path);
  }
  FETTLE_TRY(const auto entries, service.artifacts.list(folder));
  return Response::json(json::dump_pretty(encode_files(entries, "")));
}

Result<Response> remove(const Service& service, const Request& request) {
  FETTLE_TRY_(service.access.artifact(auth::caller(request), request.capture("path"), Role::Admin));
  FETTLE_TRY_(service.artifacts.remove(request.capture("path")));
  return Response::json("{}");
}

}  // namespace

void add_artifact_routes(http::Router& router, const Service& service) {
  const http::RouteOptions spooled{.max_body = 0, .spool_body = true};
  for (const auto root : kRoots) {
    const auto base = std::string(root);
    add_raw(router, service, Method::Put, base + "/artifacts/{path*}", put, spooled);
    add_raw(router, service, Method::Get, base + "/artifacts/{path*}", get_or_list);
    add_raw(router, service, Method::Delete, base + "/artifacts/{path*}", remove);
  }
  for (const auto api : kApis)
    add_raw(router, service, Method::Get, std::string(api) + "/logged-models/{model_id}/artifacts/files", get_of_model);
  for (const auto page : kPages) {
    add_raw(router, service, Method::Get, std::string(page) + "/get-artifact", get_of_run);
    add_raw(router, service, Method::Get, std::string(page) + "/model-versions/get-artifact", get_of_version);
  }
  add_raw(router, service, Method::Post, "/ajax-api/2.0/mlflow/upload-artifact", upload_of_page,
          {.max_body = kMaxPageUpload, .spool_body = true});
  mount(router, service, kListRoutes);
}

}  // namespace fettle::api::mlflow
