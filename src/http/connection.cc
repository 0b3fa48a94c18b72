#include "http/connection.h"

#include <algorithm>
#include <boost/asio/bind_executor.hpp>
#include <boost/asio/dispatch.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <cstdio>
#include <deque>
#include <exception>
#include <utility>

#include "base/log.h"
#include "base/rng.h"
#include "base/text.h"
#include "http/file_response.h"
#include "http/read_buffer.h"
#include "http/target.h"

namespace fettle::http {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace bhttp = boost::beast::http;
using Ms = std::chrono::milliseconds;
using ErrorCode = boost::system::error_code;

constexpr std::size_t kFilePiece = 256U << 10U;
constexpr std::string_view kRetryAfterSeconds = "2";  // unless the handler says otherwise
constexpr std::size_t kStreamPiece = 1U << 20U;
constexpr std::size_t kIdleBuffer = 4U << 10U;  // of a connection that waits
constexpr std::uint64_t kMaxRefusedBody = 1U << 20U;
constexpr std::size_t kMostThrownAway = 16U << 20U;
constexpr std::int64_t kThrowAwayMs = 2'000;        // without a byte
constexpr std::size_t kMaxBodyOnLoop = 16U << 10U;  // of Run::BySize: tens of microseconds to parse

using PlainStream = beast::tcp_stream;
using TlsStream = asio::ssl::stream<beast::tcp_stream>;

// What a responder may do with its connection, from any thread.
class Reply {
 public:
  virtual ~Reply() = default;
  virtual void send(Response response) = 0;
  virtual void start_events() = 0;
  virtual void end_events() = 0;
  virtual bool event(std::string text) = 0;
};

// Answers one request; sends 500 when dropped unanswered.
class Answer final : public Responder {
 public:
  Answer(std::shared_ptr<Reply> connection, std::shared_ptr<Shared> shared)
      : connection_(std::move(connection)), shared_(std::move(shared)) {
    ++shared_->unanswered;
  }
  Answer(const Answer&) = delete;
  Answer& operator=(const Answer&) = delete;
  ~Answer() override;  // ends an event stream
  void send(Response response) override;
  void start_events() override;
  bool event(std::string_view name, std::string_view data) override;

 private:
  void leave();

  std::shared_ptr<Reply> connection_;
  std::shared_ptr<Shared> shared_;
  std::atomic<bool> answered_ = false;
  std::atomic<bool> streaming_ = false;
};

template <typename Stream>
class Connection final : public Reply, public std::enable_shared_from_this<Connection<Stream>> {
 public:
  template <typename... Arguments>
  explicit Connection(std::shared_ptr<Shared> shared, Arguments&&... arguments)
      : shared_(std::move(shared)), stream_(std::forward<Arguments>(arguments)...) {
    ++shared_->active;
    ErrorCode ignored;
    tcp().socket().set_option(asio::ip::tcp::no_delay(true), ignored);
    const auto peer = tcp().socket().remote_endpoint(ignored);
    peer_ = ignored ? "" : text::format("{}:{}", peer.address().to_string(), peer.port());
  }
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;
  ~Connection() override {
    remove_spooled_body();
    --shared_->active;
  }

  void start() {
    asio::dispatch(stream_.get_executor(), [self = self_()] { self->begin(); });
  }

  void send(Response response) override {
    asio::dispatch(stream_.get_executor(),
                   [self = self_(), response = std::move(response)]() mutable { self->write(std::move(response)); });
  }
  void start_events() override {
    asio::dispatch(stream_.get_executor(), [self = self_()] {
      self->streaming_ = true;
      --self->shared_->busy;  // a drain does not wait for it
      self->push(
          "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nCache-Control: no-store\r\n"
          "X-Content-Type-Options: nosniff\r\nConnection: close\r\n\r\n");
    });
  }
  void end_events() override {
    asio::dispatch(stream_.get_executor(), [self = self_()] {
      self->ended_ = true;
      if (self->streaming_ && self->events_.empty()) self->close();
    });
  }
  bool event(std::string text) override {
    asio::dispatch(stream_.get_executor(),
                   [self = self_(), text = std::move(text)]() mutable { self->push(std::move(text)); });
    return !gone_ && !shared_->draining;
  }

 private:
  using Parser = bhttp::request_parser<bhttp::empty_body>;

