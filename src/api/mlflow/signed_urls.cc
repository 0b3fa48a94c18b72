#include "api/mlflow/signed_urls.h"

#include <sys/stat.h>

#include "base/digest.h"
#include "base/rng.h"
#include "base/text.h"
#include "os/file.h"

namespace fettle::api {
namespace {

constexpr std::size_t kMinKey = 64;

std::string_view method_name(http::Method method) { return method == http::Method::Put ? "PUT" : "GET"; }

}  // namespace

Result<SignedUrls> SignedUrls::open(const std::string& key_file, const Clock& clock) {
  if (!os::exists(key_file)) {
    const auto old_mask = ::umask(0077);
    const auto written = os::write_file(key_file, random_id() + random_id());
    ::umask(old_mask);
    if (!written) return fail(written.error());
    if (::chmod(key_file.c_str(), 0600) != 0)
      return fail(Code::PermissionDenied, text::format("cannot change the mode of '{}'", key_file));
  }
  FETTLE_TRY(auto key, os::read_file(key_file));
  if (key.size() < kMinKey)
    return fail(Code::DataLoss, text::format("'{}' is too short for a key; remove it and start again", key_file));
  return SignedUrls(std::move(key), clock);
}

std::string SignedUrls::signature(std::string_view method, std::string_view path, std::string_view expires) const {
  return hmac_sha256(key_, text::format("{}\n{}\n{}", method, path, expires)).hex();
}

// A proxy in front says how it is called; whoever lies here only gets a URL that leads elsewhere.
std::string SignedUrls::sign(const http::Request& request, http::Method method, std::string_view path,
                             std::int64_t lifetime_ms) const {
  const auto forwarded = [&](std::string_view name) {
    const auto header = request.header(name);
    return text::trim(header.substr(0, header.find(',')));
  };
  const auto proxy_host = forwarded("X-Forwarded-Host");
  const auto proxy_scheme = text::lower(forwarded("X-Forwarded-Proto"));
  const bool secure = proxy_scheme.empty() ? request.secure : proxy_scheme == "https";
  const auto expires = std::to_string((clock_->now_ms() + lifetime_ms) / 1000);
  return text::format("{}://{}{}?expires={}&signature={}", secure ? "https" : "http",
                      proxy_host.empty() ? request.header("Host") : proxy_host, path, expires,
                      signature(method_name(method), path, expires));
}

Result<void> SignedUrls::check(const http::Request& request) const {
  const auto expires = request.parameter("expires").value_or("");
  const auto given = request.parameter("signature").value_or("");
  const auto method = method_name(request.method);  // a HEAD is as good as a GET
  if (!same_secret(given, signature(method, request.path, expires)))
    return fail(Code::PermissionDenied, "This URL was not signed by this server for this request; ask for a new one");
  const auto until = text::parse_int(expires);
  if (!until || *until * 1000 < clock_->now_ms())
    return fail(Code::PermissionDenied, "This URL has expired; ask for a new one");
  return {};
}

}  // namespace fettle::api
