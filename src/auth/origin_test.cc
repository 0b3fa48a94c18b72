#include "auth/origin.h"

#include <gtest/gtest.h>

namespace fettle::auth {
namespace {

http::Request request(http::Method method, std::string host, std::string origin = "") {
  http::Request out;
  out.method = method;
  if (!host.empty()) out.headers.emplace_back("Host", std::move(host));
  if (!origin.empty()) out.headers.emplace_back("Origin", std::move(origin));
  return out;
}

TEST(Origin, HostsThatAreOurs) {
  for (const auto* host :
       {"127.0.0.1:5000", "localhost", "localhost:5000", "fettle.localhost", "[::1]:5000", "10.2.3.4", ""})
    EXPECT_TRUE(check_origin(request(http::Method::Get, host), {})) << host;
  for (const auto* host : {"evil.example", "127.0.0.1.evil.example", "localhost.evil.example:5000", "evil.example."})
    EXPECT_FALSE(check_origin(request(http::Method::Get, host), {})) << host;
  const OriginRules rules{.hosts = {"fettle.example.org", "*.lan"}, .origins = {}};
  EXPECT_TRUE(check_origin(request(http::Method::Get, "Fettle.Example.org:443"), rules));
  EXPECT_TRUE(check_origin(request(http::Method::Get, "a.lan"), rules));
  EXPECT_FALSE(check_origin(request(http::Method::Get, "example.org"), rules));
  EXPECT_TRUE(check_origin(request(http::Method::Get, "any.thing"), {.hosts = {"*"}, .origins = {}}));
}

TEST(Origin, OtherSitesMayLookButChangeNothing) {
  using http::Method;
  EXPECT_TRUE(check_origin(request(Method::Get, "127.0.0.1:5000", "https://evil.example"), {}));
  EXPECT_FALSE(check_origin(request(Method::Post, "127.0.0.1:5000", "https://evil.example"), {}));
  EXPECT_FALSE(check_origin(request(Method::Post, "127.0.0.1:5000", "null"), {}));
  EXPECT_FALSE(check_origin(request(Method::Delete, "127.0.0.1:5000", "http://127.0.0.1:5001"), {}));
  EXPECT_TRUE(check_origin(request(Method::Post, "127.0.0.1:5000", "http://127.0.0.1:5000"), {}));
  EXPECT_TRUE(check_origin(request(Method::Post, "localhost", "http://localhost:80"), {}));
  EXPECT_TRUE(check_origin(request(Method::Post, "127.0.0.1:5000"), {}));  // a program
  const OriginRules rules{.hosts = {}, .origins = {"https://portal.example.org"}};
  EXPECT_TRUE(check_origin(request(Method::Post, "127.0.0.1:5000", "https://portal.example.org"), rules));
}

TEST(Origin, ACookieNeedsTheOwnPage) {
  EXPECT_TRUE(is_same_origin(request(http::Method::Post, "localhost:5000", "http://localhost:5000")));
  EXPECT_FALSE(is_same_origin(request(http::Method::Post, "localhost:5000")));
  EXPECT_FALSE(is_same_origin(request(http::Method::Post, "localhost:5000", "http://localhost:5001")));
}

}  // namespace
}  // namespace fettle::auth
