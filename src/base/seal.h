// Secrets at rest: AES-256-GCM with a random nonce, so that equal secrets look different and a changed one is noticed.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace fettle {

inline constexpr std::size_t kSealKeyBytes = 32;

[[nodiscard]] std::string new_seal_key();  // random bytes from the system's secure source
// nonce, ciphertext and tag, as bytes. REQUIRES: a key of kSealKeyBytes.
[[nodiscard]] std::string seal(std::string_view key, std::string_view secret);
// nullopt if it was sealed with another key, or changed since.
[[nodiscard]] std::optional<std::string> unseal(std::string_view key, std::string_view sealed);

}  // namespace fettle
