#include "bundle/bundle.h"

#include <algorithm>
#include <utility>

#include "base/text.h"
#include "json/describe.h"
#include "os/file.h"

namespace fettle::bundle {
namespace {

json::Value sorted(const json::Value& value) {
  if (value.is_array()) {
    json::Array out;
    for (const auto& element : value.as_array()) out.push_back(sorted(element));
    return out;
  }
  if (!value.is_object()) return value;
  json::Object out;
  for (const auto& [key, member] : value.as_object()) out.emplace_back(key, sorted(member));
  std::ranges::stable_sort(out, {}, &json::Member::first);
  return out;
}

// A path that stays inside the folder that it is joined to.
bool is_safe(const std::string& path) {
  if (path.empty() || path.find('\0') != std::string::npos || path.find('\\') != std::string::npos) return false;
  return std::ranges::none_of(text::split(path, '/'),
                              [](const auto& part) { return part.empty() || part == "." || part == ".."; });
}

Result<void> check_files(const std::vector<File>& files) {
  if (files.empty()) return fail(Code::DataLoss, "the manifest names no files");
  for (std::size_t i = 0; i < files.size(); ++i) {
    const auto& file = files[i];
    if (!is_safe(file.path) || file.path == kManifestFile)
      return fail(Code::DataLoss, text::format("the manifest names a file '{}', which no bundle may hold", file.path));
    if (!Digest::parse(file.digest))
      return fail(Code::DataLoss, text::format("the manifest's digest of '{}' is not 64 hex digits", file.path));
    if (i > 0 && files[i - 1].path >= file.path)
      return fail(Code::DataLoss, text::format("the manifest's files are not sorted at '{}'", file.path));
  }
  return {};
}

Result<std::vector<os::FileInfo>> payload_files(const std::string& folder) {
  FETTLE_TRY(auto files, os::list_files(folder));
  std::erase_if(files, [](const auto& file) { return file.path == kManifestFile; });
  std::ranges::sort(files, {}, &os::FileInfo::path);
  return files;
}

Result<void> write_files(const blob::Store& store, const Manifest& manifest, const std::string& folder) {
  FETTLE_TRY_(os::make_folders(folder));
  for (const auto& file : manifest.files) {
    const auto path = text::format("{}/{}", folder, file.path);
    FETTLE_TRY_(os::make_folders(path.substr(0, path.rfind('/'))));
    FETTLE_TRY_(store.checkout(*Digest::parse(file.digest), path));
  }
  return os::write_file(text::format("{}/{}", folder, kManifestFile), canonical(manifest));
}

Result<void> check_file(const File& file, const std::string& folder) {
  const auto path = text::format("{}/{}", folder, file.path);
  if (!os::exists(path)) return fail(Code::DataLoss, text::format("'{}' is missing; unpack the bundle again", path));
  FETTLE_TRY(const auto digest, os::digest_file(path));
  if (digest.hex() == file.digest) return {};
  return fail(Code::DataLoss, text::format("'{}' is changed: its digest is {}, the bundle says {}; unpack it again",
                                           path, digest.brief(), file.digest.substr(0, 12)));
}

}  // namespace

std::string canonical(const Manifest& manifest) { return json::dump(sorted(json::to_value(manifest))); }

Result<Manifest> parse(std::string_view bytes) {
  const auto damaged = [](const Error& error) { return fail(Code::DataLoss, "bundle manifest: " + error.message); };
  const auto value = json::parse(bytes, "manifest");
  if (!value) return damaged(value.error());
  auto manifest = json::from_value<Manifest>(*value);
  if (!manifest) return damaged(manifest.error());
  if (manifest->format != 1)
    return fail(Code::Unimplemented,
                text::format("this bundle has format {}; this program reads format 1", manifest->format));
  if (manifest->model.empty()) return fail(Code::DataLoss, "bundle manifest: it names no model");
  FETTLE_TRY_(check_files(manifest->files));
  return manifest;
}

Result<Digest> create(blob::Store& store, const std::string& folder, const std::string& model,
                      const Provenance& provenance) {
  if (model.empty()) return fail(Code::InvalidArgument, "a bundle needs the name of its model");
  FETTLE_TRY(const auto files, payload_files(folder));
  if (files.empty()) return fail(Code::InvalidArgument, text::format("'{}' holds no files to bundle", folder));
  Manifest manifest{.model = model, .provenance = provenance};
  for (const auto& file : files) {
    if (!is_safe(file.path))
      return fail(Code::InvalidArgument, text::format("a bundle cannot hold a file named '{}'; rename it", file.path));
    FETTLE_TRY(const auto digest, store.put_file(text::format("{}/{}", folder, file.path)));
    manifest.files.push_back({file.path, digest.hex(), file.size});
  }
  return store.put(canonical(manifest));
}

Result<Manifest> read(const blob::Store& store, const Digest& digest) {
  FETTLE_TRY(const auto bytes, store.get(digest));
  auto manifest = parse(bytes);
  if (!manifest) return fail(manifest.error().within("bundle " + digest.brief()));
  return manifest;
}

Result<void> unpack(const blob::Store& store, const Digest& digest, const std::string& folder) {
  FETTLE_TRY(const auto manifest, read(store, digest));
  if (os::exists(folder)) return write_files(store, manifest, folder);
  const auto partial = folder + ".partial";
  FETTLE_TRY_(os::remove_all(partial));
  FETTLE_TRY_(write_files(store, manifest, partial));
  return os::rename(partial, folder);
}

Result<Manifest> verify_folder(const std::string& folder) {
  const auto path = text::format("{}/{}", folder, kManifestFile);
  if (!os::exists(path))
    return fail(Code::NotFound, text::format("'{}' is no unpacked bundle: it has no {}", folder, kManifestFile));
  FETTLE_TRY(const auto bytes, os::read_file(path));
  auto manifest = parse(bytes);
  if (!manifest) return fail(manifest.error().within(path));
  for (const auto& file : manifest->files) FETTLE_TRY_(check_file(file, folder));
  FETTLE_TRY(const auto present, payload_files(folder));
  for (const auto& file : present)
    if (std::ranges::find(manifest->files, file.path, &File::path) == manifest->files.end())
      return fail(Code::DataLoss,
                  text::format("'{}/{}' is extra: the bundle does not name it; remove it", folder, file.path));
  return manifest;
}

Result<Digest> folder_digest(const std::string& folder) {
  return os::digest_file(text::format("{}/{}", folder, kManifestFile));
}

}  // namespace fettle::bundle
