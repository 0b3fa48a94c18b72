#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <fstream>
#include <latch>
#include <stdexcept>
#include <thread>

#include "http/client.h"
#include "http/content.h"
#include "http/server.h"
#include "http/target.h"

namespace fettle::http {
namespace {

using testing::HasSubstr;
using testing::Not;

Response echo(const Request& request) { return Response::text(request.body); }

// A plain socket, to say what a well-behaved client never would.
class RawClient {
 public:
  explicit RawClient(const std::string& address) {
    const auto port = parse_address(address)->port;
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(port);
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    fd_ = ::socket(AF_INET, SOCK_STREAM, 0);
    EXPECT_EQ(::connect(fd_, reinterpret_cast<sockaddr*>(&to), sizeof to), 0);
  }
  RawClient(const RawClient&) = delete;
  RawClient& operator=(const RawClient&) = delete;
  ~RawClient() { ::close(fd_); }
  void say(std::string_view text) const {
    EXPECT_EQ(::send(fd_, text.data(), text.size(), MSG_NOSIGNAL), static_cast<ssize_t>(text.size()));
  }
  [[nodiscard]] std::string hear_all() const {  // until the server closes
    std::string out(1U << 20U, '\0');
    std::size_t have = 0;
    for (ssize_t got = 1; got > 0 && have < out.size(); have += got > 0 ? static_cast<std::size_t>(got) : 0)
      got = ::recv(fd_, out.data() + have, out.size() - have, 0);
    out.resize(have);
    return out;
  }

