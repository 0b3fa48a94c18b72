#include "notify/vault.h"

#include "base/seal.h"
#include "base/text.h"
#include "os/file.h"

namespace fettle::notify {

Result<Vault> Vault::open(const std::string& key_file) {
  if (!os::exists(key_file)) FETTLE_TRY_(os::write_private_file(key_file, new_seal_key()));
  FETTLE_TRY(auto key, os::read_file(key_file));
  if (key.size() != kSealKeyBytes)
    return fail(Code::DataLoss,
                text::format("'{}' is no key ({} bytes, not {}); bring it back from a backup, or remove it "
                             "and give every webhook its secret again",
                             key_file, key.size(), kSealKeyBytes));
  return Vault(key_file, std::move(key));
}

std::string Vault::put(std::string_view secret) const {
  return secret.empty() ? std::string() : text::base64(seal(key_, secret));
}

Result<std::string> Vault::get(std::string_view stored) const {
  if (stored.empty()) return std::string();
  const auto sealed = text::from_base64(stored);
  auto secret = sealed ? unseal(key_, *sealed) : std::nullopt;
  if (secret) return *std::move(secret);
  return fail(
      Code::FailedPrecondition,
      text::format("the secret was sealed with another key than '{}'; bring that key back, or set the secret again",
                   file_));
}

}  // namespace fettle::notify
