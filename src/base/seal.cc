#include "base/seal.h"

#include <openssl/evp.h>
#include <openssl/rand.h>

#include <cstdlib>
#include <memory>

namespace fettle {
namespace {

constexpr std::size_t kNonce = 12, kTag = 16;

struct FreeContext {
  void operator()(EVP_CIPHER_CTX* context) const noexcept { EVP_CIPHER_CTX_free(context); }
};
using Cipher = std::unique_ptr<EVP_CIPHER_CTX, FreeContext>;

unsigned char* bytes_of(std::string& text) { return reinterpret_cast<unsigned char*>(text.data()); }
const unsigned char* bytes_of(std::string_view text) { return reinterpret_cast<const unsigned char*>(text.data()); }

std::string random_bytes(std::size_t count) {
  std::string out(count, '\0');
  if (RAND_bytes(bytes_of(out), static_cast<int>(count)) != 1) std::abort();  // no secure randomness: nothing is safe
  return out;
}

}  // namespace

std::string new_seal_key() { return random_bytes(kSealKeyBytes); }

std::string seal(std::string_view key, std::string_view secret) {
  std::string out = random_bytes(kNonce);
  out.resize(kNonce + secret.size() + kTag);
  const Cipher cipher(EVP_CIPHER_CTX_new());
  int written = 0;
  EVP_EncryptInit_ex(cipher.get(), EVP_aes_256_gcm(), nullptr, bytes_of(key), bytes_of(out));
  EVP_EncryptUpdate(cipher.get(), bytes_of(out) + kNonce, &written, bytes_of(secret), static_cast<int>(secret.size()));
  EVP_EncryptFinal_ex(cipher.get(), bytes_of(out) + kNonce + written, &written);
  EVP_CIPHER_CTX_ctrl(cipher.get(), EVP_CTRL_GCM_GET_TAG, kTag, bytes_of(out) + kNonce + secret.size());
  return out;
}

std::optional<std::string> unseal(std::string_view key, std::string_view sealed) {
  if (key.size() != kSealKeyBytes || sealed.size() < kNonce + kTag) return std::nullopt;
  std::string out(sealed.size() - kNonce - kTag, '\0');
  std::string tag(sealed.substr(kNonce + out.size()));
  const Cipher cipher(EVP_CIPHER_CTX_new());
  int written = 0;
  EVP_DecryptInit_ex(cipher.get(), EVP_aes_256_gcm(), nullptr, bytes_of(key), bytes_of(sealed));
  EVP_DecryptUpdate(cipher.get(), bytes_of(out), &written, bytes_of(sealed) + kNonce, static_cast<int>(out.size()));
  EVP_CIPHER_CTX_ctrl(cipher.get(), EVP_CTRL_GCM_SET_TAG, kTag, bytes_of(tag));
  if (EVP_DecryptFinal_ex(cipher.get(), bytes_of(out) + written, &written) != 1) return std::nullopt;
  return out;
}

}  // namespace fettle
