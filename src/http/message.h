// HTTP messages as our handlers see them.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"

namespace fettle::http {

enum class Method : std::uint8_t { Get, Head, Post, Put, Patch, Delete, Options };
[[nodiscard]] std::string_view name(Method method) noexcept;  // "GET"

using Headers = std::vector<std::pair<std::string, std::string>>;
using Pairs = std::vector<std::pair<std::string, std::string>>;

struct Caller {  // Who asks, as the server's guard found out; what it may do is the business of whoever set it.
  virtual ~Caller() = default;
};

struct Request {
  Method method = Method::Get;
  std::string target;  // as sent: "/v2/models/a?x=1"
  std::string path;    // percent-decoded path; NotFound routes never see ".." segments
  Pairs query;         // decoded, in order, repeated keys kept
  Pairs captures;      // {name} parts of the route's pattern, decoded
  Headers headers;
  std::string body;       // empty for streamed routes
  std::string body_file;  // streamed routes: the body, spooled to this temporary file (removed after the answer unless
                          // moved away)
  bool secure = false;    // came over TLS
  std::string peer;       // "127.0.0.1:54321"
  std::string user;       // name of the authenticated user; empty while access control is off
  std::shared_ptr<const Caller> caller;  // the same with all that is known; null while access control is off

  [[nodiscard]] std::string_view header(std::string_view name) const noexcept;  // case-insensitive; empty if absent
  [[nodiscard]] std::optional<std::string_view> parameter(std::string_view name) const noexcept;  // first of that name
  [[nodiscard]] std::string_view capture(std::string_view name) const noexcept;
};

struct Response {
  int status = 200;
  Headers headers;  // Content-Length, Date and Connection are set by the server
  std::string body;
  std::string content_type = "application/json";
  // Instead of body: a file streamed from disk; Range requests (one range) and ETag/If-None-Match are answered by the
  // server.
  std::optional<std::string> file;
  // Instead of body: exactly `length` bytes, which `next` gives piece by piece (1 to `limit` bytes a call). It is
  // called on a worker and may block; on an error or an early end the connection is cut, so that no client takes it for
  // whole.
  struct Stream {
    std::uint64_t length = 0;
    std::function<Result<std::string>(std::size_t limit)> next;
  };
  std::optional<Stream> stream;

  [[nodiscard]] static Response json(std::string body, int status = 200);
  [[nodiscard]] static Response text(std::string body, int status = 200);
  // {"error": message} with the code's HTTP status.
  [[nodiscard]] static Response error(const Error& error);
  void retry_later(Code code);  // Retry-After, if the code says that later is better
};

// Completes one request, from any thread, once. Dropping it unanswered sends 500.
class Responder {
 public:
  virtual ~Responder() = default;
  virtual void send(Response response) = 0;
  // Starts a server-sent-events stream; later calls to `event` send one event each and return false once the client is
  // gone.
  virtual void start_events() = 0;
  virtual bool event(std::string_view name, std::string_view data) = 0;
};

}  // namespace fettle::http
