#include <array>

#include "api/mlflow/content.h"
#include "api/mlflow/wire.h"
#include "base/text.h"

namespace fettle::api::mlflow {
namespace {

using http::Method;
using http::Request;
using http::Response;

constexpr std::array<std::string_view, 2> kRoots{"/api/2.0/mlflow-artifacts", "/ajax-api/2.0/mlflow-artifacts"};
constexpr std::string_view kParts = "/api/2.0/mlflow-artifacts/mpu/parts";
constexpr std::string_view kObjects = "/api/2.0/mlflow-artifacts/objects";
constexpr std::int64_t kDownloadMs = 3'600'000;

// The artifact's path: the folder of the route, and the base name of the client's local path.
Result<std::string> target_of(const Request& request, const Input& input) {
  FETTLE_TRY(const auto local, input.need_text("path"));
  const auto name = local.substr(local.find_last_of("/\\") + 1);
  const auto folder = request.capture("folder");
  FETTLE_TRY_(tracking::clean_artifact_path(name));
  return tracking::clean_artifact_path(folder.empty() ? name : text::format("{}/{}", folder, name));
}

Result<Response> create(const Service& service, const Request& request) {
  FETTLE_TRY(const auto input, Input::of(request));
  FETTLE_TRY(const auto path, target_of(request, input));
  FETTLE_TRY_(service.access.artifact(input.caller(), path, Role::Writer));
  FETTLE_TRY(const auto parts, input.integer("num_parts", 1));
  FETTLE_TRY(const auto id, service.uploads.create(path, parts));
  json::Array credentials;
  for (std::int64_t number = 1; number <= parts; ++number) {
    const auto url = service.urls.sign(request, Method::Put, text::format("{}/{}/{}", kParts, id, number),
                                       tracking::Uploads::kLifetimeMs);
    credentials.push_back(
        json::Value().set("url", url).set("part_number", number).set("headers", json::Value::object()));
  }
  return Response::json(
      json::dump_pretty(json::Value().set("upload_id", id).set("credentials", std::move(credentials))));
}

Result<Response> put_part(const Service& service, const Request& request) {
  const auto number = text::parse_int(request.capture("number"));
  if (!number) return fail(Code::InvalidArgument, "Invalid part number");
  FETTLE_TRY(const auto etag, service.uploads.put_part(std::string(request.capture("id")), *number, request.body_file));
  auto out = Response::json("{}");
  out.headers.emplace_back("ETag", etag);
  return out;
}

Result<Response> complete(const Service& service, const Request& request) {
  FETTLE_TRY(const auto input, Input::of(request));
  FETTLE_TRY(const auto path, target_of(request, input));
  FETTLE_TRY_(service.access.artifact(input.caller(), path, Role::Writer));
  FETTLE_TRY(const auto id, input.need_text("upload_id"));
  FETTLE_TRY(const auto given, input.objects("parts"));
  std::vector<tracking::UploadPart> parts;
  for (const auto& part : given) {
    FETTLE_TRY(const auto number, part.need_integer("part_number"));
    FETTLE_TRY(auto etag, part.need_text("etag"));
    parts.push_back({number, std::move(etag)});
  }
  FETTLE_TRY_(service.uploads.complete(id, path, std::move(parts)));
  return Response::json("{}");
}

Result<Response> abort(const Service& service, const Request& request) {
  FETTLE_TRY(const auto input, Input::of(request));
  FETTLE_TRY(const auto path, target_of(request, input));
  FETTLE_TRY_(service.access.artifact(input.caller(), path, Role::Writer));
  FETTLE_TRY(const auto id, input.need_text("upload_id"));
  FETTLE_TRY_(service.uploads.abort(id, path));
  return Response::json("{}");
}

// The URL names the bytes, so that all ranges of a download are of one file, whatever is put at the path meanwhile.
Result<Response> presign(const Service& service, const Request& request) {
  FETTLE_TRY_(service.access.artifact(auth::caller(request), request.capture("path"), Role::Reader));
  FETTLE_TRY(const auto found, service.artifacts.find(request.capture("path")));
  if (!found) return fail(Code::NotFound, text::format("There is no artifact at '{}'", request.capture("path")));
  const auto url = service.urls.sign(request, Method::Get,
                                     text::format("{}/{}/{}", kObjects, found->digest.hex(), found->size), kDownloadMs);
  return Response::json(json::dump_pretty(
      json::Value().set("url", url).set("headers", json::Value::object()).set("file_size", found->size)));
}

Result<Response> get_object(const Service& service, const Request& request) {
  const auto digest = Digest::parse(request.capture("digest"));
  const auto size = text::parse_int(request.capture("size"));
  if (!digest || !size || *size < 0) return fail(Code::InvalidArgument, "Invalid path: digest and size are wanted");
  return content_answer(request, service.artifacts.content({*digest, static_cast<std::uint64_t>(*size)}), "");
}

// The signature is checked instead of the caller, and before the body is read.
void require_signature(http::Router& router, const Service& service) {
  router.require([service](const Request& request) -> std::optional<Response> {
    if (const auto fine = service.urls.check(request); !fine) return error_answer(fine.error());
    return std::nullopt;
  });
}

}  // namespace

// What a signed URL names was allowed when it was signed.
void add_upload_routes(http::Router& router, const Service& service) {
  for (const auto root : kRoots) {
    const auto base = std::string(root);
    for (const auto* folder : {"", "/{folder*}"}) {
      add_raw(router, service, Method::Post, base + "/mpu/create" + folder, create);
      add_raw(router, service, Method::Post, base + "/mpu/complete" + folder, complete);
      add_raw(router, service, Method::Post, base + "/mpu/abort" + folder, abort);
    }
    add_raw(router, service, Method::Get, base + "/presigned/{path*}", presign);
  }
  add_raw(router, service, Method::Put, std::string(kParts) + "/{id}/{number}", put_part,
          {.max_body = tracking::Uploads::kMaxPart, .spool_body = true, .access = http::Access::Public});
  require_signature(router, service);
  add_raw(router, service, Method::Get, std::string(kObjects) + "/{digest}/{size}", get_object,
          {.access = http::Access::Public});
  require_signature(router, service);
}

}  // namespace fettle::api::mlflow
