#include "tracking/uploads.h"

#include <algorithm>

#include "base/log.h"
#include "base/rng.h"
#include "base/text.h"
#include "json/value.h"
#include "os/file.h"

namespace fettle::tracking {
namespace {

constexpr std::string_view kManifest = "upload.json";
constexpr std::string_view kDone = "done";
constexpr std::size_t kIdDigits = 32;
constexpr std::int64_t kNsInMs = 1'000'000;

struct Manifest {
  std::string path;
  std::int64_t parts = 0;
};

std::unexpected<Error> no_upload(std::string_view id) {
  return fail(Code::NotFound, text::format("There is no upload '{}'; it was aborted, is complete or took longer than a "
                                           "day: create a new one",
                                           id.size() == kIdDigits ? id : "with this id"));
}

bool is_id(std::string_view id) {
  return id.size() == kIdDigits &&
         std::ranges::all_of(id, [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}

Result<Manifest> read_manifest(const std::string& folder, std::string_view id) {
  if (!is_id(id)) return no_upload(id);
  const auto bytes = os::read_file(text::format("{}/{}", folder, kManifest));
  if (!bytes) return bytes.error().code == Code::NotFound ? no_upload(id) : fail(bytes.error());
  FETTLE_TRY(const auto value, json::parse(*bytes, "upload.json"));
  const auto* path = value.find("path");
  const auto* parts = value.find("parts");
  if (path == nullptr || !path->is_string() || parts == nullptr || !parts->is_int())
    return fail(Code::DataLoss, text::format("'{}/{}' is damaged; abort the upload", folder, kManifest));
  return Manifest{path->as_string(), parts->as_int()};
}

std::string part_name(std::int64_t number, const Digest& digest) { return text::format("{}-{}", number, digest.hex()); }

std::string_view without_quotes(std::string_view etag) {
  if (etag.size() >= 2 && etag.starts_with('"') && etag.ends_with('"')) return etag.substr(1, etag.size() - 2);
  return etag;
}

}  // namespace

Result<std::unique_ptr<Uploads>> Uploads::open(std::string folder, Artifacts& artifacts, const Clock& clock) {
  FETTLE_TRY_(os::make_folders(folder));
  std::unique_ptr<Uploads> out(new Uploads(std::move(folder), artifacts, clock));
  FETTLE_TRY_(out->expire());
  return out;
}

Result<std::string> Uploads::create(std::string_view path, std::int64_t parts) {
  if (parts < 1 || parts > kMaxParts)
    return fail(Code::InvalidArgument, text::format("Invalid value {} for parameter 'num_parts' supplied: it must be "
                                                    "between 1 and {}; make the parts larger",
                                                    parts, kMaxParts));
  FETTLE_TRY(const auto clean, clean_artifact_path(path));
  FETTLE_TRY_(expire());
  const auto id = random_id();
  FETTLE_TRY_(os::make_folders(folder_of(id)));
  json::Value manifest;
  manifest.set("path", clean).set("parts", parts).set("created_ms", clock_.now_ms());
  FETTLE_TRY_(os::write_file(text::format("{}/{}", folder_of(id), kManifest), json::dump(manifest)));
  FETTLE_TRY_(os::sync_folder(folder_));
  return id;
}

Result<std::string> Uploads::put_part(const std::string& id, std::int64_t number, const std::string& file) {
  const auto folder = folder_of(id);
  FETTLE_TRY(const auto manifest, read_manifest(folder, id));
  if (os::exists(text::format("{}/{}", folder, kDone))) return no_upload(id);
  if (number < 1 || number > manifest.parts)
    return fail(Code::InvalidArgument,
                text::format("Invalid part number {}: upload '{}' has parts 1 to {}", number, id, manifest.parts));
  FETTLE_TRY(const auto digest, os::digest_file(file));
  FETTLE_TRY_(os::sync_file(file));
  const auto name = part_name(number, digest);
  const std::lock_guard lock(mutex_);  // two that send the same part must not remove each other's
  FETTLE_TRY_(os::move_file(file, text::format("{}/{}", folder, name)));
  FETTLE_TRY(const auto names, os::list_names(folder));
  for (const auto& other : names)
    if (other != name && other.starts_with(text::format("{}-", number)))
      FETTLE_TRY_(os::remove_all(text::format("{}/{}", folder, other)));
  return text::format("\"{}\"", digest.hex());
}

// The files of parts 1 to `count`, if these are the parts that the client believes to have sent.
Result<std::vector<std::string>> Uploads::files_of(const std::string& id, std::int64_t count,
                                                   std::vector<UploadPart> parts) const {
  std::ranges::sort(parts, {}, &UploadPart::number);
  if (std::ssize(parts) != count)
    return fail(Code::InvalidArgument,
                text::format("Invalid parts: upload '{}' has {} parts, {} were named", id, count, parts.size()));
  std::vector<std::string> files;
  for (std::int64_t number = 1; number <= count; ++number) {
    const auto& part = parts[static_cast<std::size_t>(number - 1)];
    const auto digest = Digest::parse(without_quotes(part.etag));
    const auto file = text::format("{}/{}", folder_of(id), digest ? part_name(number, *digest) : "none");
    if (part.number != number || !digest || !os::exists(file))
      return fail(Code::InvalidArgument,
                  text::format("Invalid parts: part {} of upload '{}' was not stored with the ETag '{}'; send it again",
                               number, id, part.etag.substr(0, 100)));
    files.push_back(file);
  }
  return files;
}

Result<void> Uploads::complete(const std::string& id, std::string_view path, std::vector<UploadPart> parts) {
  const auto folder = folder_of(id);
  FETTLE_TRY(const auto manifest, read_manifest(folder, id));
  FETTLE_TRY(const auto clean, clean_artifact_path(path));
  if (clean != manifest.path) return no_upload(id);
  const auto done = text::format("{}/{}", folder, kDone);
  if (os::exists(done)) return {};
  FETTLE_TRY(const auto files, files_of(id, manifest.parts, std::move(parts)));
  FETTLE_TRY_(artifacts_.put(clean, files, blob::Keep::Yes));
  FETTLE_TRY_(os::write_file(done, ""));
  for (const auto& file : files) FETTLE_TRY_(os::remove_all(file));
  return {};
}

Result<void> Uploads::abort(const std::string& id, std::string_view path) {
  const auto manifest = read_manifest(folder_of(id), id);
  if (!manifest) return manifest.error().code == Code::NotFound ? Result<void>() : fail(manifest.error());
  FETTLE_TRY(const auto clean, clean_artifact_path(path));
  if (clean != manifest->path) return no_upload(id);
  return os::remove_all(folder_of(id));
}

Result<std::int64_t> Uploads::expire(bool dry_run) {
  std::int64_t count = 0;
  FETTLE_TRY(const auto ids, os::list_names(folder_));
  for (const auto& id : ids) {
    const auto info = os::stat_file(folder_of(id));
    if (!info || info->mtime_ns / kNsInMs > clock_.now_ms() - kLifetimeMs) continue;
    ++count;
    if (dry_run) continue;
    log::info(text::format("upload {} was given up: nothing came for a day", id));
    FETTLE_TRY_(os::remove_all(folder_of(id)));
  }
  return count;
}

}  // namespace fettle::tracking
