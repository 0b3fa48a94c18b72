// Passwords, tokens and keyed hashes. Thread-safe; REQUIRES start_secrets() once.
//
// A password is kept as its argon2id hash (19 MiB, 2 passes: some 20 ms on one core). A token is 256 random bits, so
// that its SHA-256 is enough. Comparisons take the same time whatever is wrong.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace fettle::auth {

inline constexpr std::string_view kTokenPrefix = "fettle_";
inline constexpr std::size_t kMaxSecret = 1024;  // longer passwords are refused before they are hashed

[[nodiscard]] Result<void> start_secrets();

[[nodiscard]] Result<std::string> hash_password(std::string_view password);  // ResourceExhausted without memory
[[nodiscard]] bool verify_password(const std::string& hash, std::string_view password);
// Takes as long as a real one and fails: for users that do not exist.
void pretend_to_verify(std::string_view password);

[[nodiscard]] std::string new_token();     // "fettle_" and 43 characters of base64url
[[nodiscard]] std::string new_password();  // 24 characters, easy to type

using Fingerprint = std::array<std::uint8_t, 32>;
struct FingerprintHash {
  std::size_t operator()(const Fingerprint& fingerprint) const noexcept;
};
// Keyed with a key of this process: what a cache may be found by without keeping the secret itself.
[[nodiscard]] Fingerprint fingerprint(std::string_view a, std::string_view b = {});

}  // namespace fettle::auth