  std::shared_ptr<Connection> self_() { return this->shared_from_this(); }
  beast::tcp_stream& tcp() { return beast::get_lowest_layer(stream_); }

  void begin() {
    if constexpr (std::is_same_v<Stream, TlsStream>) {
      tcp().expires_after(Ms(shared_->options.header_timeout_ms));
      stream_.async_handshake(asio::ssl::stream_base::server, [self = self_()](ErrorCode error) {
        if (!error) self->read_header(true);
      });
    } else {
      read_header(true);
    }
  }

  void read_header(bool first) {
    if (shared_->draining) return close();
    header_.emplace();
    header_->header_limit(shared_->options.max_header_bytes);
    header_->body_limit(boost::none);
    tcp().expires_after(Ms(first ? shared_->options.header_timeout_ms : shared_->options.idle_timeout_ms));
    bhttp::async_read_header(stream_, buffer_, *header_,
                             [self = self_()](ErrorCode error, std::size_t) { self->on_header(error); });
  }

  void on_header(ErrorCode error) {
    if (error == bhttp::error::end_of_stream || error == beast::error::timeout || error == asio::error::eof ||
        error == asio::error::connection_reset || error == asio::error::operation_aborted)
      return close();
    ++shared_->requests;
    ++shared_->busy;
    keep_alive_ = false;
    if (error == bhttp::error::header_limit) return refuse(431, "the request's header is too large");
    if (error) return refuse(400, text::format("this is no HTTP request: {}", error.message()));
    keep_alive_ = header_->get().keep_alive();
    begin_request();
  }

  // The header is read: make the request, find its route, then read its body as the route wants it.
  void begin_request() {
    const auto& header = header_->get();
    request_ = Request();
    request_.secure = std::is_same_v<Stream, TlsStream>;
    request_.peer = peer_;
    request_.target = header.target();
    for (const auto& field : header) request_.headers.emplace_back(field.name_string(), field.value());
    const auto method = parse_method(header.method_string());
    auto target = parse_target(request_.target);
    if (!method || !target) {
      keep_alive_ = false;
      return refuse(method ? 400 : 501, method ? target.error().message : "this method is not supported");
    }
    request_.method = *method;
    request_.path = std::move(target->path);
    request_.query = std::move(target->query);
    route_ = shared_->router->match(*method, request_.path, request_.captures);
    refusal_.reset();
    if (shared_->router->guard) return ask_guard();
    on_admission({});
  }

  [[nodiscard]] RouteOptions options() const { return route_ != nullptr ? route_->options : RouteOptions{}; }

  void ask_guard() {
    auto& guard = *shared_->router->guard;
    auto admission = guard.admit(request_, route_ != nullptr ? route_->options.access : Access::Public);
    if (admission.verdict != Admission::Verdict::Later) return on_admission(std::move(admission));
    guard.admit_later(request_, [self = self_()](Admission later) {
      asio::dispatch(self->stream_.get_executor(),
                     [self, later = std::move(later)]() mutable { self->on_admission(std::move(later)); });
    });
  }

  void on_admission(Admission admission) {
    if (admission.verdict != Admission::Verdict::Admitted) return refuse_unread(std::move(admission.refusal));
    if (route_ != nullptr && route_->precondition)
      if (auto refusal = route_->precondition(request_)) return refuse_unread(*std::move(refusal));
    begin_body();
  }

  // A refused request's body is read before the answer if it is small, so that the client hears the answer and the
  // connection lives on; it is not kept. A large one is answered at once, and what still comes is thrown away.
  void refuse_unread(Response refusal) {
    const auto length = header_->content_length();
    const bool waits = header_->get()[bhttp::field::expect] == "100-continue";
    const bool has_body = header_->chunked() || length.value_or(0) > 0;
    if (!has_body) return write(std::move(refusal));
    if (waits || length.value_or(0) > kMaxRefusedBody) {
      keep_alive_ = false;
      unread_ = !waits;
      return write(std::move(refusal));
    }
    refusal_ = std::move(refusal);
    read_body({.max_body = kMaxRefusedBody});
  }

  void begin_body() {
    const auto& header = header_->get();
    const auto options = this->options();
    if (options.max_body != 0 && header_->content_length().value_or(0) > options.max_body) return too_large(options);
    if (header[bhttp::field::expect] == "100-continue") return send_continue(options);
    read_body(options);
  }

