// A blocking HTTP/1.1 client with keep-alive, for the command line, webhooks and tests. Follows no redirects. Not
// thread-safe: one per thread.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "http/message.h"

namespace fettle::http {

struct ClientOptions {
  std::int64_t timeout_ms = 30'000;  // without progress
  std::int64_t total_ms = 0;         // for one request, its connection and its answer; 0 = no limit
  std::uint64_t max_body = 1U << 30U;
  std::string authorization;  // the header's value: "Bearer ..."; empty = none
  std::string ca_file;        // PEM certificates that a https:// server's must be signed by; empty = the system's
  // Asked about every address that the server's name has, right before one of them is connected to: if one is refused,
  // none is. Whoever controls the name cannot answer differently in between.
  std::function<bool(std::string_view ip)> allow_address;
};

class Client {
 public:
  // `base` is "http://host:port" (or https). No connection is made yet.
  [[nodiscard]] static Result<Client> create(std::string_view base, ClientOptions options = {});
  Client(Client&&) noexcept;
  ~Client();
  // Any status is a value; Unavailable when the server cannot be reached ("no server at http://...: connection
  // refused"), PermissionDenied when its address is not allowed, DeadlineExceeded on time-out. A request on a kept
  // connection that the server closed is retried once if idempotent.
  [[nodiscard]] Result<Response> send(Method method, std::string_view target, std::string_view body = {},
                                      std::string_view content_type = "application/json", const Headers& headers = {});
  // Streams a file as the body / the answer's body to a file (written atomically, only on status 200).
  [[nodiscard]] Result<Response> upload(Method method, std::string_view target, const std::string& file);
  [[nodiscard]] Result<Response> download(std::string_view target, const std::string& file);

 private:
  struct Impl;
  explicit Client(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

[[nodiscard]] std::string percent_encode(std::string_view text);  // for one path segment or query value

}  // namespace fettle::http
