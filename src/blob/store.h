// Content-addressed objects in a local folder: blobs/<2 hex>/<62 hex>, read-only files named by their SHA-256.
//
// Invariants: (1) an object's name is the digest of its bytes; (2) an object is visible only when whole and durable
// (temporary name, fsync, rename, fsync of the folder); (3) get() verifies what it reads. Thread- and process-safe.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/digest.h"
#include "base/result.h"

namespace fettle::blob {

class Store {
 public:
  [[nodiscard]] static Result<std::unique_ptr<Store>> open(const std::string& folder);
  [[nodiscard]] Result<Digest> put(std::string_view bytes);
  [[nodiscard]] Result<Digest> put_file(const std::string& path);  // streams
  [[nodiscard]] Result<std::string> get(
      const Digest& digest) const;  // NotFound; DataLoss if the bytes are not the name's
  // Copies (reflink where the file system can) to `path`, atomically, verified.
  [[nodiscard]] Result<void> checkout(const Digest& digest, const std::string& path) const;
  [[nodiscard]] bool has(const Digest& digest) const noexcept;
  [[nodiscard]] Result<void> verify(const Digest& digest) const;
  [[nodiscard]] std::string path_of(const Digest& digest) const;
  [[nodiscard]] Result<std::vector<Digest>> list() const;
  // Removes what writers that died have left. REQUIRES: nobody else writes here now.
  [[nodiscard]] Result<void> remove_leftovers();

 private:
  explicit Store(std::string folder) : folder_(std::move(folder)) {}
  std::string folder_;
};

}  // namespace fettle::blob
