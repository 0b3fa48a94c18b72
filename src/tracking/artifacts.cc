#include "tracking/artifacts.h"

#include <algorithm>

#include "base/text.h"
#include "os/file.h"
#include "tracking/rows.h"

namespace fettle::tracking {
namespace {

using sql::Session;

constexpr int kMaxDecodings = 10;

int nibble(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if ((c | 0x20) >= 'a' && (c | 0x20) <= 'f') return (c | 0x20) - 'a' + 10;
  return -1;
}

std::string decode_once(std::string_view path) {
  std::string out;
  for (std::size_t i = 0; i < path.size(); ++i) {
    const bool escape = path[i] == '%' && i + 2 < path.size() && nibble(path[i + 1]) >= 0 && nibble(path[i + 2]) >= 0;
    out += escape ? static_cast<char>(nibble(path[i + 1]) * 16 + nibble(path[i + 2])) : path[i];
    if (escape) i += 2;
  }
  return out;
}

bool is_letter(char c) { return (c | 0x20) >= 'a' && (c | 0x20) <= 'z'; }

bool is_dangerous(std::string_view path) {
  if (path.starts_with('/') || path.find_first_of("\\#") != std::string_view::npos) return true;
  if (std::ranges::any_of(path, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; })) return true;
  if (path.size() > 1 && path[1] == ':' && is_letter(path[0])) return true;
  if (text::lower(path.substr(0, 5)) == "file:") return true;
  const auto parts = text::split(path, '/');
  return std::ranges::any_of(parts, [](const std::string& part) { return part == ".."; });
}

struct Split {
  std::string folder, name;
};
Split split(const std::string& path) {
  const auto slash = path.rfind('/');
  if (slash == std::string::npos) return {"", path};
  return {path.substr(0, slash), path.substr(slash + 1)};
}

enum class What : std::uint8_t { Nothing, File, Folder };

Result<What> what_is(Session& session, const std::string& path) {
  const auto [folder, name] = split(path);
  What out = What::Nothing;
  FETTLE_TRY_(session.query("SELECT digest FROM artifacts WHERE folder = ? AND name = ?",
                            {std::string_view(folder), std::string_view(name)}, [&](const sql::Row& row) {
                              out = row.is_null(0) ? What::Folder : What::File;
                              return false;
                            }));
  return out;
}

// Every folder above `path` exists afterwards.
Result<void> make_folders(Session& session, const std::string& path) {
  for (auto folder = split(path).folder; !folder.empty(); folder = split(folder).folder) {
    FETTLE_TRY(const auto what, what_is(session, folder));
    if (what == What::File)
      return fail(Code::InvalidArgument, text::format("Invalid path '{}': '{}' is a file", path, folder));
    if (what == What::Folder) return {};
    const auto [above, name] = split(folder);
    FETTLE_TRY_(session.execute("INSERT INTO artifacts VALUES(?, ?, NULL, 0)",
                                {std::string_view(above), std::string_view(name)}));
  }
  return {};
}

// Folders that have become empty go, from the deepest up.
Result<void> prune(Session& session, std::string folder) {
  while (!folder.empty()) {
    const auto [above, name] = split(folder);
    FETTLE_TRY(const auto gone,
               session.execute("DELETE FROM artifacts WHERE folder = ? AND name = ? AND digest IS NULL AND NOT EXISTS "
                               "(SELECT 1 FROM artifacts WHERE folder = ?)",
                               {std::string_view(above), std::string_view(name), std::string_view(folder)}));
    if (gone == 0) return {};
    folder = above;
  }
  return {};
}

}  // namespace

Result<std::string> clean_artifact_path(std::string_view path) {
  std::string decoded(path);
  for (int i = 0; i < kMaxDecodings; ++i) {
    if (is_dangerous(decoded)) return fail(Code::InvalidArgument, text::format("Invalid path: '{}'", path));
    auto next = decode_once(decoded);
    if (next == decoded) break;
    decoded = std::move(next);
  }
  auto parts = text::split(path, '/');
  std::erase_if(parts, [](const std::string& part) { return part.empty() || part == "."; });
  const auto clean = text::join(parts, "/");
  if (clean.empty() || !text::is_utf8(clean))
    return fail(Code::InvalidArgument, text::format("Invalid path: '{}'", text::is_utf8(path) ? path : "not UTF-8"));
  return clean;
}

