// Files by path outside of the content-addressed store: a folder (file: URIs) or a bucket (s3: URIs), behind one seam.
//
// Paths are relative, '/' between parts, without "." and ".."; "" is the root. Thread-safe; calls block. Errors:
// InvalidArgument (a path that is none, or leads through a symbolic link), NotFound, Unavailable (the store cannot be
// reached now; try again).
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "blob/objects.h"

namespace fettle::blob {

struct TreeEntry {
  std::string name;  // one part
  bool is_folder = false;
  std::uint64_t size = 0;        // of a file
  std::int64_t modified_ms = 0;  // of a file
};

class Tree {
 public:
  virtual ~Tree() = default;
  [[nodiscard]] virtual Result<std::optional<TreeEntry>> find(const std::string& path) const = 0;
  // What lies directly in a folder, by name; empty if it is a file or missing.
  [[nodiscard]] virtual Result<std::vector<TreeEntry>> list(const std::string& folder) const = 0;
  [[nodiscard]] virtual Result<std::unique_ptr<Reader>> read(const std::string& path, std::uint64_t offset) const = 0;
  // The bytes of all `files`, one after the other; readers see all or nothing. Folders are made as needed.
  [[nodiscard]] virtual Result<void> write(const std::string& path, std::span<const std::string> files) = 0;
  // A file or a folder with all that is in it; missing is fine. Not the root.
  [[nodiscard]] virtual Result<void> remove(const std::string& path) = 0;
};

// A folder of this machine; `folder` itself may lead through symbolic links, nothing below it may.
[[nodiscard]] Result<std::unique_ptr<Tree>> open_folder(const std::string& folder);

// "s3://BUCKET/PREFIX?endpoint_override=HOST:PORT&scheme=http&region=...", credentials from AWS's environment, profile
// or instance role. Loads libfettle-s3.so, which lies beside the program, on first use. FailedPrecondition if the
// bucket is missing, may not be listed, or the library cannot be loaded.
[[nodiscard]] Result<std::unique_ptr<Tree>> open_s3(const std::string& uri);

// Content-addressed objects in a tree, as <2 hex>/<62 hex>.
class TreeObjects final : public Objects {
 public:
  explicit TreeObjects(std::unique_ptr<Tree> tree) noexcept : tree_(std::move(tree)) {}
  [[nodiscard]] Result<ObjectInfo> put_files(std::span<const std::string> files, Keep keep) override;
  [[nodiscard]] Result<std::optional<ObjectInfo>> find(const Digest& digest) const override;
  [[nodiscard]] Result<std::unique_ptr<Reader>> read(const Digest& digest, std::uint64_t offset) const override;
  [[nodiscard]] Result<void> visit(const std::function<bool(const ObjectInfo&)>& each) const override;
  [[nodiscard]] Result<bool> remove(const Digest& digest, std::int64_t unused_since_ms) override;

 private:
  std::unique_ptr<Tree> tree_;
};

}  // namespace fettle::blob
