#include "http/server.h"

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <thread>

#include "base/text.h"
#include "http/connection.h"

namespace fettle::http {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;

// One loop: an io_context and the thread that runs it.
struct Loop {
  asio::io_context context{1};
  asio::executor_work_guard<asio::io_context::executor_type> guard = asio::make_work_guard(context);
  std::jthread thread;
};

std::unexpected<Error> bind_error(const std::string& address, const boost::system::error_code& error) {
  const auto port = address.substr(address.rfind(':') + 1);
  if (error == asio::error::address_in_use)
    return fail(Code::Unavailable,
                text::format("port {} is in use ({}); choose another, or 0 for a free one", port, address));
  const auto code = error == asio::error::access_denied ? Code::PermissionDenied : Code::InvalidArgument;
  return fail(code, text::format("cannot listen on '{}': {}", address, error.message()));
}

// The context of a TLS listener; nullopt for a plain one.
Result<std::optional<asio::ssl::context>> tls_context(const ServerOptions& options) {
  if (options.certificate_file.empty() && options.key_file.empty()) return std::nullopt;
  if (options.certificate_file.empty() || options.key_file.empty())
    return fail(Code::InvalidArgument, "TLS needs both a certificate file and a key file (PEM)");
  asio::ssl::context context(asio::ssl::context::tls_server);
  ::SSL_CTX_set_min_proto_version(context.native_handle(), TLS1_2_VERSION);
  boost::system::error_code error;
  context.use_certificate_chain_file(options.certificate_file, error);
  if (error)
    return fail(Code::InvalidArgument,
                text::format("cannot use certificate '{}': {}", options.certificate_file, error.message()));
  context.use_private_key_file(options.key_file, asio::ssl::context::pem, error);
  if (error)
    return fail(Code::InvalidArgument, text::format("cannot use key '{}': {}", options.key_file, error.message()));
  return context;
}

}  // namespace

struct Server::Impl {
  std::shared_ptr<Shared> shared = std::make_shared<Shared>();
  std::vector<std::unique_ptr<Loop>> loops;
  std::optional<tcp::acceptor> acceptor;
  std::string address;
  std::size_t next_loop = 0;

  Result<void> listen(const Address& at) {
    auto& context = loops.front()->context;
    boost::system::error_code error;
    tcp::resolver resolver(context);
    const auto found = resolver.resolve(at.host, std::to_string(at.port), error);
    if (error) return bind_error(shared->options.address, error);
    const auto endpoint = found.begin()->endpoint();
    acceptor.emplace(context);
    acceptor->open(endpoint.protocol(), error);
    if (!error) acceptor->set_option(tcp::acceptor::reuse_address(true), error);
    if (!error) acceptor->bind(endpoint, error);
    if (!error) acceptor->listen(1024, error);
    if (error) return bind_error(shared->options.address, error);
    const auto local = acceptor->local_endpoint();
    const auto host = local.address().to_string();
    address = text::format("{}:{}", local.address().is_v6() ? "[" + host + "]" : host, local.port());
    return {};
  }

  void accept() {
    auto& loop = *loops[next_loop++ % loops.size()];
    acceptor->async_accept(loop.context, [this](boost::system::error_code error, tcp::socket socket) {
      if (error == asio::error::operation_aborted || shared->draining) return;
      if (!error && shared->active < shared->options.max_connections) start_connection(std::move(socket), shared);
      accept();
    });
  }

  void run() {
    accept();
    for (auto& loop : loops) loop->thread = std::jthread([context = &loop->context] { context->run(); });
  }

  void stop() {
    for (auto& loop : loops) loop->context.stop();
    for (auto& loop : loops)
      if (loop->thread.joinable()) loop->thread.join();
    shared->join_workers();
    shared->wait_for_answers();
  }
};

Server::Server(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

Server::~Server() { drain(0); }

Result<std::unique_ptr<Server>> Server::start(ServerOptions options, Router router) {
  FETTLE_TRY(const auto address, parse_address(options.address));
  auto impl = std::make_unique<Impl>();
  for (int i = 0; i < std::max(1, options.loops); ++i) impl->loops.push_back(std::make_unique<Loop>());
  FETTLE_TRY(impl->shared->tls, tls_context(options));
  impl->shared->options = std::move(options);
  impl->shared->router = std::move(router.impl_);
  FETTLE_TRY_(impl->listen(address));
  impl->run();
  return std::unique_ptr<Server>(new Server(std::move(impl)));
}

std::string Server::address() const { return impl_->address; }
std::string Server::url() const { return (impl_->shared->tls ? "https://" : "http://") + impl_->address; }

ServerCounters Server::counters() const {
  const auto& s = *impl_->shared;
  return {s.connections, s.requests, s.responses_4xx, s.responses_5xx, s.active};
}

void Server::drain(std::int64_t timeout_ms) {
  if (impl_->shared->draining.exchange(true)) return;
  auto& first = impl_->loops.front()->context;
  asio::post(first, [this] {
    boost::system::error_code ignored;
    impl_->acceptor->close(ignored);
  });
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::milliseconds(timeout_ms);
  while (impl_->shared->busy > 0 && std::chrono::steady_clock::now() < deadline)
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  impl_->stop();
}

}  // namespace fettle::http
