// Where artifacts lie, and which of it this server reads and writes: artifacts that go through it
// ("mlflow-artifacts:"), and roots that clients reach by themselves, a folder ("file:") or a bucket ("s3:").
//
// Invariant: outside of the roots that the operator named, nothing is read or written, whatever URI a client stored;
// below a folder no symbolic link is followed. Immutable after open(), thread-safe; calls block.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "blob/tree.h"
#include "tracking/artifacts.h"

namespace fettle::tracking {

// A location in one spelling: "file:///a/b", "s3://bucket/a", without a slash at the end. InvalidArgument for "..",
// query, fragment, control characters and "runs:", however often percent-encoded, and for a relative path or one of
// another machine.
[[nodiscard]] Result<std::string> clean_location(std::string_view location);
[[nodiscard]] bool is_local(std::string_view location);  // a path or a file: URI: what this machine would open

class ArtifactRoots {
 public:
  // `root` is what new experiments get, `allowed` are further roots that experiments may name; all may be
  // mlflow-artifacts:, file: or s3: URIs, the latter with the query that open_s3() wants.
  [[nodiscard]] static Result<std::unique_ptr<ArtifactRoots>> open(Artifacts& artifacts, std::string_view root,
                                                                   const std::vector<std::string>& allowed);
  // Of a new experiment, to which "/<id>" is added: "mlflow-artifacts:", "s3://bucket/prefix".
  [[nodiscard]] const std::string& root() const noexcept { return root_; }
  // Whether a client may give its experiment this location: anything that clients reach by themselves, but no local
  // path outside of the roots.
  [[nodiscard]] Result<void> check(std::string_view location) const;

  // Whether this server reads there, outside of its own store.
  [[nodiscard]] bool reads(std::string_view location) const;

  // What lies at `path` below `uri`, which is a run's or a model's artifact URI. InvalidArgument for a path that is
  // none or a `uri` outside of the roots.
  [[nodiscard]] Result<std::vector<ArtifactEntry>> list(std::string_view uri, std::string_view path) const;
  [[nodiscard]] Result<std::optional<ArtifactContent>> find(std::string_view uri, std::string_view path) const;
  // Takes `file`.
  [[nodiscard]] Result<void> put(std::string_view uri, std::string_view path, const std::string& file) const;
  // All that lies below `uri`, which is not a root itself.
  [[nodiscard]] Result<void> remove(std::string_view uri) const;

 private:
  struct Root {
    std::string location;  // clean
    std::unique_ptr<blob::Tree> tree;
  };
  struct Place {
    const blob::Tree* reader = nullptr;  // null: an artifact of ours
    blob::Tree* writer = nullptr;
    std::string path;
  };
  explicit ArtifactRoots(Artifacts& artifacts) noexcept : artifacts_(artifacts) {}
  [[nodiscard]] Result<void> add(std::string_view uri);
  [[nodiscard]] const Root* root_of(std::string_view location) const;
  [[nodiscard]] Result<Place> place_of(std::string_view uri, std::string_view path) const;
  Artifacts& artifacts_;
  std::string root_;
  std::vector<Root> roots_;
};

}  // namespace fettle::tracking
