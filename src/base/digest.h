// SHA-256 digests: the names of blobs, snapshots, steps and bundles. 64 lower-case hex digits in text.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace fettle {

class Digest {
 public:
  Digest() = default;  // all zero: the digest of nothing
  [[nodiscard]] static std::optional<Digest> parse(std::string_view hex);
  [[nodiscard]] static Digest of(std::string_view bytes);
  [[nodiscard]] std::string hex() const;
  [[nodiscard]] std::string_view bytes() const noexcept;  // 32
  [[nodiscard]] std::string brief() const { return hex().substr(0, 12); }
  auto operator<=>(const Digest&) const = default;

 private:
  friend class Hasher;
  std::array<std::uint8_t, 32> bytes_{};
};

class Hasher {  // Incremental SHA-256.
 public:
  Hasher();
  ~Hasher();
  Hasher(const Hasher&) = delete;
  Hasher& operator=(const Hasher&) = delete;
  void add(std::string_view bytes);
  [[nodiscard]] Digest finish();  // once

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

// HMAC-SHA256 (RFC 2104).
[[nodiscard]] Digest hmac_sha256(std::string_view key, std::string_view message);
// Takes as long whether the texts differ early or late.
[[nodiscard]] bool same_secret(std::string_view a, std::string_view b) noexcept;

}  // namespace fettle
