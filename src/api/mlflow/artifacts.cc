#include <algorithm>
#include <array>

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

constexpr std::array<std::string_view, 26> kTextEndings{
    "txt", "log",  "err", "cfg", "conf", "cnf", "cf",  "ini", "properties", "prop",  "hocon",   "toml",      "yaml",
    "yml", "json", "js",  "py",  "py3",  "csv", "tsv", "md",  "rst",        "ipynb", "MLmodel", "MLproject", "xml"};
constexpr std::array<std::pair<std::string_view, std::string_view>, 8> kTypes{{{"html", "text/html"},
                                                                               {"png", "image/png"},
                                                                               {"jpg", "image/jpeg"},
                                                                               {"jpeg", "image/jpeg"},
                                                                               {"svg", "image/svg+xml"},
                                                                               {"gif", "image/gif"},
                                                                               {"pdf", "application/pdf"},
                                                                               {"zip", "application/zip"}}};

std::string base_name(std::string_view path) { return std::string(path.substr(path.rfind('/') + 1)); }

std::string_view type_of(const std::string& name) {
  const auto ending = std::string_view(name).substr(name.rfind('.') + 1);
  if (std::ranges::contains(kTextEndings, ending)) return "text/plain";
  for (const auto& [known, type] : kTypes)
    if (known == ending) return type;
  return "application/octet-stream";
}

// A name inside quotes in a header: what could end the quotes is replaced; other bytes are written again, encoded.
std::string disposition(const std::string& name) {
  std::string plain;
  for (const char c : name) plain += c < 0x20 || c == '"' || c == '\\' || c == 0x7f ? '_' : c;
  return text::format("attachment; filename=\"{}\"", plain);
}

Result<Response> file_answer(const Service& service, std::string_view path) {
  FETTLE_TRY(const auto found, service.artifacts.find(path));
  if (!found) return fail(Code::NotFound, text::format("There is no artifact at '{}'", path));
  const auto name = base_name(path);
  Response out;
  out.file = service.artifacts.file_of(*found);
  out.content_type = type_of(name);
  out.headers.emplace_back("Content-Disposition", disposition(name));
  out.headers.emplace_back("X-Content-Type-Options", "nosniff");
  return out;
}

Response or_error(Result<Response> result) { return result ? *std::move(result) : error_answer(result.error()); }

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

// The tree below an artifact URI; only our own can be shown.
Result<std::string> below(const std::string& uri, const std::string& path) {
  const auto root = tracking::artifact_path_of(uri);
  if (!root)
    return fail(
        Code::InvalidArgument,
        text::format("The artifacts at '{}' are not kept by this server; read them with a client of that store", uri));
  if (path.empty()) return *root;
  FETTLE_TRY(const auto clean, tracking::clean_artifact_path(path));
  return *root + "/" + clean;
}

Result<json::Value> list_below(const Service& service, const std::string& uri, std::string path) {
  FETTLE_TRY(const auto folder, below(uri, path));
  if (!path.empty()) {
    FETTLE_TRY(path, tracking::clean_artifact_path(path));
  }
  FETTLE_TRY(const auto entries, service.artifacts.list(folder));
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
    {Method::Get, "/artifacts/list", list_of_run},
    {Method::Get, "/logged-models/{model_id}/artifacts/directories", list_of_model},
}};

Result<Response> get_of_model(const Service& service, const Request& request) {
  FETTLE_TRY(const auto input, Input::of(request));
  FETTLE_TRY(const auto id, input.need_text("model_id"));
  FETTLE_TRY(const auto path, input.need_text("artifact_file_path"));
  FETTLE_TRY(const auto model, service.tracking.models().get(id));
  FETTLE_TRY(const auto full, below(model.artifact_uri, path));
  return file_answer(service, full);
}

Result<Response> get_of_run(const Service& service, const Request& request) {
  FETTLE_TRY(const auto input, Input::of(request));
  FETTLE_TRY(const auto id, input.need_text("run_id"));
  FETTLE_TRY(const auto path, input.need_text("path"));
  FETTLE_TRY(const auto run, service.tracking.run(RunId(id)));
  FETTLE_TRY(const auto full, below(run.info.artifact_uri, path));
  return file_answer(service, full);
}

