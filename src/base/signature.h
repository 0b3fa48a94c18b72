// Signatures of others, checked with their public keys: RSA (PKCS #1 v1.5 with SHA-256), ECDSA on P-256 with SHA-256,
// Ed25519.
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>

#include "base/result.h"

namespace fettle {

class PublicKey {  // Immutable; thread-safe.
 public:
  enum class Type : std::uint8_t { Rsa, P256, Ed25519 };
  // Big-endian numbers. InvalidArgument for a modulus below 2048 or above 8192 bits.
  [[nodiscard]] static Result<PublicKey> rsa(std::string_view modulus, std::string_view exponent);
  // Coordinates of 32 bytes each. InvalidArgument for a point that is not on the curve.
  [[nodiscard]] static Result<PublicKey> p256(std::string_view x, std::string_view y);
  [[nodiscard]] static Result<PublicKey> ed25519(std::string_view key);  // 32 bytes

  [[nodiscard]] Type type() const noexcept { return type_; }
  // A P-256 signature is r and s, 32 bytes each.
  [[nodiscard]] bool verifies(std::string_view message, std::string_view signature) const;

 private:
  struct Impl;
  PublicKey(Type type, std::shared_ptr<const Impl> impl) : type_(type), impl_(std::move(impl)) {}
  Type type_;
  std::shared_ptr<const Impl> impl_;
};

}  // namespace fettle