std::optional<std::string> artifact_path_of(std::string_view uri) {
  constexpr std::string_view kScheme = "mlflow-artifacts:";
  constexpr std::string_view kRoute = "/artifacts/";
  if (!uri.starts_with(kScheme)) return std::nullopt;
  uri.remove_prefix(kScheme.size());
  if (uri.starts_with("//")) {  // with a host: what follows its path's mlflow-artifacts/artifacts/, else the whole path
    const auto slash = uri.find('/', 2);
    uri.remove_prefix(slash == std::string_view::npos ? uri.size() : slash);
    constexpr std::string_view kApi = "/mlflow-artifacts/artifacts/";
    if (const auto at = uri.find(kApi); at != std::string_view::npos)
      uri.remove_prefix(at + kApi.size() - kRoute.size() + kRoute.size());
  }
  while (uri.starts_with('/')) uri.remove_prefix(1);
  return std::string(uri);
}

Result<Artifact> Artifacts::link(const std::string& path, const Digest& digest, std::uint64_t size) {
  FETTLE_TRY_(database_.write([&](Session& session) -> Result<void> {
    FETTLE_TRY_(make_folders(session, path));
    FETTLE_TRY(const auto what, what_is(session, path));
    if (what == What::Folder)
      return fail(Code::InvalidArgument, text::format("Invalid path '{}': it is a folder", path));
    const auto [folder, name] = split(path);
    FETTLE_TRY_(
        session.execute("INSERT INTO artifacts VALUES(?, ?, ?, ?) ON CONFLICT(folder, name) DO UPDATE SET digest = "
                        "excluded.digest, size = excluded.size",
                        {std::string_view(folder), std::string_view(name), std::string_view(digest.hex()),
                         static_cast<std::int64_t>(size)}));
    return {};
  }));
  return Artifact{digest, size};
}

Result<Artifact> Artifacts::put(std::string_view path, const std::string& file) {
  FETTLE_TRY(const auto clean, clean_artifact_path(path));
  FETTLE_TRY(const auto info, os::stat_file(file));
  FETTLE_TRY(const auto digest, blobs_.put_file(file));
  return link(clean, digest, info.size);
}

Result<Artifact> Artifacts::put_bytes(std::string_view path, std::string_view bytes) {
  FETTLE_TRY(const auto clean, clean_artifact_path(path));
  FETTLE_TRY(const auto digest, blobs_.put(bytes));
  return link(clean, digest, bytes.size());
}

Result<std::optional<Artifact>> Artifacts::find(std::string_view path) const {
  FETTLE_TRY(const auto clean, clean_artifact_path(path));
  const auto [folder, name] = split(clean);
  std::optional<Artifact> out;
  FETTLE_TRY_(database_.read([&](Session& session) {
    return session.query("SELECT digest, size FROM artifacts WHERE folder = ? AND name = ? AND digest IS NOT NULL",
                         {std::string_view(folder), std::string_view(name)}, [&](const sql::Row& row) {
                           if (const auto digest = Digest::parse(row.text(0)))
                             out = Artifact{*digest, static_cast<std::uint64_t>(row.integer(1))};
                           return false;
                         });
  }));
  return out;
}

Result<std::vector<ArtifactEntry>> Artifacts::list(std::string_view prefix) const {
  std::string folder;
  if (!prefix.empty()) {
    FETTLE_TRY(folder, clean_artifact_path(prefix));
  }
  std::vector<ArtifactEntry> out;
  FETTLE_TRY_(database_.read([&](Session& session) {
    return session.query(
        "SELECT name, digest IS NULL, size FROM artifacts WHERE folder = ? ORDER BY name", {std::string_view(folder)},
        [&](const sql::Row& row) {
          out.push_back({std::string(row.text(0)), row.integer(1) != 0, static_cast<std::uint64_t>(row.integer(2))});
          return true;
        });
  }));
  return out;
}

Result<void> Artifacts::remove(std::string_view path) {
  FETTLE_TRY(const auto clean, clean_artifact_path(path));
  const auto [folder, name] = split(clean);
  return database_.write([&](Session& session) -> Result<void> {
    FETTLE_TRY_(session.execute("DELETE FROM artifacts WHERE folder = ? AND name = ?",
                                {std::string_view(folder), std::string_view(name)}));
    const auto from = clean + "/";
    const auto to = clean + "0";  // '0' follows '/'
    FETTLE_TRY_(session.execute("DELETE FROM artifacts WHERE folder = ? OR (folder >= ? AND folder < ?)",
                                {std::string_view(clean), std::string_view(from), std::string_view(to)}));
    return prune(session, folder);
  });
}

}  // namespace fettle::tracking
