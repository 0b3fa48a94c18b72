// TLS from end to end: a certificate made here, the real listener, the real client.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "http/client.h"
#include "http/server.h"

namespace fettle::http {
namespace {

using testing::HasSubstr;

class TlsTest : public testing::Test {
 protected:
  void SetUp() override {
    char pattern[] = "/tmp/fettle-tls-XXXXXX";
    folder_ = ::mkdtemp(pattern);
    const std::string command = "cd " + folder_ +
                                " && openssl req -x509 -newkey rsa:2048 -nodes -keyout key.pem -out cert.pem -days 1"
                                " -subj /CN=localhost -addext subjectAltName=DNS:localhost 2>/dev/null";
    ASSERT_EQ(std::system(command.c_str()), 0);
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  Result<std::unique_ptr<Server>> serve(const std::string& certificate, const std::string& key) {
    Router router;
    router.add(Method::Post, "/echo", [](const Request& request) { return Response::text(request.body); });
    router.add_async(Method::Get, "/events", [](const Request&, const std::shared_ptr<Responder>& responder) {
      responder->start_events();
      responder->event("change", "1");
    });
    return Server::start({.certificate_file = certificate, .key_file = key}, std::move(router));
  }
  Result<std::unique_ptr<Server>> serve() { return serve(folder_ + "/cert.pem", folder_ + "/key.pem"); }
  static std::string by_name(const Server& server) {
    return "https://localhost" + server.address().substr(server.address().rfind(':'));
  }

  std::string folder_;
};

TEST_F(TlsTest, RequestsTravelEncryptedOnAKeptConnection) {
  const auto server = serve();
  ASSERT_TRUE(server) << server.error().message;
  EXPECT_THAT((*server)->url(), HasSubstr("https://127.0.0.1:"));
  auto client = *Client::create(by_name(**server), {.ca_file = folder_ + "/cert.pem"});
  const std::string large(3U << 20U, 'x');
  for (int i = 0; i < 3; ++i) {
    const auto answer = client.send(Method::Post, "/echo", large);
    ASSERT_TRUE(answer) << answer.error().message;
    EXPECT_EQ(answer->body, large);
  }
  EXPECT_EQ((*server)->counters().connections, 1U);
}

TEST_F(TlsTest, AnEventStreamEndsWithoutAProtocolError) {
  const auto server = serve();
  auto client = *Client::create(by_name(**server), {.ca_file = folder_ + "/cert.pem"});
  const auto answer = client.send(Method::Get, "/events");
  ASSERT_TRUE(answer) << answer.error().message;
  EXPECT_EQ(answer->body, "event: change\ndata: 1\n\n");
}

TEST_F(TlsTest, AServerThatCannotProveItsNameIsRefused) {
  const auto server = serve();
  auto stranger = *Client::create(by_name(**server));
  EXPECT_EQ(stranger.send(Method::Get, "/echo").error().code, Code::Unavailable);
  auto other_name = *Client::create((*server)->url(), {.ca_file = folder_ + "/cert.pem"});
  EXPECT_EQ(other_name.send(Method::Get, "/echo").error().code, Code::Unavailable);
}

TEST_F(TlsTest, APlainRequestToATlsListenerIsClosed) {
  const auto server = serve();
  auto plain = *Client::create("http://" + (*server)->address());
  EXPECT_FALSE(plain.send(Method::Post, "/echo", "hello"));
}

TEST_F(TlsTest, BadFilesAreNamed) {
  const auto without_key = serve(folder_ + "/cert.pem", "");
  ASSERT_FALSE(without_key);
  EXPECT_THAT(without_key.error().message, HasSubstr("both"));
  std::ofstream(folder_ + "/junk.pem") << "no certificate";
  const auto junk = serve(folder_ + "/junk.pem", folder_ + "/key.pem");
  ASSERT_FALSE(junk);
  EXPECT_THAT(junk.error().message, HasSubstr("junk.pem"));
  EXPECT_EQ(Client::create("https://localhost:1", {.ca_file = folder_ + "/junk.pem"}).error().code,
            Code::InvalidArgument);
}

}  // namespace
}  // namespace fettle::http
