#include "http/client.h"

#include <algorithm>
#include <boost/asio/connect.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <chrono>
#include <cstdio>

#include "base/clock.h"
#include "base/rng.h"
#include "base/text.h"
#include "http/read_buffer.h"
#include "http/router.h"
#include "http/server.h"

namespace fettle::http {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace bhttp = boost::beast::http;
using ErrorCode = boost::system::error_code;

bool is_idempotent(Method method) { return method != Method::Post && method != Method::Patch; }

// Servers must prove their name by the certificates in `ca_file`, or by the system's (SSL_CERT_FILE is heeded).
Result<void> trust(asio::ssl::context& context, const std::string& ca_file) {
  ErrorCode error;
  context.set_verify_mode(asio::ssl::verify_peer);
  if (ca_file.empty())
    context.set_default_verify_paths(error);
  else
    context.load_verify_file(ca_file, error);
  if (error)
    return fail(Code::InvalidArgument, text::format("cannot use certificates '{}': {}", ca_file, error.message()));
  return {};
}

template <typename Fields>
Response to_response(const Fields& message) {
  Response response;
  response.status = static_cast<int>(message.result_int());
  response.content_type = message[bhttp::field::content_type];
  for (const auto& field : message) response.headers.emplace_back(field.name_string(), field.value());
  return response;
}

}  // namespace

struct Client::Impl {
  Address address;
  std::string base;
  ClientOptions options;
  asio::io_context context{1};
  std::optional<asio::ssl::context> tls;  // https:// only: it takes a millisecond to make
  std::optional<beast::tcp_stream> plain;
  std::optional<asio::ssl::stream<beast::tcp_stream>> encrypted;
  beast::flat_buffer buffer;
  bool answered = false;  // part of an answer has been read
  std::string refused;    // the address that is not allowed
  std::chrono::steady_clock::time_point deadline = std::chrono::steady_clock::time_point::max();

  void start_clock() {
    if (options.total_ms > 0) deadline = std::chrono::steady_clock::now() + std::chrono::milliseconds(options.total_ms);
  }
  [[nodiscard]] std::chrono::steady_clock::time_point next_deadline() const {
    return std::min(deadline, std::chrono::steady_clock::now() + std::chrono::milliseconds(options.timeout_ms));
  }

  // Runs one asynchronous operation to its end or the deadline.
  template <typename Start>
  ErrorCode wait(Start start) {
    ErrorCode result = beast::error::timeout;
    tcp().expires_at(next_deadline());
    start([&result](ErrorCode error, auto&&...) { result = error; });
    context.restart();
    context.run();
    return result;
  }

  ErrorCode connect() {
    buffer.clear();
    if (tls)
      encrypted.emplace(context, *tls);
    else
      plain.emplace(context);
    asio::ip::tcp::resolver resolver(context);
    ErrorCode error;
    const auto found = resolver.resolve(address.host, std::to_string(address.port), error);
    if (error) return error;
    refused = refused_of(found);
    if (!refused.empty()) return asio::error::access_denied;
    error = wait([&](auto done) { tcp().async_connect(found, done); });
    return error || !tls ? error : handshake();
  }

  [[nodiscard]] std::string refused_of(const asio::ip::tcp::resolver::results_type& found) const {
    for (const auto& each : found)
      if (const auto ip = each.endpoint().address().to_string(); options.allow_address && !options.allow_address(ip))
        return ip;
    return "";
  }

  ErrorCode handshake() {
    ::SSL_set_tlsext_host_name(encrypted->native_handle(), address.host.c_str());
    encrypted->set_verify_callback(asio::ssl::host_name_verification(address.host));
    return wait([&](auto done) { encrypted->async_handshake(asio::ssl::stream_base::client, done); });
  }

  // Runs `use` on the stream that requests travel on.
  void on_stream(const auto& use) { tls ? use(*encrypted) : use(*plain); }
  beast::tcp_stream& tcp() { return tls ? encrypted->next_layer() : *plain; }
  [[nodiscard]] bool connected() const { return plain.has_value() || encrypted.has_value(); }
  void disconnect() {
    plain.reset();
    encrypted.reset();
  }

  std::unexpected<Error> error_of(const ErrorCode& error) {
    disconnect();
    if (!refused.empty())
      return fail(Code::PermissionDenied, text::format("{} is at {}, an address that may not be asked", base, refused));
    if (error == beast::error::timeout)
      return fail(Code::DeadlineExceeded,
                  text::format("{} did not answer within {}", base,
                               text::human_duration_ms(
                                   static_cast<double>(options.total_ms > 0 ? options.total_ms : options.timeout_ms))));
    return fail(Code::Unavailable, text::format("no server at {}: {}", base, error.message()));
  }

  template <typename Body, typename Parser>
  ErrorCode exchange(bhttp::request<Body>& request, Parser& parser) {
    answered = false;
    auto error = wait([&](auto done) { on_stream([&](auto& on) { bhttp::async_write(on, request, done); }); });
    if (!error)
      error =
          wait([&](auto done) { on_stream([&](auto& on) { bhttp::async_read_header(on, buffer, parser, done); }); });
    answered = !error;
    if (!error && !parser.is_done()) make_room(buffer, parser.content_length());
    while (!error && !parser.is_done())
      error = wait([&](auto done) { on_stream([&](auto& on) { bhttp::async_read_some(on, buffer, parser, done); }); });
    if (!error && !parser.get().keep_alive()) disconnect();
    return error;
  }

