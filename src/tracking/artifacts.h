// Artifacts: a tree of paths whose files are blobs; two paths with the same bytes share one object.
//
// Paths are relative, '/' between parts, as in "0/<run id>/artifacts/model/MLmodel". A path is one file or a folder,
// never both. Thread-safe; put is durable when it returns. No path can reach the file system: it is only a key.
//
// An object may be removed once no artifact refers to it: collect() marks it in the database, in the transaction that
// sees that nobody refers to it, then removes its bytes, then the mark. A put stores its bytes, then refers to them in
// a transaction that refuses a marked object, then makes sure that they are still there; so no artifact is ever left
// without its bytes, however the two interleave and wherever either is killed.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/digest.h"
#include "base/result.h"
#include "blob/objects.h"
#include "sql/database.h"

namespace fettle::tracking {

// InvalidArgument "Invalid path ..." for an empty, absolute, Windows-absolute or file: path, "..", '\', '#', NUL or
// another control character, however often percent-encoded; else the path with "." and empty parts removed.
[[nodiscard]] Result<std::string> clean_artifact_path(std::string_view path);
[[nodiscard]] std::string percent_decoded(std::string_view text);  // once; what is no escape stays
// The part of an artifact URI below "mlflow-artifacts:/" (or "mlflow-artifacts://host/api/.../artifacts/"); nullopt for
// another scheme.
[[nodiscard]] std::optional<std::string> artifact_path_of(std::string_view uri);

struct Artifact {
  Digest digest;
  std::uint64_t size = 0;
};
struct ArtifactEntry {
  std::string path;  // relative to what was listed: one part
  bool is_folder = false;
  std::uint64_t size = 0;
};

// A file's bytes, wherever they lie.
struct ArtifactContent {
  std::uint64_t size = 0;
  std::string tag;  // other bytes, another tag
  // From `offset` on, of which `length` bytes will be read. The whole of an object of ours is verified on the way.
  std::function<Result<std::shared_ptr<blob::Reader>>(std::uint64_t offset, std::uint64_t length)> open;
};

// What collect() may remove: objects that were not put since `unused_since_ms` and that `also_used` denies. Leave at
// least an hour between that time and now: what a client refers to next may have been put, and not yet been named.
struct Collecting {
  std::int64_t unused_since_ms = 0;
  std::function<bool(const Digest&)> also_used;
  bool dry_run = false;                          // only counts
  std::map<std::string, std::int64_t> unlinked;  // paths, by digest in hex, that a dry run takes for gone
  // Does a removal, or returns false where objects must stay for now, which ends the collection; none: does it.
  std::function<Result<bool>(const std::function<Result<void>()>& removal)> guard = {};
  std::function<Result<void>()> step = {};  // called now and then; an error ends the collection
};
struct Collection {
  std::uint64_t objects = 0, bytes = 0;
  bool ended_early = false;  // by the guard
};

class Artifacts {
 public:
  Artifacts(sql::Database& database, blob::Objects& objects) noexcept : database_(database), objects_(objects) {}

  // The bytes of all `files`, one after the other; replaces what was there.
  [[nodiscard]] Result<Artifact> put(std::string_view path, std::span<const std::string> files, blob::Keep keep);
  // nullopt if there is no such file.
  [[nodiscard]] Result<std::optional<Artifact>> find(std::string_view path) const;
  // The files and folders directly below `prefix` ("" = root), by name; empty if it is a file or missing.
  [[nodiscard]] Result<std::vector<ArtifactEntry>> list(std::string_view prefix) const;
  // A file or a whole folder; missing is fine. Objects stay.
  [[nodiscard]] Result<void> remove(std::string_view path);
  // The same inside a transaction, `limit` rows at most: how many; fewer than `limit` once nothing is left.
  [[nodiscard]] static Result<std::int64_t> unlink(sql::Session& session, std::string_view path, std::int64_t limit);
  // The objects, by their digests in hex, that the files below a folder lead to; once for each file.
  [[nodiscard]] static Result<std::vector<std::string>> links_below(sql::Session& session, std::string_view folder);
  [[nodiscard]] ArtifactContent content(const Artifact& artifact) const;
  // The digest of every artifact, each once, as hex.
  [[nodiscard]] Result<void> visit_digests(const std::function<void(std::string_view hex)>& each) const;

  // Removes objects that no artifact refers to, as `what` says; counts in `out` as it goes.
  [[nodiscard]] Result<void> collect(const Collecting& what, Collection& out);
  // Ends removals that a stopped server has left half done. REQUIRES: no collect() runs.
  [[nodiscard]] Result<void> finish_removals();

 private:
  [[nodiscard]] Result<bool> link(const std::string& path, const blob::ObjectInfo& object);
  [[nodiscard]] Result<bool> mark(const Digest& digest);
  [[nodiscard]] Result<void> unmark(const Digest& digest);
  [[nodiscard]] Result<void> collect_some(const Collecting& what, std::vector<blob::ObjectInfo>& objects,
                                          Collection& out);
  [[nodiscard]] Result<void> collect_one(const Collecting& what, const blob::ObjectInfo& object, Collection& out);
  sql::Database& database_;
  blob::Objects& objects_;
};

}  // namespace fettle::tracking
