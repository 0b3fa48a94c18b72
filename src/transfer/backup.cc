#include "transfer/backup.h"

#include <algorithm>
#include <fstream>
#include <memory>

#include "base/text.h"
#include "json/describe.h"
#include "os/file.h"

namespace fettle::transfer {
namespace {

constexpr std::string_view kEnding = ".json";
constexpr std::size_t kPiece = 1U << 20U;

std::string path_in(const std::string& folder, std::string_view name) { return text::format("{}/{}", folder, name); }

void check_file(const std::string& path, const BackupFile& file, std::vector<std::string>& wrong) {
  const auto digest = digest_of_start(path, file.size);
  if (!digest)
    wrong.push_back(digest.error().message);
  else if (*digest != file.sha256)
    wrong.push_back(text::format("'{}' does not hold what was backed up", path));
}

// The first `size` bytes of a file as a file.
Result<void> copy_start(const std::string& from, const std::string& to, std::uint64_t size) {
  std::ifstream in(from, std::ios::binary);
  std::ofstream out(to, std::ios::binary | std::ios::trunc);
  std::string piece(kPiece, '\0');
  while (size > 0 && in && out) {
    const auto most = static_cast<std::streamsize>(std::min<std::uint64_t>(size, kPiece));
    in.read(piece.data(), most);
    if (in.gcount() != most) break;
    out.write(piece.data(), most);
    size -= static_cast<std::uint64_t>(most);
  }
  out.close();
  if (size == 0 && out) return {};
  return fail(Code::DataLoss, text::format("cannot copy '{}' to '{}' whole", from, to));
}

Result<void> restore_object(const blob::Store& kept, const BackupObject& object, blob::Objects& to) {
  const auto digest = Digest::parse(object.sha256);
  if (!digest) return fail(Code::DataLoss, "the manifest names an object without a digest");
  const std::vector<std::string> files{kept.path_of(*digest)};
  FETTLE_TRY(const auto put, to.put_files(files, blob::Keep::Yes));
  if (put.digest == *digest) return {};
  return fail(Code::DataLoss, text::format("object '{}' is damaged", object.sha256));
}

}  // namespace

std::string key_path(const std::string& folder, const Manifest& manifest, std::string_view key) {
  const auto name = manifest.dump.path.substr(0, manifest.dump.path.rfind('.'));
  return path_in(folder, text::format("{}.{}", name, key));
}

Result<std::vector<std::string>> list_backups(const std::string& folder) {
  if (!os::is_folder(folder)) return fail(Code::NotFound, text::format("there is no folder '{}'", folder));
  FETTLE_TRY(auto names, os::list_names(folder));
  std::erase_if(names, [](const std::string& name) { return !name.ends_with(kEnding); });
  for (auto& name : names) name.resize(name.size() - kEnding.size());
  return names;
}

Result<Manifest> read_manifest(const std::string& folder, const std::string& name) {
  auto wanted = name;
  if (wanted.empty()) {
    FETTLE_TRY(const auto names, list_backups(folder));
    if (names.empty())
      return fail(Code::NotFound,
                  text::format("'{}' holds no complete backup; make one with `fettle backup create`", folder));
    wanted = names.back();
  }
  const auto path = path_in(folder, wanted + std::string(kEnding));
  FETTLE_TRY(const auto content, os::read_file(path));
  FETTLE_TRY(const auto value, json::parse(content, path));
  FETTLE_TRY(auto manifest, json::from_value<Manifest>(value, path));
  for (const auto& key : manifest.keys)
    if (!std::ranges::contains(kKeyFiles, key.path))
      return fail(Code::DataLoss, text::format("'{}' names a key '{}' that no server has", path, key.path));
  if (manifest.format == 1) return manifest;
  return fail(Code::FailedPrecondition,
              text::format("'{}' has format {}, this program reads 1", path, manifest.format));
}

Result<void> write_manifest(const std::string& folder, const std::string& name, const Manifest& manifest) {
  return os::write_private_file(path_in(folder, name + std::string(kEnding)),
                                json::dump(json::to_value(manifest)) + "\n");
}

std::function<Result<std::string>()> lines_of(const std::string& path) {
  auto file = std::make_shared<std::ifstream>(path, std::ios::binary);
  return [file]() -> Result<std::string> {
    std::string line;
    std::getline(*file, line);
    return line;
  };
}

Result<std::string> digest_of_start(const std::string& path, std::uint64_t size) {
  std::ifstream in(path, std::ios::binary);
  if (!in) return fail(Code::DataLoss, text::format("'{}' is missing", path));
  Hasher hasher;
  std::string piece(kPiece, '\0');
  for (auto left = size; left > 0;) {
    in.read(piece.data(), static_cast<std::streamsize>(std::min<std::uint64_t>(left, kPiece)));
    const auto got = static_cast<std::uint64_t>(in.gcount());
    if (got == 0) return fail(Code::DataLoss, text::format("'{}' is shorter than the backup says", path));
    hasher.add(std::string_view(piece).substr(0, got));
    left -= got;
  }
  return hasher.finish().hex();
}

Result<std::vector<std::string>> verify_backup(const std::string& folder, const Manifest& manifest, const Step& step) {
  std::vector<std::string> wrong;
  const auto dump = path_in(folder, manifest.dump.path);
  check_file(dump, manifest.dump, wrong);
  const auto counted = check_dump(lines_of(dump));
  if (!counted)
    wrong.push_back(counted.error().message);
  else if (*counted != DumpCount{manifest.tables, manifest.rows})
    wrong.push_back(text::format("'{}' has {} rows, the manifest says {}", dump, counted->rows, manifest.rows));
  for (const auto& key : manifest.keys) check_file(key_path(folder, manifest, key.path), key, wrong);
  FETTLE_TRY(const auto objects, blob::Store::open(path_in(folder, "objects")));
  std::uint64_t done = 0;
  for (const auto& object : manifest.objects) {
    const auto digest = Digest::parse(object.sha256);
    const auto fine =
        digest ? objects->verify(*digest) : Result<void>(fail(Code::DataLoss, "an object without a digest"));
    if (!fine) wrong.push_back(fine.error().message);
    step(++done, manifest.objects.size());
  }
  for (const auto& file : manifest.events) check_file(path_in(folder, "events/" + file.path), file, wrong);
  return wrong;
}

Result<void> restore_files(const std::string& folder, const Manifest& manifest, const std::string& data,
                           blob::Objects* artifacts, const Step& step) {
  for (const auto& key : manifest.keys) {
    FETTLE_TRY(const auto bytes, os::read_file(key_path(folder, manifest, key.path)));
    FETTLE_TRY_(os::write_private_file(path_in(data, key.path), bytes));
  }
  for (const auto& file : manifest.events) {
    const auto to = path_in(data, "events/" + file.path);
    FETTLE_TRY_(os::make_folders(to.substr(0, to.rfind('/'))));
    FETTLE_TRY_(copy_start(path_in(folder, "events/" + file.path), to, file.size));
  }
  FETTLE_TRY(const auto kept, blob::Store::open(path_in(folder, "objects")));
  FETTLE_TRY(const auto blobs, blob::Store::open(path_in(data, "blobs")));
  std::uint64_t done = 0;
  for (const auto& object : manifest.objects) {
    if (artifacts != nullptr && object.artifact) FETTLE_TRY_(restore_object(*kept, object, *artifacts));
    if (artifacts == nullptr || object.bundle) FETTLE_TRY_(restore_object(*kept, object, *blobs));
    step(++done, manifest.objects.size());
  }
  return {};
}

Result<DumpCount> restore_tables(const std::string& folder, const Manifest& manifest, const std::string& database,
                                 const std::vector<sql::Migrations>& modules,
                                 const std::function<Result<void>()>& before_commit) {
  DumpCount out;
  FETTLE_TRY_(sql::Database::create(database, modules, [&](sql::Session& session) -> Result<void> {
    FETTLE_TRY(out, load(session, modules, lines_of(path_in(folder, manifest.dump.path))));
    return before_commit();
  }));
  return out;
}

}  // namespace fettle::transfer
