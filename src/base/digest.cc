#include "base/digest.h"

#include <openssl/evp.h>

#include "base/text.h"

namespace fettle {
namespace {

int nibble(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  return -1;
}

}  // namespace

std::optional<Digest> Digest::parse(std::string_view hex) {
  if (hex.size() != 64) return std::nullopt;
  Digest digest;
  for (std::size_t i = 0; i < 32; ++i) {
    const int high = nibble(hex[2 * i]);
    const int low = nibble(hex[2 * i + 1]);
    if (high < 0 || low < 0) return std::nullopt;
    digest.bytes_[i] = static_cast<std::uint8_t>(high * 16 + low);
  }
  return digest;
}

Digest Digest::of(std::string_view bytes) {
  Hasher hasher;
  hasher.add(bytes);
  return hasher.finish();
}

std::string Digest::hex() const { return text::hex({reinterpret_cast<const char*>(bytes_.data()), bytes_.size()}); }

struct Hasher::Impl {
  EVP_MD_CTX* context = EVP_MD_CTX_new();
};

Hasher::Hasher() : impl_(std::make_unique<Impl>()) { EVP_DigestInit_ex(impl_->context, EVP_sha256(), nullptr); }
Hasher::~Hasher() { EVP_MD_CTX_free(impl_->context); }
void Hasher::add(std::string_view bytes) { EVP_DigestUpdate(impl_->context, bytes.data(), bytes.size()); }

Digest Hasher::finish() {
  Digest digest;
  EVP_DigestFinal_ex(impl_->context, digest.bytes_.data(), nullptr);
  return digest;
}

}  // namespace fettle