  void send_continue(RouteOptions options) {
    static constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";
    asio::async_write(stream_, asio::buffer(kContinue), [self = self_(), options](ErrorCode error, std::size_t) {
      if (error) return self->finish(false);
      self->read_body(options);
    });
  }

  void read_body(RouteOptions options) {
    if (options.spool_body) return read_file_body(options);
    make_room(buffer_, header_->content_length());
    body_.emplace(std::move(*header_));
    limit(*body_, options);
    tcp().expires_after(Ms(shared_->options.body_timeout_ms));
    bhttp::async_read(stream_, buffer_, *body_, [self = self_(), options](ErrorCode error, std::size_t) {
      if (error) return self->on_body_error(error, options);
      self->request_.body = std::move(self->body_->get().body());
      self->handle();
    });
  }

  void read_file_body(RouteOptions options) {
    make_room(buffer_, header_->content_length());
    file_.emplace(std::move(*header_));
    limit(*file_, options);
    const auto& folder = shared_->options.spool_folder;
    request_.body_file = text::format("{}/fettle-body-{}", folder.empty() ? "/tmp" : folder, random_id());
    ErrorCode error;
    file_->get().body().open(request_.body_file.c_str(), beast::file_mode::write_new, error);
    if (error) return not_stored(error);
    read_file_piece(options);
  }

  void read_file_piece(RouteOptions options) {  // the deadline is for progress, not for the whole upload
    if (file_->is_done()) {                     // at once for a body of no bytes
      file_->get().body().close();
      return handle();
    }
    tcp().expires_after(Ms(shared_->options.body_timeout_ms));
    bhttp::async_read_some(stream_, buffer_, *file_, [self = self_(), options](ErrorCode error, std::size_t) {
      if (error) return self->on_body_error(error, options);
      self->read_file_piece(options);
    });
  }

  template <typename BodyParser>
  static void limit(BodyParser& parser, const RouteOptions& options) {
    if (options.max_body == 0)
      parser.body_limit(boost::none);
    else
      parser.body_limit(options.max_body);
  }

  void on_body_error(ErrorCode error, const RouteOptions& options) {
    keep_alive_ = false;
    if (error == bhttp::error::body_limit && refusal_) return write(*std::move(refusal_));
    if (error == bhttp::error::body_limit) return too_large(options);
    if (error == beast::error::timeout || error == bhttp::error::partial_message ||
        error == asio::error::connection_reset)
      return finish(false);
    if (is_out_of_room(error)) return not_stored(error);
    refuse(400, text::format("the request's body cannot be read: {}", error.message()));
  }

  static bool is_out_of_room(ErrorCode error) {
    const bool of_the_system =
        error.category() == boost::system::system_category() || error.category() == boost::system::generic_category();
    return of_the_system && (error.value() == ENOSPC || error.value() == EDQUOT || error.value() == EFBIG);
  }

  void not_stored(ErrorCode error) {
    keep_alive_ = false;
    write(Response::error(
        {Code::Unavailable, text::format("the server cannot store the request's body: {}", error.message())}));
  }

  void too_large(const RouteOptions& options) {
    keep_alive_ = false;
    refuse(413, text::format("the request's body is larger than {}", text::human_bytes(options.max_body)));
  }

  void handle() {
    if (refusal_) return write(*std::move(refusal_));
    if (route_ == nullptr) return write(shared_->router->no_route(request_));
    if (runs_on_loop(route_->options.run)) return call();
    shared_->run_on_worker([self = self_()] { self->call(); });
  }

  [[nodiscard]] bool runs_on_loop(Run run) const {
    return run == Run::Loop || (run == Run::BySize && request_.body.size() <= kMaxBodyOnLoop);
  }

  void call() {
    auto responder = std::make_shared<Answer>(self_(), shared_);
    try {
      route_->handler(request_, responder);
    } catch (const std::exception& error) {
      log::error(text::format("{} {} failed: {}", name(request_.method), request_.path, error.what()));
      responder->send(Response::error({Code::Internal, "the server failed on this request; its log tells more"}));
    }
  }

  void refuse(int status, std::string message) {
    auto response = Response::error({Code::InvalidArgument, std::move(message)});
    response.status = status;
    write(std::move(response));
  }

