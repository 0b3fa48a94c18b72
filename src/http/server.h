// HTTP/1.1 server on Boost.Asio and Beast: loops (one thread each), keep-alive, pipelining-safe, limits, TLS, graceful
// drain.
//
// Handlers run where their route says. A handler may answer later, from any thread. Start on port 0 for tests.
// Thread-safe after start.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "http/message.h"

namespace fettle::http {

// Where a handler runs: on its connection's loop (it must not block), on a pool (it may, on SQL and disk), or on the
// loop if the body is parsed in no time, else on the pool.
enum class Run : std::uint8_t { Loop, Worker, BySize };

// What a route wants of its caller. SignedIn: to be known; what the caller may do is checked by the handler.
// Undeclared is refused while access control is on, so that no route is forgotten.
enum class Access : std::uint8_t { Undeclared, Public, SignedIn };

struct RouteOptions {
  Run run = Run::Worker;
  std::uint64_t max_body = 64U << 20U;  // 413 beyond; 0 = no limit
  bool spool_body = false;              // body goes to Request::body_file, never into memory
  Access access = Access::Undeclared;
};

struct Admission {
  enum class Verdict : std::uint8_t { Admitted, Refused, Later };
  Verdict verdict = Verdict::Admitted;
  Response refusal;
};

// Sees every request once its header is read, before its body. Called by all loops at once.
class Guard {
 public:
  virtual ~Guard() = default;
  // On the loop: must not block. May set `user` and `caller`. A path without a route is Public.
  [[nodiscard]] virtual Admission admit(Request& request, Access access) = 0;
  // After the verdict Later: decides on a thread of its own, then calls `done` once, never with Later. The request
  // lives until then.
  virtual void admit_later(Request& request, std::function<void(Admission)> done) = 0;
};

struct RouteInfo {
  Method method = Method::Get;
  std::string pattern;
  RouteOptions options;
};

using Handler = std::function<Response(const Request&)>;
using AsyncHandler = std::function<void(const Request&, std::shared_ptr<Responder>)>;  // Request lives until answered
// Asked once a request's header is read and its caller admitted, before its body: a refusal is the answer, and at most
// a small body is read. On the loop: must not block.
using Precondition = std::function<std::optional<Response>(const Request&)>;

// Patterns: "/v2/models/{model}/infer"; "{rest*}" as last part takes the remainder with its slashes. The most specific
// wins.
class Router {
 public:
  Router();
  ~Router();
  Router(Router&&) noexcept;
  void add(Method method, std::string_view pattern, Handler handler, RouteOptions options = {});
  void add_async(Method method, std::string_view pattern, AsyncHandler handler, RouteOptions options = {});
  // Of the route that was added last.
  void require(Precondition precondition);
  // Answers what no route takes; the default is 404 {"error": ...}, 405 with Allow when only the method differs.
  void set_fallback(Handler handler);
  void set_guard(std::shared_ptr<Guard> guard);
  [[nodiscard]] std::vector<RouteInfo> routes() const;

 public:
  struct Impl;  // router.h

 private:
  friend class Server;
  std::unique_ptr<Impl> impl_;
};

struct ServerOptions {
  std::string address = "127.0.0.1:0";  // HOST:PORT, [::1]:PORT
  int loops = 1;
  int workers = 8;           // threads for Worker handlers, started on demand
  std::string spool_folder;  // for spooled bodies; default the system's temporary folder
  std::int64_t header_timeout_ms = 10'000;
  std::int64_t body_timeout_ms = 120'000;  // without progress
  std::int64_t idle_timeout_ms = 75'000;
  std::uint32_t max_header_bytes = 64U << 10U;
  std::uint32_t max_connections = 10'000;
  std::string certificate_file, key_file;  // PEM; both set = TLS
};

struct ServerCounters {  // monotonic, since start
  std::uint64_t connections = 0, requests = 0, responses_4xx = 0, responses_5xx = 0;
  std::uint64_t active_connections = 0;
};

class Server {
 public:
  // Unavailable if the address is in use ("port 5000 is in use; choose another with --control HOST:PORT").
  [[nodiscard]] static Result<std::unique_ptr<Server>> start(ServerOptions options, Router router);
  ~Server();                                  // drain with 0 ms
  [[nodiscard]] std::string address() const;  // "127.0.0.1:43211", the real port
  [[nodiscard]] std::string url() const;      // "http://127.0.0.1:43211"
  [[nodiscard]] ServerCounters counters() const;
  // Stops accepting, lets running requests finish (closing keep-alive connections), at most `timeout_ms`. Handlers that
  // still run are waited for, though their clients hear no more of it: nothing uses what they were given afterwards.
  void drain(std::int64_t timeout_ms);

 private:
  struct Impl;
  explicit Server(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

// Splits HOST:PORT; InvalidArgument with an example otherwise.
struct Address {
  std::string host;
  std::uint16_t port = 0;
};
[[nodiscard]] Result<Address> parse_address(std::string_view text);
[[nodiscard]] bool is_loopback(const Address& address);

}  // namespace fettle::http