  // `make_parser` gives a fresh parser for each try.
  template <typename Body, typename MakeParser>
  auto send(bhttp::request<Body>& request, bool idempotent, MakeParser make_parser) -> Result<decltype(make_parser())> {
    start_clock();
    for (bool retried = false;; retried = true) {
      const bool kept = connected();
      if (!kept)
        if (const auto error = connect()) return error_of(error);
      auto parser = make_parser();
      const auto error = exchange(request, *parser);
      if (!error) return parser;
      if (error == bhttp::error::body_limit)
        return fail(Code::ResourceExhausted,
                    text::format("the answer of {} is larger than {}", base, text::human_bytes(options.max_body)));
      // The server may have closed a kept connection between two requests.
      if (!kept || retried || answered || !idempotent || error == beast::error::timeout) return error_of(error);
      disconnect();
    }
  }

  template <typename Body>
  bhttp::request<Body> request(Method method, std::string_view target, const Headers& headers) {
    bhttp::request<Body> out;
    out.method_string(name(method));
    out.target(target);
    out.version(11);
    out.set(bhttp::field::host, text::format("{}:{}", address.host, address.port));
    out.set(bhttp::field::user_agent, "fettle");
    if (!options.authorization.empty()) out.set(bhttp::field::authorization, options.authorization);
    for (const auto& [key, value] : headers) out.set(key, value);
    return out;
  }

  auto text_parser(Method method) {
    auto parser = std::make_unique<bhttp::response_parser<bhttp::string_body>>();
    parser->body_limit(options.max_body);
    parser->skip(method == Method::Head);
    return parser;
  }
};

Result<Client> Client::create(std::string_view base, ClientOptions options) {
  const bool secure = base.starts_with("https://");
  if (!secure && !base.starts_with("http://"))
    return fail(Code::InvalidArgument, text::format("'{}' is no server address; write http://HOST:PORT", base));
  std::string_view rest = base.substr(secure ? 8 : 7);
  while (rest.ends_with('/')) rest.remove_suffix(1);
  const std::string with_port =
      rest.find(':') == std::string_view::npos ? std::string(rest) + (secure ? ":443" : ":80") : std::string(rest);
  FETTLE_TRY(auto address, parse_address(with_port));
  auto impl = std::make_unique<Impl>();
  impl->address = std::move(address);
  impl->base = base;
  impl->options = std::move(options);
  if (secure) {
    impl->tls.emplace(asio::ssl::context::tls_client);
    FETTLE_TRY_(trust(*impl->tls, impl->options.ca_file));
  }
  return Client(std::move(impl));
}

Client::Client(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Client::Client(Client&&) noexcept = default;
Client::~Client() = default;

Result<Response> Client::send(Method method, std::string_view target, std::string_view body,
                              std::string_view content_type, const Headers& headers) {
  auto request = impl_->request<bhttp::string_body>(method, target, headers);
  if (method != Method::Get && method != Method::Head) {
    request.set(bhttp::field::content_type, content_type);
    request.body() = body;
  }
  request.prepare_payload();
  FETTLE_TRY(auto parser, impl_->send(request, is_idempotent(method), [&] { return impl_->text_parser(method); }));
  auto response = to_response(parser->get());
  response.body = std::move(parser->get().body());
  return response;
}

Result<Response> Client::upload(Method method, std::string_view target, const std::string& file) {
  auto request = impl_->request<bhttp::file_body>(method, target, {});
  ErrorCode error;
  request.body().open(file.c_str(), beast::file_mode::scan, error);
  if (error) return fail(Code::NotFound, text::format("cannot read '{}': {}", file, error.message()));
  request.set(bhttp::field::content_type, "application/octet-stream");
  request.prepare_payload();
  FETTLE_TRY(auto parser, impl_->send(request, false, [&] { return impl_->text_parser(method); }));
  auto response = to_response(parser->get());
  response.body = std::move(parser->get().body());
  return response;
}

Result<Response> Client::download(std::string_view target, const std::string& file) {
  auto request = impl_->request<bhttp::empty_body>(Method::Get, target, {});
  const auto temporary = text::format("{}.{}", file, random_id());
  ErrorCode open_error;
  auto received = impl_->send(request, false, [&] {
    auto parser = std::make_unique<bhttp::response_parser<bhttp::file_body>>();
    parser->body_limit(boost::none);
    parser->get().body().open(temporary.c_str(), beast::file_mode::write, open_error);
    return parser;
  });
  if (open_error)
    return fail(Code::PermissionDenied, text::format("cannot write '{}': {}", file, open_error.message()));
  if (received) (*received)->get().body().close();
  const bool keep = received && (*received)->get().result_int() == 200;
  if (!keep || std::rename(temporary.c_str(), file.c_str()) != 0) std::remove(temporary.c_str());
  if (!received) return fail(received.error());
  return to_response((*received)->get());
}

}  // namespace fettle::http