Result<Response> get_of_version(const Service& service, const Request& request) {
  FETTLE_TRY(const auto input, Input::of(request));
  FETTLE_TRY(const auto name, input.need_text("name"));
  FETTLE_TRY(const auto number, input.need_integer("version"));
  FETTLE_TRY(const auto path, input.need_text("path"));
  FETTLE_TRY(const auto version, service.registry.get_version(name, number));
  FETTLE_TRY(const auto full, below(version.storage_location, path));
  return file_answer(service, full);
}

Result<Response> upload_of_page(const Service& service, const Request& request) {
  const auto id = request.parameter("run_uuid");
  const auto path = request.parameter("path");
  if (!id || !path) return fail(Code::InvalidArgument, "Missing value for required parameter 'run_uuid' or 'path'.");
  FETTLE_TRY(const auto run, service.tracking.run(RunId(std::string(*id))));
  FETTLE_TRY(const auto full, below(run.info.artifact_uri, std::string(*path)));
  FETTLE_TRY_(service.artifacts.put(full, request.body_file));
  return Response::json("{}");
}

Result<Response> put(const Service& service, const Request& request) {
  FETTLE_TRY_(service.artifacts.put(request.capture("path"), request.body_file));
  return Response::json("{}");
}

Result<Response> get_or_list(const Service& service, const Request& request) {
  const auto path = request.capture("path");
  if (!path.empty()) return file_answer(service, path);
  FETTLE_TRY(const auto entries, service.artifacts.list(request.parameter("path").value_or("")));
  return Response::json(json::dump_pretty(encode_files(entries, "")));
}

Result<Response> remove(const Service& service, const Request& request) {
  FETTLE_TRY_(service.artifacts.remove(request.capture("path")));
  return Response::json("{}");
}

Result<Response> no_multipart(const Service&, const Request&) {  // clients fall back on these words
  return fail(Code::Unimplemented,
              "Multipart upload is not supported for the current artifact repository; put the file in one request");
}

Result<Response> no_presigned(const Service&, const Request&) {
  return fail(Code::Unimplemented,
              "Presigned download is not supported for the current artifact repository; get the file by its path");
}

using RawHandler = Result<Response> (*)(const Service&, const Request&);
void add(http::Router& router, const Service& service, Method method, const std::string& path, RawHandler handler,
         http::RouteOptions options = {}) {
  router.add(
      method, path, [service, handler](const Request& request) { return or_error(handler(service, request)); },
      options);
}

}  // namespace

void add_artifact_routes(http::Router& router, const Service& service) {
  const http::RouteOptions spooled{.max_body = 0, .spool_body = true};
  for (const auto root : kRoots) {
    const auto base = std::string(root);
    add(router, service, Method::Put, base + "/artifacts/{path*}", put, spooled);
    add(router, service, Method::Get, base + "/artifacts/{path*}", get_or_list);
    add(router, service, Method::Delete, base + "/artifacts/{path*}", remove);
    add(router, service, Method::Post, base + "/mpu/{rest*}", no_multipart);
    add(router, service, Method::Get, base + "/presigned/{rest*}", no_presigned);
  }
  for (const auto api : kApis)
    add(router, service, Method::Get, std::string(api) + "/logged-models/{model_id}/artifacts/files", get_of_model);
  for (const auto page : kPages) {
    add(router, service, Method::Get, std::string(page) + "/get-artifact", get_of_run);
    add(router, service, Method::Get, std::string(page) + "/model-versions/get-artifact", get_of_version);
  }
  add(router, service, Method::Post, "/ajax-api/2.0/mlflow/upload-artifact", upload_of_page,
      {.max_body = kMaxPageUpload, .spool_body = true});
  mount(router, service, kListRoutes);
}

}  // namespace fettle::api::mlflow
