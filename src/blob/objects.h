// Content-addressed objects behind one seam: in a local folder (Store) or in a tree elsewhere (TreeObjects).
//
// Invariants: (1) an object's name is the digest of its bytes; (2) an object is visible only when whole and durable;
// (3) putting bytes that are there already renews `used_ms`, so that remove() can leave alone what is in use again.
// Thread-safe; calls block on disk or network. Unavailable = the store cannot be reached now.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "base/digest.h"
#include "base/result.h"

namespace fettle::blob {

class Reader {  // Bytes in order, from where it was opened. Not thread-safe.
 public:
  virtual ~Reader() = default;
  // At least one byte and at most `limit`; empty at the end.
  [[nodiscard]] virtual Result<std::string> next(std::size_t limit) = 0;
};

struct ObjectInfo {
  Digest digest;
  std::uint64_t size = 0;
  std::int64_t used_ms = 0;  // when it was put last
};

enum class Keep : std::uint8_t { Yes, No };  // May a file that was put be moved away?

class Objects {
 public:
  virtual ~Objects() = default;
  // The bytes of all `files`, one after the other, as one object. REQUIRES: nobody changes them meanwhile.
  [[nodiscard]] virtual Result<ObjectInfo> put_files(std::span<const std::string> files, Keep keep) = 0;
  [[nodiscard]] virtual Result<std::optional<ObjectInfo>> find(const Digest& digest) const = 0;
  // From byte `offset` on; NotFound. What is read is not verified: see verified().
  [[nodiscard]] virtual Result<std::unique_ptr<Reader>> read(const Digest& digest, std::uint64_t offset) const = 0;
  // Every object, in no order; `each` returns false to stop.
  [[nodiscard]] virtual Result<void> visit(const std::function<bool(const ObjectInfo&)>& each) const = 0;
  // Removes an object that was not put since `unused_since_ms`; false if it was, or is not there.
  [[nodiscard]] virtual Result<bool> remove(const Digest& digest, std::int64_t unused_since_ms) = 0;
};

// Reads a whole object of `size` bytes and gives its last piece only if all bytes together have `digest`; DataLoss if
// not, so that whoever counts bytes never takes a damaged object for a good one.
[[nodiscard]] std::unique_ptr<Reader> verified(std::unique_ptr<Reader> reader, const Digest& digest,
                                               std::uint64_t size);

}  // namespace fettle::blob
