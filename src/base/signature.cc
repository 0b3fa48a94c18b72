#include "base/signature.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>

#include <string>
#include <vector>

#include "base/text.h"

namespace fettle {
namespace {

constexpr std::size_t kCoordinate = 32;
constexpr int kLeastModulusBits = 2048, kMostModulusBits = 8192;

template <auto Free>
struct Freed {
  template <typename T>
  void operator()(T* object) const noexcept {
    Free(object);
  }
};
using Key = std::unique_ptr<EVP_PKEY, Freed<EVP_PKEY_free>>;
using KeyContext = std::unique_ptr<EVP_PKEY_CTX, Freed<EVP_PKEY_CTX_free>>;
using DigestContext = std::unique_ptr<EVP_MD_CTX, Freed<EVP_MD_CTX_free>>;
using Number = std::unique_ptr<BIGNUM, Freed<BN_free>>;
using Parameters = std::unique_ptr<OSSL_PARAM, Freed<OSSL_PARAM_free>>;
using Builder = std::unique_ptr<OSSL_PARAM_BLD, Freed<OSSL_PARAM_BLD_free>>;
using EcSignature = std::unique_ptr<ECDSA_SIG, Freed<ECDSA_SIG_free>>;

const unsigned char* bytes(std::string_view text) { return reinterpret_cast<const unsigned char*>(text.data()); }
Number number(std::string_view big_endian) {
  return Number(BN_bin2bn(bytes(big_endian), static_cast<int>(big_endian.size()), nullptr));
}

Key key_of(const char* type, OSSL_PARAM* parameters) {
  const KeyContext context(EVP_PKEY_CTX_new_from_name(nullptr, type, nullptr));
  EVP_PKEY* out = nullptr;
  if (!context || EVP_PKEY_fromdata_init(context.get()) != 1 ||
      EVP_PKEY_fromdata(context.get(), &out, EVP_PKEY_PUBLIC_KEY, parameters) != 1)
    return nullptr;
  return Key(out);
}

bool is_valid(EVP_PKEY* key) {
  const KeyContext context(EVP_PKEY_CTX_new_from_pkey(nullptr, key, nullptr));
  return context && EVP_PKEY_public_check(context.get()) == 1;
}

// r and s as OpenSSL wants them; empty if they are none.
std::string der_of(std::string_view raw) {
  const EcSignature signature(ECDSA_SIG_new());
  auto r = number(raw.substr(0, kCoordinate)), s = number(raw.substr(kCoordinate));
  if (!signature || !r || !s || ECDSA_SIG_set0(signature.get(), r.get(), s.get()) != 1) return "";
  static_cast<void>(r.release());
  static_cast<void>(s.release());
  unsigned char* encoded = nullptr;
  const int length = i2d_ECDSA_SIG(signature.get(), &encoded);
  if (length <= 0) return "";
  std::string out(reinterpret_cast<const char*>(encoded), static_cast<std::size_t>(length));
  OPENSSL_free(encoded);
  return out;
}

}  // namespace

struct PublicKey::Impl {
  Key key;
};

Result<PublicKey> PublicKey::rsa(std::string_view modulus, std::string_view exponent) {
  const auto n = number(modulus), e = number(exponent);
  if (!n || !e || BN_num_bits(n.get()) < kLeastModulusBits || BN_num_bits(n.get()) > kMostModulusBits)
    return fail(Code::InvalidArgument,
                text::format("an RSA key has a modulus of {} to {} bits", kLeastModulusBits, kMostModulusBits));
  const Builder builder(OSSL_PARAM_BLD_new());
  OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_N, n.get());
  OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_E, e.get());
  const Parameters parameters(OSSL_PARAM_BLD_to_param(builder.get()));
  auto key = key_of("RSA", parameters.get());
  if (!key || !is_valid(key.get())) return fail(Code::InvalidArgument, "this is no RSA key");
  return PublicKey(Type::Rsa, std::make_shared<const Impl>(std::move(key)));
}

Result<PublicKey> PublicKey::p256(std::string_view x, std::string_view y) {
  if (x.size() != kCoordinate || y.size() != kCoordinate)
    return fail(Code::InvalidArgument, "a P-256 key has coordinates of 32 bytes");
  std::string point = "\x04";
  point += x;
  point += y;
  const Builder builder(OSSL_PARAM_BLD_new());
  OSSL_PARAM_BLD_push_utf8_string(builder.get(), OSSL_PKEY_PARAM_GROUP_NAME, "prime256v1", 0);
  OSSL_PARAM_BLD_push_octet_string(builder.get(), OSSL_PKEY_PARAM_PUB_KEY, point.data(), point.size());
  const Parameters parameters(OSSL_PARAM_BLD_to_param(builder.get()));
  auto key = key_of("EC", parameters.get());
  if (!key || !is_valid(key.get())) return fail(Code::InvalidArgument, "this point is not on the curve P-256");
  return PublicKey(Type::P256, std::make_shared<const Impl>(std::move(key)));
}

Result<PublicKey> PublicKey::ed25519(std::string_view key) {
  constexpr std::size_t kLength = 32;
  Key out(key.size() == kLength ? EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, nullptr, bytes(key), key.size())
                                : nullptr);
  if (!out) return fail(Code::InvalidArgument, "an Ed25519 key has 32 bytes");
  return PublicKey(Type::Ed25519, std::make_shared<const Impl>(std::move(out)));
}

bool PublicKey::verifies(std::string_view message, std::string_view signature) const {
  std::string der;
  if (type_ == Type::P256) {
    if (signature.size() != 2 * kCoordinate) return false;
    der = der_of(signature);
    signature = der;
  }
  const DigestContext context(EVP_MD_CTX_new());
  const auto* digest = type_ == Type::Ed25519 ? nullptr : EVP_sha256();
  return context && EVP_DigestVerifyInit(context.get(), nullptr, digest, nullptr, impl_->key.get()) == 1 &&
         EVP_DigestVerify(context.get(), bytes(signature), signature.size(), bytes(message), message.size()) == 1;
}

}  // namespace fettle