 private:
  int fd_ = -1;
};

class HttpTest : public testing::Test {
 protected:
  void start(Router router, ServerOptions options = {}) {
    auto server = Server::start(std::move(options), std::move(router));
    ASSERT_TRUE(server) << server.error().message;
    server_ = *std::move(server);
  }
  [[nodiscard]] Client client() const { return *Client::create(server_->url(), {.timeout_ms = 5000}); }
  [[nodiscard]] std::string raw(std::string_view text) const {
    const RawClient raw(server_->address());
    raw.say(text);
    return raw.hear_all();
  }
  std::unique_ptr<Server> server_;
};

TEST_F(HttpTest, AnswersOnOneKeptConnectionFromLoopAndWorker) {
  Router router;
  router.add(Method::Post, "/loop", echo, {.run = Run::Loop});
  router.add(Method::Post, "/worker", echo);
  start(std::move(router));
  auto client = this->client();
  for (int i = 0; i < 10; ++i) {
    EXPECT_EQ(client.send(Method::Post, "/loop", "a")->body, "a");
    EXPECT_EQ(client.send(Method::Post, "/worker", "b")->body, "b");
  }
  EXPECT_EQ(server_->counters().connections, 1U);
  EXPECT_EQ(server_->counters().requests, 20U);
}

TEST_F(HttpTest, TheMostSpecificRouteWinsAndCapturesAreDecoded) {
  Router router;
  const auto say = [](std::string who) {
    return [who](const Request& r) {
      return Response::text(who + ":" + std::string(r.capture("name")) + ":" + std::string(r.capture("rest")));
    };
  };
  router.add(Method::Get, "/files/{rest*}", say("rest"));
  router.add(Method::Get, "/{name}/x", say("capture"));
  router.add(Method::Get, "/files/x", say("literal"));
  start(std::move(router));
  auto client = this->client();
  EXPECT_EQ(client.send(Method::Get, "/files/x")->body, "literal::");
  EXPECT_EQ(client.send(Method::Get, "/files/a/b%20c")->body, "rest::a/b c");
  EXPECT_EQ(client.send(Method::Get, "/a%2Bb/x?q=1")->body, "capture:a+b:");
}

TEST_F(HttpTest, UnknownPathsAndMethodsSayWhatIsWrong) {
  Router router;
  router.add(Method::Post, "/only", echo);
  start(std::move(router));
  auto client = this->client();
  EXPECT_EQ(client.send(Method::Get, "/none")->status, 404);
  const auto wrong = client.send(Method::Get, "/only");
  EXPECT_EQ(wrong->status, 405);
  EXPECT_THAT(wrong->headers, testing::Contains(testing::Pair("Allow", "POST")));
}

TEST(Target, PathsThatEscapeAreRefusedHoweverTheyAreWritten) {
  for (const auto* path : {"/a/../b", "/%2e%2e/b", "/a%5cb", "/a%00b", "/a\\b", "relative", "/bad%zz", "/cut%2"})
    EXPECT_FALSE(parse_target(path)) << path;
  const auto target = parse_target("/a%20b?x=1+2&x=%26&flag");
  EXPECT_EQ(target->path, "/a b");
  EXPECT_EQ(target->query, (Pairs{{"x", "1 2"}, {"x", "&"}, {"flag", ""}}));
}

TEST_F(HttpTest, GarbageAndOversizedRequestsGetAnswersNotSilence) {
  Router router;
  router.add(Method::Post, "/small", echo, {.max_body = 10});
  start(std::move(router));
  EXPECT_THAT(raw("nonsense\r\n\r\n"), HasSubstr("400 Bad Request"));
  EXPECT_THAT(raw("GET /../etc/passwd HTTP/1.1\r\n\r\n"), HasSubstr("400 Bad Request"));
  EXPECT_THAT(raw("GET /" + std::string(100'000, 'a') + " HTTP/1.1\r\n\r\n"), HasSubstr("431"));
  EXPECT_EQ(client().send(Method::Post, "/small", "12345678901")->status, 413);
  EXPECT_THAT(raw("POST /small HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nb\r\n12345678901\r\n0\r\n\r\n"),
              HasSubstr("413"));
}

TEST_F(HttpTest, PipelinedRequestsAreAnsweredInOrder) {
  Router router;
  router.add(Method::Get, "/{name}", [](const Request& r) { return Response::text(std::string(r.capture("name"))); });
  start(std::move(router));
  const auto heard = raw("GET /one HTTP/1.1\r\n\r\nGET /two HTTP/1.1\r\nConnection: close\r\n\r\n");
  EXPECT_LT(heard.find("\r\n\r\none"), heard.find("\r\n\r\ntwo"));
  EXPECT_THAT(heard, HasSubstr("two"));
}

TEST_F(HttpTest, ExpectContinueAndHead) {
  Router router;
  router.add(Method::Post, "/echo", echo);
  router.add(Method::Get, "/text", [](const Request&) { return Response::text("body"); });
  start(std::move(router));
  EXPECT_THAT(raw("POST /echo HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 2\r\nConnection: close\r\n\r\nhi"),
              testing::StartsWith("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK"));
  EXPECT_THAT(raw("HEAD /text HTTP/1.1\r\nConnection: close\r\n\r\n"),
              testing::AllOf(HasSubstr("Content-Length: 4"), Not(HasSubstr("body"))));
}

TEST_F(HttpTest, ASlowHeaderIsCutOff) {
  Router router;
  start(std::move(router), {.header_timeout_ms = 50});
  EXPECT_EQ(raw("GET /never-ends HTTP/1.1\r\n"), "");
}

TEST_F(HttpTest, SpooledBodiesGoToAFileThatVanishes) {
  Router router;
  std::string where;
  router.add(Method::Put, "/spool",
             [&](const Request& request) {
               where = request.body_file;
               std::ifstream file(request.body_file, std::ios::ate | std::ios::binary);
               return Response::text(std::to_string(file.tellg()) + (request.body.empty() ? "" : " and memory"));
             },
             {.max_body = 0, .spool_body = true});
  start(std::move(router));
  const std::string path = "/tmp/fettle-http-test-" + std::to_string(::getpid());
  std::ofstream(path) << std::string(30'000'000, 'z');
  EXPECT_EQ(client().upload(Method::Put, "/spool", path)->body, "30000000");
  EXPECT_EQ(client().send(Method::Put, "/spool", "")->body, "0") << "a body of no bytes ends where it begins";
  ::unlink(path.c_str());
  server_.reset();
  EXPECT_NE(::access(where.c_str(), F_OK), 0);
}

TEST_F(HttpTest, FilesAreStreamedWithRangesAndETags) {
  const std::string path = "/tmp/fettle-http-test-" + std::to_string(::getpid());
  const std::string bytes = std::string(600'000, 'a') + "tail";
  std::ofstream(path) << bytes;
  Router router;
  router.add(Method::Get, "/file", [&](const Request&) {
    Response response;
    response.file = path;
    return response;
  });
  router.add(Method::Get, "/gone", [&](const Request&) {
    Response response;
    response.file = path + ".none";
    return response;
  });
  start(std::move(router));
  auto client = this->client();
  const auto whole = client.send(Method::Get, "/file");
  EXPECT_EQ(whole->body, bytes);
  const auto get = [&](Headers headers) { return *client.send(Method::Get, "/file", {}, {}, headers); };
  EXPECT_EQ(get({{"Range", "bytes=-4"}}).body, "tail");
  EXPECT_EQ(get({{"Range", "bytes=599999-600000"}}).body, "at");
  EXPECT_EQ(get({{"Range", "bytes=700000-"}}).status, 416);
  for (const auto& [name, value] : whole->headers) {
    if (name == "ETag") {
      EXPECT_EQ(get({{"If-None-Match", value}}).status, 304);
    }
  }
  EXPECT_EQ(client.send(Method::Get, "/gone")->status, 404);
  ASSERT_TRUE(client.download("/file", path + ".copy"));
  std::ifstream copy(path + ".copy");
  EXPECT_EQ(std::string(std::istreambuf_iterator<char>(copy), {}), bytes);
  ::unlink(path.c_str());
  ::unlink((path + ".copy").c_str());
}

TEST_F(HttpTest, ThrowingAndForgetfulHandlersAre500) {
  Router router;
  router.add(Method::Get, "/throws", [](const Request&) -> Response { throw std::runtime_error("secret detail"); });
  router.add_async(Method::Get, "/forgets", [](const Request&, const std::shared_ptr<Responder>&) {});
  start(std::move(router));
  auto client = this->client();
  const auto thrown = client.send(Method::Get, "/throws");
  EXPECT_EQ(thrown->status, 500);
  EXPECT_THAT(thrown->body, Not(HasSubstr("secret")));
  EXPECT_EQ(client.send(Method::Get, "/forgets")->status, 500);
  EXPECT_EQ(server_->counters().responses_5xx, 2U);
}

TEST_F(HttpTest, EventsReachTheClientUntilTheResponderIsDropped) {
  Router router;
  router.add_async(Method::Get, "/events", [](const Request&, const std::shared_ptr<Responder>& responder) {
    responder->start_events();
    for (int i = 0; i < 3; ++i) responder->event("tick", std::to_string(i));
  });
  start(std::move(router));
  const auto heard = raw("GET /events HTTP/1.1\r\n\r\n");
  EXPECT_THAT(heard, HasSubstr("text/event-stream"));
  EXPECT_THAT(heard, testing::EndsWith("event: tick\ndata: 2\n\n"));
}

TEST_F(HttpTest, DrainLetsARunningRequestFinish) {
  std::latch started(1);
  std::latch release(1);
  Router router;
  router.add(Method::Get, "/slow", [&](const Request&) {
    started.count_down();
    release.wait();
    return Response::text("done");
  });
  start(std::move(router));
  Result<Response> answer = fail(Code::Internal, "");
  std::jthread caller([&] { answer = client().send(Method::Get, "/slow"); });
  started.wait();
  std::jthread drainer([&] { server_->drain(5000); });
  release.count_down();
  caller.join();
  drainer.join();
  ASSERT_TRUE(answer) << answer.error().message;
  EXPECT_EQ(answer->body, "done");
  EXPECT_FALSE(client().send(Method::Get, "/slow"));
}

TEST_F(HttpTest, TheServerWaitsForHandlersThatAnswerLater) {
  std::latch started(1);
  std::latch release(1);
  std::atomic<bool> used = false;  // what handlers use may be gone once the server has ended
  std::jthread later;
  Router router;
  router.add_async(Method::Get, "/later", [&](const Request&, std::shared_ptr<Responder> responder) {
    later = std::jthread([&, responder = std::move(responder)] {
      started.count_down();
      release.wait();
      used = true;
      responder->send(Response::text("late"));
    });
  });
  start(std::move(router));
  std::jthread caller([&] { static_cast<void>(client().send(Method::Get, "/later")); });
  started.wait();
  std::jthread drainer([&] {
    server_->drain(1);
    EXPECT_TRUE(used);
  });
  while (client().send(Method::Get, "/none")) std::this_thread::yield();  // until it accepts no more
  release.count_down();
  drainer.join();
  server_.reset();
}

TEST_F(HttpTest, ABodyDecidesWhereItsHandlerRuns) {
  const auto thread_of = [](const Request&) {
    return Response::text(std::to_string(std::hash<std::thread::id>()(std::this_thread::get_id())));
  };
  Router router;
  router.add(Method::Post, "/loop", thread_of, {.run = Run::Loop});
  router.add(Method::Post, "/by-size", thread_of, {.run = Run::BySize});
  start(std::move(router));
  auto client = this->client();
  const auto loop = client.send(Method::Post, "/loop", "")->body;
  EXPECT_EQ(client.send(Method::Post, "/by-size", "small")->body, loop);
  EXPECT_NE(client.send(Method::Post, "/by-size", std::string(100'000, 'x'))->body, loop);
}

TEST_F(HttpTest, ManyClientsAtOnce) {
  Router router;
  router.add(Method::Post, "/loop", echo, {.run = Run::Loop});
  router.add(Method::Post, "/worker", echo);
  start(std::move(router), {.loops = 2});
  std::atomic<int> right = 0;
  std::vector<std::jthread> clients;
  for (int c = 0; c < 32; ++c)
    clients.emplace_back([&, c] {
      auto client = this->client();
      for (int i = 0; i < 50; ++i) {
        const auto body = std::to_string(c * 1000 + i);
        const auto answer = client.send(Method::Post, i % 2 == 0 ? "/loop" : "/worker", body);
        right += answer && answer->body == body ? 1 : 0;
      }
    });
  clients.clear();
  EXPECT_EQ(right, 32 * 50);
}

// Lets "Bearer yes" in; thinks about "Bearer late" on a thread of its own.
class TestGuard final : public Guard {
 public:
  Admission admit(Request& request, Access access) override {
    if (access == Access::Public) return {};
    if (request.header("authorization") == "Bearer late") return {Admission::Verdict::Later, {}};
    if (request.header("authorization") != "Bearer yes") return refusal();
    request.user = "ada";
    return {};
  }
  void admit_later(Request& request, std::function<void(Admission)> done) override {
    thread_ = std::jthread([&request, done = std::move(done)] {
      if (request.path != "/secret") return done(refusal());
      request.user = "grace";
      done({});
    });
  }

 private:
  static Admission refusal() {
    return {Admission::Verdict::Refused, Response::error({Code::Unauthenticated, "send a token"})};
  }
  std::jthread thread_;
};

TEST_F(HttpTest, TheGuardAnswersFirst) {
  Router router;
  const auto who = [](const Request& request) { return Response::text(request.user); };
  router.add(Method::Get, "/secret", who);
  router.add(Method::Get, "/open", who, {.access = Access::Public});
  router.add(Method::Put, "/other", who, {.max_body = 0, .spool_body = true});
  router.set_guard(std::make_shared<TestGuard>());
  start(std::move(router));
  EXPECT_EQ(client().send(Method::Get, "/secret")->status, 401);
  EXPECT_EQ(client().send(Method::Get, "/open")->status, 200);
  EXPECT_EQ(client().send(Method::Get, "/nowhere")->status, 404);
  auto known = *Client::create(server_->url(), {.authorization = "Bearer yes"});
  EXPECT_EQ(known.send(Method::Get, "/secret")->body, "ada");
  auto late = *Client::create(server_->url(), {.authorization = "Bearer late"});
  EXPECT_EQ(late.send(Method::Get, "/secret")->body, "grace");
  EXPECT_EQ(late.send(Method::Put, "/other", std::string(10'000, 'x'))->status, 401);
  EXPECT_EQ(late.send(Method::Get, "/secret")->body, "grace");
}

TEST_F(HttpTest, ARefusedRequestsBodyIsNotStored) {
  Router router;
  router.add(Method::Put, "/file", echo, {.max_body = 0, .spool_body = true});
  router.set_guard(std::make_shared<TestGuard>());
  start(std::move(router));
  const RawClient huge(server_->address());
  huge.say("PUT /file HTTP/1.1\r\nHost: here\r\nContent-Length: 100000000000\r\n\r\n");
  EXPECT_THAT(huge.hear_all(), HasSubstr("401 Unauthorized"));
  const RawClient waiting(server_->address());
  waiting.say("PUT /file HTTP/1.1\r\nHost: here\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n");
  EXPECT_THAT(waiting.hear_all(), AllOf(HasSubstr("401 Unauthorized"), Not(HasSubstr("100 Continue"))));
}

TEST_F(HttpTest, APreconditionAnswersBeforeTheBodyIsRead) {
  Router router;
  router.add(Method::Put, "/open", echo, {.max_body = 0});
  router.add(Method::Put, "/file", echo, {.max_body = 0, .spool_body = true});
  router.require([](const Request& request) -> std::optional<Response> {
    if (request.parameter("key") == "right") return std::nullopt;
    return Response::error({Code::PermissionDenied, "wrong key"});
  });
  start(std::move(router));
  EXPECT_EQ(client().send(Method::Put, "/file?key=right", "x")->status, 200);
  EXPECT_EQ(client().send(Method::Put, "/open", "x")->body, "x");
  auto kept = client();
  EXPECT_EQ(kept.send(Method::Put, "/file", "small")->status, 403);
  EXPECT_EQ(kept.send(Method::Put, "/open", "x")->body, "x");
  for (const auto* expect : {"", "Expect: 100-continue\r\n"}) {
    const RawClient huge(server_->address());
    huge.say(std::string("PUT /file HTTP/1.1\r\nHost: here\r\nContent-Length: 100000000000\r\n") + expect + "\r\n");
    EXPECT_THAT(huge.hear_all(), AllOf(HasSubstr("403 Forbidden"), Not(HasSubstr("100 Continue"))));
  }
  // What was on its way already does not keep the client from hearing why.
  const RawClient sending(server_->address());
  sending.say("PUT /file HTTP/1.1\r\nHost: here\r\nContent-Length: 4000000\r\n\r\n" + std::string(4'000'000, 'x'));
  EXPECT_THAT(sending.hear_all(), HasSubstr("wrong key"));
}

TEST_F(HttpTest, APortInUseIsNamed) {
  start(Router());
  const auto second = Server::start({.address = server_->address()}, Router());
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, Code::Unavailable);
  EXPECT_THAT(second.error().message, HasSubstr("is in use"));
}

TEST_F(HttpTest, AnAddressThatIsNotAllowedIsNotConnectedTo) {
  start(Router());
  std::vector<std::string> asked;
  auto refused = *Client::create(server_->url(), {.allow_address = [&](std::string_view ip) {
                                   asked.emplace_back(ip);
                                   return false;
                                 }});
  const auto before = server_->counters().connections;
  const auto answer = refused.send(Method::Get, "/");
  EXPECT_EQ(answer.error().code, Code::PermissionDenied);
  EXPECT_NE(answer.error().message.find("127.0.0.1"), std::string::npos) << answer.error().message;
  EXPECT_EQ(asked, std::vector<std::string>{"127.0.0.1"});
  EXPECT_EQ(server_->counters().connections, before);
  auto allowed = *Client::create(server_->url(), {.allow_address = [](std::string_view) { return true; }});
  EXPECT_TRUE(allowed.send(Method::Get, "/"));
}

TEST(Client, SaysThatNobodyListens) {
  std::string address;
  {
    const auto server = *Server::start({}, Router());
    address = server->url();
  }
  const auto answer = Client::create(address)->send(Method::Get, "/");
  EXPECT_EQ(answer.error().code, Code::Unavailable);
  EXPECT_THAT(answer.error().message, HasSubstr("no server at " + address));
  EXPECT_FALSE(Client::create("ftp://x"));
}

TEST(Address, ParsesAndKnowsLoopback) {
  EXPECT_TRUE(is_loopback(*parse_address("127.0.0.1:80")));
  EXPECT_TRUE(is_loopback(*parse_address("[::1]:0")));
  EXPECT_FALSE(is_loopback(*parse_address("0.0.0.0:80")));
  for (const auto* wrong : {"5000", "host", "host:99999", ":80", "host:x"}) EXPECT_FALSE(parse_address(wrong)) << wrong;
}

Response digits(const Request& request) {
  Content content{10, "\"d\"", [](std::uint64_t offset, std::uint64_t) -> Result<decltype(Response::Stream::next)> {
                    return [at = offset](std::size_t limit) mutable -> Result<std::string> {
                      const auto piece = std::string("0123456789").substr(at, std::min<std::size_t>(limit, 3));
                      at += piece.size();
                      return piece;
                    };
                  }};
  Response response;
  response.content_type = "text/plain";
  return *answer_with(request, content, std::move(response));
}

TEST_F(HttpTest, ContentIsStreamedWithLengthRangeAndTag) {
  Router router;
  router.add(Method::Get, "/digits", digits);
  start(std::move(router));
  auto client = this->client();
  const auto get = [&](const Headers& headers) {
    return *client.send(Method::Get, "/digits", "", "text/plain", headers);
  };
  EXPECT_EQ(get({}).body, "0123456789");
  EXPECT_THAT(get({}).headers, testing::Contains(testing::Pair("ETag", "\"d\"")));
  const auto part = get({{"Range", "bytes=2-8"}});
  EXPECT_EQ(part.status, 206);
  EXPECT_EQ(part.body, "2345678");
  EXPECT_THAT(part.headers, testing::Contains(testing::Pair("Content-Range", "bytes 2-8/10")));
  EXPECT_EQ(get({{"Range", "bytes=-4"}}).body, "6789");
  EXPECT_EQ(get({{"Range", "bytes=0-0"}}).body, "0");
  EXPECT_EQ(get({{"Range", "bytes=10-"}}).status, 416);
  EXPECT_EQ(get({{"Range", "bytes=2-8"}, {"If-Range", "\"other\""}}).body, "0123456789");
  EXPECT_EQ(get({{"If-None-Match", "\"other\", W/\"d\""}}).status, 304);
  EXPECT_EQ(get({{"If-None-Match", "\"other\""}}).status, 200);
  EXPECT_EQ(server_->counters().connections, 1U);
  const auto head = raw("HEAD /digits HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  EXPECT_THAT(head, HasSubstr("Content-Length: 10"));
  EXPECT_THAT(head, testing::EndsWith("\r\n\r\n"));
}

TEST_F(HttpTest, AStreamThatFailsEndsTheConnectionShort) {
  Router router;
  const auto add = [&](const std::string& path, decltype(Response::Stream::next) next) {
    router.add(Method::Get, path, [next](const Request&) {
      Response response;
      response.stream = Response::Stream{10, next};
      return response;
    });
  };
  const auto begin = std::make_shared<std::atomic<int>>(0);
  add("/error", [begin](std::size_t) -> Result<std::string> {
    if ((*begin)++ == 0) return std::string("01234");
    return fail(Code::DataLoss, "lost");
  });
  add("/early", [](std::size_t) -> Result<std::string> { return std::string(); });
  add("/throws", [](std::size_t) -> Result<std::string> { throw std::runtime_error("oops"); });
  start(std::move(router));
  const auto got = raw("GET /error HTTP/1.1\r\nHost: x\r\n\r\n");  // the server closes, though not asked to
  EXPECT_THAT(got, HasSubstr("Content-Length: 10"));
  EXPECT_THAT(got, testing::EndsWith("01234"));
  for (const auto* path : {"/early", "/throws"})
    EXPECT_THAT(raw(std::string("GET ") + path + " HTTP/1.1\r\nHost: x\r\n\r\n"), testing::EndsWith("\r\n\r\n"));
  EXPECT_FALSE(client().send(Method::Get, "/error"));
}

}  // namespace
}  // namespace fettle::http