  void write(Response response) {
    if (response.file) prepare_file_response(request_, response, file_range_);
    count(response.status);
    if (shared_->draining) keep_alive_ = false;
    message_.emplace();
    auto& out = *message_;
    out.version(11);
    out.result(static_cast<unsigned>(response.status));
    out.keep_alive(keep_alive_);
    if (response.status != 204 && response.status != 304) out.set(bhttp::field::content_type, response.content_type);
    out.set("X-Content-Type-Options", "nosniff");
    out.set("X-Frame-Options", "SAMEORIGIN");
    if (response.status == 503) out.set(bhttp::field::retry_after, kRetryAfterSeconds);
    for (const auto& [key, value] : response.headers) out.set(key, value);
    tcp().expires_after(Ms(shared_->options.body_timeout_ms));
    if (response.file) {
      out.content_length(file_range_.length);
      return write_header([](Connection& self) { self.write_file_piece(); });
    }
    if (response.stream) {
      stream_body_ = std::move(*response.stream);
      out.content_length(stream_body_.length);
      return write_header([](Connection& self) { self.write_stream_piece(); });
    }
    out.content_length(response.body.size());
    if (request_.method != Method::Head) out.body() = std::move(response.body);
    bhttp::async_write(stream_, out,
                       [self = self_()](ErrorCode error, std::size_t) { self->finish(!error && self->keep_alive_); });
  }

  void write_header(void (*then)(Connection&)) {
    serializer_.emplace(*message_);
    bhttp::async_write_header(stream_, *serializer_, [self = self_(), then](ErrorCode error, std::size_t) {
      if (error) return self->finish(false);
      if (self->request_.method == Method::Head) return self->finish(self->keep_alive_);
      then(*self);
    });
  }

  void write_file_piece() {
    piece_ = file_range_.next(kFilePiece);
    if (piece_.empty()) return finish(keep_alive_ && file_range_.length == 0);
    tcp().expires_after(Ms(shared_->options.body_timeout_ms));
    asio::async_write(stream_, asio::buffer(piece_), [self = self_()](ErrorCode error, std::size_t) {
      if (error) return self->finish(false);
      self->write_file_piece();
    });
  }

  void write_stream_piece() {  // read on a worker, written here
    if (stream_body_.length == 0) return finish(keep_alive_);
    tcp().expires_never();
    shared_->run_on_worker([self = self_()] {
      auto piece = self->next_stream_piece();
      asio::dispatch(self->stream_.get_executor(),
                     [self, piece = std::move(piece)]() mutable { self->write_stream_piece(std::move(piece)); });
    });
  }
  std::string next_stream_piece() {
    try {
      auto piece = stream_body_.next(std::min<std::uint64_t>(kStreamPiece, stream_body_.length));
      if (piece) return *std::move(piece);
      log::error(text::format("{} {} was cut: {}", name(request_.method), request_.path, piece.error().message));
    } catch (const std::exception& error) {
      log::error(text::format("{} {} was cut: {}", name(request_.method), request_.path, error.what()));
    }
    return {};
  }
  void write_stream_piece(std::string piece) {
    if (piece.empty() || piece.size() > stream_body_.length) return finish(false);
    stream_body_.length -= piece.size();
    piece_ = std::move(piece);
    tcp().expires_after(Ms(shared_->options.body_timeout_ms));
    asio::async_write(stream_, asio::buffer(piece_), [self = self_()](ErrorCode error, std::size_t) {
      if (error) return self->finish(false);
      self->write_stream_piece();
    });
  }

  void push(std::string text) {  // one piece of an event stream
    events_.push_back(std::move(text));
    if (events_.size() == 1) push_next();
  }
  void push_next() {
    tcp().expires_after(Ms(shared_->options.body_timeout_ms));
    asio::async_write(stream_, asio::buffer(events_.front()), [self = self_()](ErrorCode error, std::size_t) {
      if (error) {
        self->gone_ = true;
        self->events_.clear();
        return;
      }
      self->events_.pop_front();
      if (!self->events_.empty())
        self->push_next();
      else if (self->ended_)
        self->close();
      else
        self->tcp().expires_never();
    });
  }

  void count(int status) {
    if (status >= 500)
      ++shared_->responses_5xx;
    else if (status >= 400)
      ++shared_->responses_4xx;
  }

