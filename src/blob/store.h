// Content-addressed objects in a local folder: blobs/<2 hex>/<62 hex>, read-only files named by their SHA-256.
//
// Invariants: those of Objects, and (4) get() and checkout() verify what they read. Durable means: temporary name,
// fsync, rename, fsync of the folder. A file's time of change is when the object was put last. Thread- and
// process-safe, also remove() beside put(): an object that is put while it is removed stays.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/digest.h"
#include "base/result.h"
#include "blob/objects.h"

namespace fettle::blob {

class Store final : public Objects {
 public:
  [[nodiscard]] static Result<std::unique_ptr<Store>> open(const std::string& folder);
  [[nodiscard]] Result<Digest> put(std::string_view bytes);
  [[nodiscard]] Result<Digest> put_file(const std::string& path);  // takes a copy; Conflict if it changes meanwhile
  [[nodiscard]] Result<std::string> get(
      const Digest& digest) const;  // NotFound; DataLoss if the bytes are not the name's
  // Copies (reflink where the file system can) to `path`, atomically, verified.
  [[nodiscard]] Result<void> checkout(const Digest& digest, const std::string& path) const;
  [[nodiscard]] bool has(const Digest& digest) const noexcept;
  // has(), and the object counts as put now: for those who will refer to it without putting it again.
  [[nodiscard]] bool renew(const Digest& digest) noexcept;
  [[nodiscard]] Result<void> verify(const Digest& digest) const;
  [[nodiscard]] std::string path_of(const Digest& digest) const;
  [[nodiscard]] Result<std::vector<Digest>> list() const;
  // Clears away what writers that died have left; an object that was being removed is there again. REQUIRES: nobody
  // else writes here now.
  [[nodiscard]] Result<void> remove_leftovers();

  [[nodiscard]] Result<ObjectInfo> put_files(std::span<const std::string> files, Keep keep) override;
  [[nodiscard]] Result<std::optional<ObjectInfo>> find(const Digest& digest) const override;
  [[nodiscard]] Result<std::unique_ptr<Reader>> read(const Digest& digest, std::uint64_t offset) const override;
  [[nodiscard]] Result<void> visit(const std::function<bool(const ObjectInfo&)>& each) const override;
  [[nodiscard]] Result<bool> remove(const Digest& digest, std::int64_t unused_since_ms) override;

 private:
  explicit Store(std::string folder) : folder_(std::move(folder)) {}
  [[nodiscard]] Result<void> make_folder_of(const Digest& digest);
  [[nodiscard]] Result<Digest> copy_in(std::span<const std::string> files);
  std::string folder_;
  std::array<std::atomic<bool>, 256> made_{};  // folders of objects that are known to be durable
};

}  // namespace fettle::blob
