// Artifacts: a tree of paths whose files are blobs; two paths with the same bytes share one object.
//
// Paths are relative, '/' between parts, as in "0/<run id>/artifacts/model/MLmodel". A path is one file or a folder,
// never both. Thread-safe; put is durable when it returns. No path can reach the file system: it is only a key.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/digest.h"
#include "base/result.h"
#include "blob/store.h"
#include "sql/database.h"

namespace fettle::tracking {

// InvalidArgument "Invalid path ..." for an empty, absolute, Windows-absolute or file: path, "..", '\', '#', NUL or
// another control character, however often percent-encoded; else the path with "." and empty parts removed.
[[nodiscard]] Result<std::string> clean_artifact_path(std::string_view path);
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

class Artifacts {
 public:
  Artifacts(sql::Database& database, blob::Store& blobs) noexcept : database_(database), blobs_(blobs) {}

  // Takes a copy of `file`; replaces what was there.
  [[nodiscard]] Result<Artifact> put(std::string_view path, const std::string& file);
  [[nodiscard]] Result<Artifact> put_bytes(std::string_view path, std::string_view bytes);
  // nullopt if there is no such file.
  [[nodiscard]] Result<std::optional<Artifact>> find(std::string_view path) const;
  // The files and folders directly below `prefix` ("" = root), by name; empty if it is a file or missing.
  [[nodiscard]] Result<std::vector<ArtifactEntry>> list(std::string_view prefix) const;
  // A file or a whole folder; missing is fine. Blobs stay.
  [[nodiscard]] Result<void> remove(std::string_view path);
  // Where the bytes are, for reading; REQUIRES: found before.
  [[nodiscard]] std::string file_of(const Artifact& artifact) const { return blobs_.path_of(artifact.digest); }

 private:
  [[nodiscard]] Result<Artifact> link(const std::string& path, const Digest& digest, std::uint64_t size);
  sql::Database& database_;
  blob::Store& blobs_;
};

}  // namespace fettle::tracking