  void remove_spooled_body() {
    if (!request_.body_file.empty()) ::remove(request_.body_file.c_str());
  }

  void finish(bool again) {
    remove_spooled_body();
    if (buffer_.size() == 0 && buffer_.capacity() > kIdleBuffer) buffer_.shrink_to_fit();
    file_range_ = FileRange();
    stream_body_ = {};
    piece_ = {};
    serializer_.reset();
    message_.reset();
    body_.reset();
    file_.reset();
    --shared_->busy;
    if (again) return read_header(false);
    close();
    if constexpr (std::is_same_v<Stream, PlainStream>)  // TLS reads by itself until the other side has closed
      if (std::exchange(unread_, false)) throw_away(kMostThrownAway);
  }

  // A connection that is closed with bytes unread is reset, and a client that is still sending would not hear why.
  void throw_away(std::size_t left) {
    tcp().expires_after(Ms(kThrowAwayMs));
    piece_.resize(kFilePiece);
    tcp().async_read_some(asio::buffer(piece_), [self = self_(), left](ErrorCode error, std::size_t got) {
      if (!error && got < left) self->throw_away(left - got);
    });
  }

  void close() {
    if constexpr (std::is_same_v<Stream, TlsStream>) {
      tcp().expires_after(Ms(shared_->options.header_timeout_ms));
      stream_.async_shutdown([self = self_()](ErrorCode) {});
    } else {
      ErrorCode ignored;
      tcp().socket().shutdown(asio::ip::tcp::socket::shutdown_send, ignored);
    }
  }

  std::shared_ptr<Shared> shared_;
  Stream stream_;
  std::string peer_;
  beast::flat_buffer buffer_;
  std::optional<Parser> header_;
  std::optional<bhttp::request_parser<bhttp::string_body>> body_;
  std::optional<bhttp::request_parser<bhttp::file_body>> file_;
  std::optional<bhttp::response<bhttp::string_body>> message_;
  std::optional<bhttp::response_serializer<bhttp::string_body>> serializer_;
  FileRange file_range_;
  Response::Stream stream_body_;
  std::string piece_;
  std::deque<std::string> events_;
  Request request_;
  const Route* route_ = nullptr;
  std::optional<Response> refusal_;  // the guard's; answered once the body is read
  bool keep_alive_ = false;
  bool unread_ = false;  // the answer came before the body
  bool streaming_ = false;
  bool ended_ = false;
  std::atomic<bool> gone_ = false;
};

Answer::~Answer() {
  if (streaming_) {
    connection_->end_events();
    return;
  }
  if (!answered_) connection_->send(Response::error({Code::Internal, "the request was dropped without an answer"}));
  connection_.reset();  // before a server that waits goes on, and ends the loop that a connection needs
  leave();
}
void Answer::leave() {
  if (--shared_->unanswered == 0) shared_->unanswered.notify_all();
}
void Answer::send(Response response) {
  if (!answered_.exchange(true)) connection_->send(std::move(response));
}
void Answer::start_events() {
  if (answered_.exchange(true)) return;
  streaming_ = true;
  connection_->start_events();
  leave();
}
bool Answer::event(std::string_view name, std::string_view data) {
  return connection_->event(text::format("event: {}\ndata: {}\n\n", name, data));
}

}  // namespace

void Shared::run_on_worker(std::function<void()> work) {
  const std::lock_guard lock(mutex_);
  if (!workers_) workers_ = std::make_unique<asio::thread_pool>(static_cast<std::size_t>(options.workers));
  asio::post(*workers_, std::move(work));
}

void Shared::join_workers() {
  std::unique_ptr<asio::thread_pool> workers;
  {
    const std::lock_guard lock(mutex_);
    workers = std::move(workers_);
  }
  if (workers) workers->join();
}

void Shared::wait_for_answers() {
  for (auto left = unanswered.load(); left != 0; left = unanswered.load()) unanswered.wait(left);
}

void start_connection(asio::ip::tcp::socket socket, std::shared_ptr<Shared> shared) {
  ++shared->connections;
  if (shared->tls)
    std::make_shared<Connection<TlsStream>>(shared, std::move(socket), *shared->tls)->start();
  else
    std::make_shared<Connection<PlainStream>>(shared, std::move(socket))->start();
}

}  // namespace fettle::http
