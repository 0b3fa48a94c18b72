// Webhook secrets at rest: sealed with a key in a file of its own, so that a copy of the database tells none.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace fettle::notify {

class Vault {
 public:
  // Makes the key file, readable by its owner only, if it is missing. DataLoss if it is not a key.
  [[nodiscard]] static Result<Vault> open(const std::string& key_file);
  [[nodiscard]] std::string put(std::string_view secret) const;  // text to store; empty for an empty secret
  // FailedPrecondition if it was sealed with another key.
  [[nodiscard]] Result<std::string> get(std::string_view stored) const;

 private:
  Vault(std::string file, std::string key) : file_(std::move(file)), key_(std::move(key)) {}
  std::string file_, key_;
};

}  // namespace fettle::notify
