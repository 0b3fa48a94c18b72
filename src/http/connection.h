// One client's connection: read a request, route it, write the answer, again. Private to the module.
//
// Everything but a handler's work happens on the connection's loop. A request keeps the connection alive until it is
// answered, also when its Responder is used from another thread.
#pragma once

#include <atomic>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/thread_pool.hpp>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "http/router.h"
#include "http/server.h"

namespace fettle::http {

// What all connections of a server share.
struct Shared {
  ServerOptions options;
  std::unique_ptr<Router::Impl> router;
  std::optional<boost::asio::ssl::context> tls;  // set: every connection begins with a handshake
  std::atomic<std::uint64_t> connections = 0, requests = 0, responses_4xx = 0, responses_5xx = 0, active = 0, busy = 0;
  std::atomic<bool> draining = false;

  std::atomic<std::uint64_t> unanswered = 0;  // requests that a handler has, streams of events aside

  void run_on_worker(std::function<void()> work);  // starts the pool when first used
  void join_workers();
  void wait_for_answers();  // of handlers that answer later, from threads of others

 private:
  std::mutex mutex_;
  std::unique_ptr<boost::asio::thread_pool> workers_;
};

void start_connection(boost::asio::ip::tcp::socket socket, std::shared_ptr<Shared> shared);

}  // namespace fettle::http
