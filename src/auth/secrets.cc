#include "auth/secrets.h"

#include <sodium.h>

#include <cstring>

#include "base/text.h"

namespace fettle::auth {
namespace {

constexpr unsigned long long kPasses = 2;
constexpr std::size_t kMemory = 19U << 20U;
constexpr std::string_view kEasy = "abcdefghjkmnpqrstuvwxyzABCDEFGHJKMNPQRSTUVWXYZ23456789";

const std::array<std::uint8_t, crypto_generichash_KEYBYTES>& process_key() {
  static const auto key = [] {
    std::array<std::uint8_t, crypto_generichash_KEYBYTES> out{};
    randombytes_buf(out.data(), out.size());
    return out;
  }();
  return key;
}

}  // namespace

Result<void> start_secrets() {
  if (sodium_init() < 0) return fail(Code::Internal, "libsodium cannot start");
  return {};
}

Result<std::string> hash_password(std::string_view password) {
  std::array<char, crypto_pwhash_STRBYTES> out{};
  if (crypto_pwhash_str_alg(out.data(), password.data(), password.size(), kPasses, kMemory,
                            crypto_pwhash_ALG_ARGON2ID13) != 0)
    return fail(Code::ResourceExhausted, "not enough memory to hash a password");
  return std::string(out.data());
}

bool verify_password(const std::string& hash, std::string_view password) {
  return crypto_pwhash_str_verify(hash.c_str(), password.data(), password.size()) == 0;
}

void pretend_to_verify(std::string_view password) {
  static const auto hash = hash_password("nobody's").value_or("");
  static_cast<void>(verify_password(hash, password));
}

std::string new_token() {
  std::array<unsigned char, 32> bytes{};
  randombytes_buf(bytes.data(), bytes.size());
  std::array<char, sodium_base64_ENCODED_LEN(32, sodium_base64_VARIANT_URLSAFE_NO_PADDING)> out{};
  sodium_bin2base64(out.data(), out.size(), bytes.data(), bytes.size(), sodium_base64_VARIANT_URLSAFE_NO_PADDING);
  return std::string(kTokenPrefix) + out.data();
}

std::string new_password() {
  constexpr std::size_t kLength = 24;
  std::string out;
  for (std::size_t i = 0; i < kLength; ++i) out += kEasy[randombytes_uniform(static_cast<std::uint32_t>(kEasy.size()))];
  return out;
}

std::size_t FingerprintHash::operator()(const Fingerprint& fingerprint) const noexcept {
  std::size_t out = 0;
  std::memcpy(&out, fingerprint.data(), sizeof out);
  return out;
}

Fingerprint fingerprint(std::string_view a, std::string_view b) {
  const auto& key = process_key();
  const auto length = static_cast<std::uint64_t>(a.size());
  crypto_generichash_state state;
  crypto_generichash_init(&state, key.data(), key.size(), sizeof(Fingerprint));
  crypto_generichash_update(&state, reinterpret_cast<const unsigned char*>(&length), sizeof length);
  crypto_generichash_update(&state, reinterpret_cast<const unsigned char*>(a.data()), a.size());
  crypto_generichash_update(&state, reinterpret_cast<const unsigned char*>(b.data()), b.size());
  Fingerprint out{};
  crypto_generichash_final(&state, out.data(), out.size());
  return out;
}

}  // namespace fettle::auth
