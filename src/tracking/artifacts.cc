#include "tracking/artifacts.h"

#include <algorithm>
#include <chrono>
#include <limits>
#include <thread>
#include <utility>

#include "base/text.h"
#include "tracking/query.h"
#include "tracking/rows.h"

namespace fettle::tracking {
namespace {

using sql::Session;

constexpr int kMaxDecodings = 10;
constexpr std::size_t kMaxPath = 4096;
constexpr std::size_t kMaxShownPath = 200;
constexpr int kLinkAttempts = 100;  // at most 5 s: a removal of one object takes less
constexpr std::size_t kLookedUpAtOnce = 128;
constexpr auto kWait = std::chrono::milliseconds(50);

int nibble(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if ((c | 0x20) >= 'a' && (c | 0x20) <= 'f') return (c | 0x20) - 'a' + 10;
  return -1;
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

// Also where the path cannot be shown: it must not put control characters into a header or a log.
std::unexpected<Error> invalid_path(std::string_view path) {
  std::string shown(path.substr(0, kMaxShownPath));
  for (char& c : shown)
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = '?';
  return fail(Code::InvalidArgument, text::format("Invalid path: '{}'", text::is_utf8(shown) ? shown : "not UTF-8"));
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
    FETTLE_TRY_(session.execute("INSERT INTO artifacts(folder, name, digest, size) VALUES(?, ?, NULL, 0)",
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

std::string percent_decoded(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool escape = text[i] == '%' && i + 2 < text.size() && nibble(text[i + 1]) >= 0 && nibble(text[i + 2]) >= 0;
    out += escape ? static_cast<char>(nibble(text[i + 1]) * 16 + nibble(text[i + 2])) : text[i];
    if (escape) i += 2;
  }
  return out;
}

Result<std::string> clean_artifact_path(std::string_view path) {
  if (!text::is_utf8(path)) return invalid_path(path);
  std::string decoded(path);
  for (int i = 0;; ++i) {
    if (i == kMaxDecodings || is_dangerous(decoded)) return invalid_path(path);
    auto next = percent_decoded(decoded);
    if (next == decoded) break;
    decoded = std::move(next);
  }
  auto parts = text::split(path, '/');
  std::erase_if(parts, [](const std::string& part) { return part.empty() || part == "."; });
  const auto clean = text::join(parts, "/");
  if (clean.empty() || clean.size() > kMaxPath) return invalid_path(path);
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

// False if the object is being removed.
Result<bool> Artifacts::link(const std::string& path, const blob::ObjectInfo& object) {
  const auto hex = object.digest.hex();
  return write_value<bool>(database_, [&](Session& session) -> Result<bool> {
    bool leaving = false;
    FETTLE_TRY_(session.query("SELECT 1 FROM object_removals WHERE digest = ?", {std::string_view(hex)},
                              [&](const sql::Row&) { return !(leaving = true); }));
    if (leaving) return false;
    FETTLE_TRY_(make_folders(session, path));
    FETTLE_TRY(const auto what, what_is(session, path));
    if (what == What::Folder)
      return fail(Code::InvalidArgument, text::format("Invalid path '{}': it is a folder", path));
    const auto [folder, name] = split(path);
    FETTLE_TRY_(
        session.execute("INSERT INTO artifacts(folder, name, digest, size) VALUES(?, ?, ?, ?) ON CONFLICT"
                        "(folder, name) DO UPDATE SET digest = excluded.digest, size = excluded.size",
                        {std::string_view(folder), std::string_view(name), std::string_view(hex),
                         static_cast<std::int64_t>(object.size)}));
    return true;
  });
}

Result<Artifact> Artifacts::put(std::string_view path, std::span<const std::string> files, blob::Keep keep) {
  FETTLE_TRY(const auto clean, clean_artifact_path(path));
  FETTLE_TRY(const auto object, objects_.put_files(files, keep));
  for (int attempt = 0; attempt < kLinkAttempts; ++attempt) {
    FETTLE_TRY(const bool linked, link(clean, object));
    FETTLE_TRY(const auto there, objects_.find(object.digest));
    if (linked && there) return Artifact{object.digest, object.size};
    if (!there)
      FETTLE_TRY_(objects_.put_files(files, keep));  // removed in between: a store that moves files never does
    if (!linked) std::this_thread::sleep_for(kWait);
  }
  return fail(Code::Unavailable,
              text::format("object {} is being removed; put '{}' again", object.digest.hex(), clean));
}

ArtifactContent Artifacts::content(const Artifact& artifact) const {
  const auto open = [&objects = objects_, artifact](std::uint64_t offset,
                                                    std::uint64_t length) -> Result<std::shared_ptr<blob::Reader>> {
    FETTLE_TRY(auto reader, objects.read(artifact.digest, offset));
    if (length != artifact.size) return std::shared_ptr<blob::Reader>(std::move(reader));
    return std::shared_ptr<blob::Reader>(blob::verified(std::move(reader), artifact.digest, artifact.size));
  };
  return {artifact.size, artifact.digest.hex(), open};
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
  return database_.write([&](Session& session) -> Result<void> {
    FETTLE_TRY_(unlink(session, path, std::numeric_limits<std::int64_t>::max()));
    return {};
  });
}

Result<std::int64_t> Artifacts::unlink(Session& session, std::string_view path, std::int64_t limit) {
  FETTLE_TRY(const auto clean, clean_artifact_path(path));
  const auto from = clean + "/";
  const auto to = clean + "0";  // '0' follows '/'
  FETTLE_TRY(auto gone,
             session.execute("DELETE FROM artifacts WHERE (folder, name) IN (SELECT folder, name FROM "
                             "artifacts WHERE folder = ? OR (folder >= ? AND folder < ?) LIMIT ?)",
                             {std::string_view(clean), std::string_view(from), std::string_view(to), limit}));
  if (gone == limit) return gone;
  const auto [folder, name] = split(clean);
  FETTLE_TRY(const auto itself, session.execute("DELETE FROM artifacts WHERE folder = ? AND name = ?",
                                                {std::string_view(folder), std::string_view(name)}));
  FETTLE_TRY_(prune(session, folder));
  gone += itself;
  return std::min(gone, limit - 1);  // nothing is left
}

Result<std::vector<std::string>> Artifacts::links_below(Session& session, std::string_view folder) {
  FETTLE_TRY(const auto clean, clean_artifact_path(folder));
  const auto from = clean + "/";
  const auto to = clean + "0";  // '0' follows '/'
  std::vector<std::string> out;
  FETTLE_TRY_(
      session.query("SELECT digest FROM artifacts WHERE digest IS NOT NULL AND (folder = ? OR (folder >= ? AND "
                    "folder < ?))",
                    {std::string_view(clean), std::string_view(from), std::string_view(to)}, [&](const sql::Row& row) {
                      out.emplace_back(row.text(0));
                      return true;
                    }));
  return out;
}

Result<void> Artifacts::visit_digests(const std::function<void(std::string_view hex)>& each) const {
  constexpr std::int64_t kPage = 10'000;
  for (std::string last;;) {  // in pages, by key: there may be millions
    const auto before = last;
    FETTLE_TRY_(database_.read([&](sql::Session& session) {
      return session.query("SELECT DISTINCT digest FROM artifacts WHERE digest > ? ORDER BY digest LIMIT ?",
                           {std::string_view(before), kPage}, [&](const sql::Row& row) {
                             last = row.text(0);
                             each(last);
                             return true;
                           });
    }));
    if (last == before) return {};
  }
}

// False if an artifact refers to the object.
Result<bool> Artifacts::mark(const Digest& digest) {
  const auto hex = digest.hex();
  return write_value<bool>(database_, [&](Session& session) -> Result<bool> {
    bool used = false;
    FETTLE_TRY_(session.query("SELECT 1 FROM artifacts WHERE digest = ? LIMIT 1", {std::string_view(hex)},
                              [&](const sql::Row&) { return !(used = true); }));
    if (used) return false;
    FETTLE_TRY_(session.execute("INSERT INTO object_removals(digest) VALUES(?) ON CONFLICT(digest) DO NOTHING",
                                {std::string_view(hex)}));
    return true;
  });
}

Result<void> Artifacts::unmark(const Digest& digest) {
  const auto hex = digest.hex();
  return database_.write([&](Session& session) -> Result<void> {
    FETTLE_TRY_(session.execute("DELETE FROM object_removals WHERE digest = ?", {std::string_view(hex)}));
    return {};
  });
}

Result<void> Artifacts::collect_one(const Collecting& what, const blob::ObjectInfo& object, Collection& out) {
  bool gone = what.dry_run;
  if (!gone) {
    FETTLE_TRY(const bool marked, mark(object.digest));
    if (!marked) return {};
    const auto removal = [&]() -> Result<void> {
      FETTLE_TRY(gone, objects_.remove(object.digest, what.unused_since_ms));
      return {};
    };
    auto done = what.guard ? what.guard(removal) : removal().transform([] { return true; });
    FETTLE_TRY_(unmark(object.digest));
    FETTLE_TRY(const bool went, std::move(done));
    out.ended_early = !went;
  }
  out.objects += gone ? 1 : 0;
  out.bytes += gone ? object.size : 0;
  return {};
}

// Those of `objects` that no path leads to; none are left in it.
Result<void> Artifacts::collect_some(const Collecting& what, std::vector<blob::ObjectInfo>& objects, Collection& out) {
  if (objects.empty()) return {};
  std::vector<Bound> digests;
  for (const auto& object : objects) digests.emplace_back(object.digest.hex());
  Sql links{"SELECT digest, count(*) FROM artifacts WHERE digest IN ", {}};
  links.add(any_of(std::move(digests))).add(" GROUP BY digest");
  std::map<std::string, std::int64_t> used;
  FETTLE_TRY_(database_.read([&](Session& session) {
    return session.query(links.text, links.parameters(), [&](const sql::Row& row) {
      used.emplace(row.text(0), row.integer(1));
      return true;
    });
  }));
  for (const auto& object : std::exchange(objects, {})) {
    const auto hex = object.digest.hex();
    const auto has = used.find(hex);
    const auto leaving = what.unlinked.find(hex);
    if (has != used.end() && (leaving == what.unlinked.end() || leaving->second < has->second)) continue;
    FETTLE_TRY_(collect_one(what, object, out));
    if (out.ended_early) break;
  }
  return what.step ? what.step() : Result<void>();
}

Result<void> Artifacts::collect(const Collecting& what, Collection& out) {
  std::vector<blob::ObjectInfo> candidates;
  Result<void> done;
  FETTLE_TRY_(objects_.visit([&](const blob::ObjectInfo& object) {
    if (object.used_ms >= what.unused_since_ms || what.also_used(object.digest)) return true;
    candidates.push_back(object);
    if (candidates.size() < kLookedUpAtOnce) return true;
    done = collect_some(what, candidates, out);
    return done && !out.ended_early;
  }));
  FETTLE_TRY_(done);
  return out.ended_early ? Result<void>() : collect_some(what, candidates, out);
}

// Whether a half done removal got as far as the bytes does not matter: nobody refers to them, and a put looks itself.
Result<void> Artifacts::finish_removals() {
  bool any = false;
  FETTLE_TRY_(database_.read([&](Session& session) {
    return session.query("SELECT 1 FROM object_removals LIMIT 1", {}, [&](const sql::Row&) { return !(any = true); });
  }));
  if (!any) return {};
  return database_.write([](Session& session) -> Result<void> {
    FETTLE_TRY_(session.execute("DELETE FROM object_removals"));
    return {};
  });
}

}  // namespace fettle::tracking
