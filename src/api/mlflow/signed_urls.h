// URLs that carry their own permission: MLflow's client sends neither user nor token with the parts of an upload and
// the ranges of a download.
//
// A signature is an HMAC-SHA256 of method, path and the time until which it holds; the path names the upload and the
// part, or the object's digest. Immutable, thread-safe.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/result.h"
#include "http/message.h"

namespace fettle::api {

class SignedUrls {
 public:
  // The key lies in `key_file`, readable by its owner only; made if missing. Whoever has it may sign.
  [[nodiscard]] static Result<SignedUrls> open(const std::string& key_file, const Clock& clock);
  // The URL at which the asker of `request` reaches this server: "http://host:port/path?expires=...&signature=...".
  [[nodiscard]] std::string sign(const http::Request& request, http::Method method, std::string_view path,
                                 std::int64_t lifetime_ms) const;
  // PermissionDenied for a request whose method, path or time were not signed.
  [[nodiscard]] Result<void> check(const http::Request& request) const;

 private:
  SignedUrls(std::string key, const Clock& clock) : key_(std::move(key)), clock_(&clock) {}
  [[nodiscard]] std::string signature(std::string_view method, std::string_view path, std::string_view expires) const;
  std::string key_;
  const Clock* clock_;
};

}  // namespace fettle::api
