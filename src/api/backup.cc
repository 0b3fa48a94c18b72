#include "api/backup.h"

#include <algorithm>
#include <fstream>
#include <map>
#include <memory>
#include <unordered_set>

#include "auth/identity.h"
#include "base/rng.h"
#include "base/text.h"
#include "bundle/bundle.h"
#include "json/describe.h"
#include "os/file.h"
#include "transfer/backup.h"

namespace fettle::api {
namespace {

using http::Method;
using http::Request;
using http::Response;

constexpr std::string_view kBackups = "/api/fettle/v1/backups";
constexpr std::int64_t kKeptMs = kDayMs;

Response backup_error(const Error& error) {
  json::Value told;
  told.set("code", info(error.code).name).set("message", error.message);
  return Response::json(json::dump(json::Value::object().set("error", std::move(told))), info(error.code).http_status);
}

std::string events_folder(const BackupParts& parts) { return parts.data + "/events"; }

Result<transfer::Manifest> write_dump(const BackupParts& parts, const std::string& path) {
  transfer::Manifest out;
  out.program = parts.version;
  out.created_ms = parts.clock.now_ms();
  FETTLE_TRY_(os::write_private_file(path, ""));
  std::ofstream file(path, std::ios::binary | std::ios::trunc);
  Hasher hasher;
  FETTLE_TRY(const auto count, transfer::dump(parts.database, parts.modules, parts.version, out.created_ms,
                                              [&](std::string_view line) -> Result<void> {
                                                file << line;
                                                hasher.add(line);
                                                out.dump.size += line.size();
                                                if (file) return {};
                                                return fail(Code::ResourceExhausted,
                                                            text::format("cannot write '{}'; free space", path));
                                              }));
  file.close();
  if (!file) return fail(Code::ResourceExhausted, text::format("cannot write '{}'; free space on its disk", path));
  out.tables = count.tables;
  out.rows = count.rows;
  out.dump.sha256 = hasher.finish().hex();
  return out;
}

using Digests = std::unordered_set<std::string>;

Result<void> add_artifacts(const BackupParts& parts, Digests& out) {
  return parts.artifacts.visit_digests([&](std::string_view hex) { out.emplace(hex); });
}

Result<Digests> in_bundles(const BackupParts& parts) {
  Digests out;
  FETTLE_TRY(const auto records, parts.records.bundles());
  for (const auto& record : records) {
    const auto digest = Digest::parse(record.digest);
    const auto manifest = digest ? bundle::read(parts.blobs, *digest) : fail(Code::NotFound, "");
    if (!manifest) continue;  // its bytes are gone; that is no reason to keep none
    out.insert(record.digest);
    for (const auto& file : manifest->files) out.insert(file.digest);
  }
  return out;
}

// `artifacts`: digests that artifacts referred to when the snapshot was taken. A local object that nobody is seen to
// refer to counts as both: it may be a bundle that is on its way.
Result<void> add_objects(const BackupParts& parts, const Digests& artifacts, transfer::Manifest& manifest) {
  FETTLE_TRY(const auto bundles, in_bundles(parts));
  std::map<std::string, transfer::BackupObject> all;
  FETTLE_TRY_(parts.blobs.visit([&](const blob::ObjectInfo& object) {
    const auto hex = object.digest.hex();
    const bool artifact = artifacts.contains(hex), in_bundle = bundles.contains(hex);
    all.emplace(hex, transfer::BackupObject{hex, object.size, artifact || !in_bundle, in_bundle || !artifact});
    return true;
  }));
  if (parts.remote != nullptr)
    FETTLE_TRY_(parts.remote->visit([&](const blob::ObjectInfo& object) {
      const auto hex = object.digest.hex();
      all.try_emplace(hex, transfer::BackupObject{hex, object.size, true, false}).first->second.artifact = true;
      return true;
    }));
  for (const auto& [hex, object] : all) {
    if (manifest.artifacts || object.bundle)
      manifest.objects.push_back(object);
    else
      ++manifest.left_out;
  }
  return {};
}

Result<void> add_keys(const BackupParts& parts, transfer::Manifest& manifest) {
  for (const auto key : transfer::kKeyFiles) {
    const auto path = text::format("{}/{}", parts.data, key);
    if (!os::exists(path)) continue;
    FETTLE_TRY(const auto bytes, os::read_file(path));
    manifest.keys.push_back({std::string(key), bytes.size(), Digest::of(bytes).hex()});
  }
  return {};
}

Result<void> add_events(const BackupParts& parts, transfer::Manifest& manifest) {
  if (!os::is_folder(events_folder(parts))) return {};
  FETTLE_TRY(const auto files, os::list_files(events_folder(parts)));
  for (const auto& file : files) {
    FETTLE_TRY(auto digest, transfer::digest_of_start(events_folder(parts) + "/" + file.path, file.size));
    manifest.events.push_back({file.path, file.size, std::move(digest)});
  }
  return {};
}

// Ids are ours: 32 hex digits, so that none leads out of the folder.
Result<std::string> dump_path(const BackupParts& parts, const Request& request) {
  const auto id = std::string(request.capture("id"));
  const auto path = parts.dumps.path_of(id);
  if (id.size() == 32 && id.find_first_not_of("0123456789abcdef") == std::string::npos && os::exists(path)) return path;
  return fail(Code::NotFound, text::format("there is no backup '{}'; begin one with POST {}", id, kBackups));
}

struct BeginOptions {
  bool artifacts = true;
};
BOOST_DESCRIBE_STRUCT(BeginOptions, (), (artifacts))

Result<transfer::Manifest> describe(const BackupParts& parts, const BeginOptions& options, const std::string& path) {
  Digests artifacts;  // before the snapshot and after it: what is deleted meanwhile is in the snapshot
  FETTLE_TRY_(add_artifacts(parts, artifacts));
  FETTLE_TRY(auto manifest, write_dump(parts, path));
  FETTLE_TRY_(add_artifacts(parts, artifacts));
  manifest.artifacts = options.artifacts;
  FETTLE_TRY_(add_objects(parts, artifacts, manifest));
  FETTLE_TRY_(add_events(parts, manifest));
  FETTLE_TRY_(add_keys(parts, manifest));
  return manifest;
}

Result<Response> begin(const BackupParts& parts, const Request& request) {
  FETTLE_TRY(const auto body, json::parse(request.body.empty() ? "{}" : request.body, "request body"));
  FETTLE_TRY(const auto options, json::from_value<BeginOptions>(body));
  const auto id = random_id();
  FETTLE_TRY(const auto path, parts.dumps.begin(id));
  const auto manifest = describe(parts, options, path);
  if (manifest)
    return Response::json(json::dump(json::Value::object().set("id", id).set("manifest", json::to_value(*manifest))));
  FETTLE_TRY_(os::remove_all(path));
  return fail(manifest.error());
}

Result<Response> get_dump(const BackupParts& parts, const Request& request) {
  FETTLE_TRY(const auto path, dump_path(parts, request));
  Response response;
  response.content_type = "application/x-ndjson";
  response.file = path;
  return response;
}

Result<Response> get_object(const BackupParts& parts, const Request& request) {
  FETTLE_TRY_(dump_path(parts, request));
  const auto digest = Digest::parse(request.capture("digest"));
  if (!digest) return fail(Code::InvalidArgument, "a digest is 64 lower-case hex digits");
  for (const blob::Objects* objects : {static_cast<const blob::Objects*>(&parts.blobs), parts.remote}) {
    if (objects == nullptr) continue;
    FETTLE_TRY(const auto found, objects->find(*digest));
    if (!found) continue;
    FETTLE_TRY(auto reader, objects->read(*digest, 0));
    const std::shared_ptr<blob::Reader> shared = std::move(reader);
    Response response;
    response.content_type = "application/octet-stream";
    response.stream = Response::Stream{found->size, [shared](std::size_t limit) { return shared->next(limit); }};
    return response;
  }
  return fail(Code::NotFound, text::format("there is no object '{}'", digest->hex()));
}

Result<Response> get_events(const BackupParts& parts, const Request& request) {
  FETTLE_TRY_(dump_path(parts, request));
  FETTLE_TRY(const auto files, os::list_files(events_folder(parts)));
  const auto wanted = request.capture("path");
  if (!std::ranges::contains(files, wanted, &os::FileInfo::path))
    return fail(Code::NotFound, text::format("there is no event segment '{}'", wanted));
  Response response;
  response.content_type = "application/octet-stream";
  response.file = text::format("{}/{}", events_folder(parts), wanted);
  return response;
}

Result<Response> get_key(const BackupParts& parts, const Request& request) {
  FETTLE_TRY_(dump_path(parts, request));
  const auto wanted = request.capture("key");
  if (!std::ranges::contains(transfer::kKeyFiles, wanted))
    return fail(Code::NotFound, text::format("there is no key '{}'", wanted));
  FETTLE_TRY(auto bytes, os::read_file(text::format("{}/{}", parts.data, wanted)));
  auto response = Response::text(std::move(bytes));
  response.content_type = "application/octet-stream";
  response.headers.emplace_back("Cache-Control", "no-store");
  return response;
}

Result<Response> end(const BackupParts& parts, const Request& request) {
  FETTLE_TRY(const auto path, dump_path(parts, request));
  FETTLE_TRY_(os::remove_all(path));
  return Response::json("{}");
}

}  // namespace

Result<bool> BackupsInFlight::any() const {
  FETTLE_TRY_(os::make_folders(folder_));
  FETTLE_TRY(const auto files, os::list_files(folder_));
  bool out = false;
  for (const auto& file : files) {
    const bool old = file.mtime_ns / 1'000'000 < clock_.now_ms() - kKeptMs;
    if (old) FETTLE_TRY_(os::remove_all(folder_ + "/" + file.path));
    out = out || !old;
  }
  return out;
}

Result<std::string> BackupsInFlight::begin(const std::string& id) {
  const std::lock_guard lock(mutex_);
  FETTLE_TRY_(any());
  auto path = path_of(id);
  FETTLE_TRY_(os::write_file(path, ""));
  return path;
}

Result<bool> BackupsInFlight::unless_any(const std::function<Result<void>()>& removal) {
  const std::lock_guard lock(mutex_);
  FETTLE_TRY(const bool fetched, any());
  if (fetched) return false;
  FETTLE_TRY_(removal());
  return true;
}

void add_backup_routes(http::Router& router, const BackupParts& parts) {
  using Work = Result<Response> (*)(const BackupParts&, const Request&);
  const auto shared = std::make_shared<const BackupParts>(parts);
  const auto add = [&](Method method, std::string_view path, Work work) {
    router.add(method, std::string(kBackups) + std::string(path),
               [shared, work](const Request& request) {  // it holds everything, for admins only
                 const auto allowed = auth::caller(request).need_admin();
                 auto result = allowed ? work(*shared, request) : fail(allowed.error());
                 auto out = result ? *std::move(result) : backup_error(result.error());
                 const Need need{Need::On::Server, request.method == Method::Get ? Role::Reader : Role::Admin};
                 shared->access.record(request, need, "backup", out);
                 return out;
               },
               {.access = http::Access::SignedIn});
  };
  add(Method::Post, "", begin);
  add(Method::Get, "/{id}/dump", get_dump);
  add(Method::Get, "/{id}/objects/{digest}", get_object);
  add(Method::Get, "/{id}/keys/{key}", get_key);
  add(Method::Get, "/{id}/events/{path*}", get_events);
  add(Method::Delete, "/{id}", end);
}

}  // namespace fettle::api
