#include "api/page.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "api/page_assets.h"
#include "http/client.h"

namespace fettle::api {
namespace {

class PageTest : public ::testing::Test {
 protected:
  void SetUp() override {
    http::Router router;
    router.add(http::Method::Post, "/api/thing", [](const http::Request&) { return http::Response::json("{}"); });
    add_page_routes(router);
    server_ = *http::Server::start({}, std::move(router));
  }
  http::Response get(std::string_view target, const http::Headers& headers = {}) {
    auto client = *http::Client::create(server_->url());
    return *client.send(http::Method::Get, target, {}, {}, headers);
  }
  static std::string header(const http::Response& response, std::string_view name) {
    for (const auto& [key, value] : response.headers)
      if (key == name) return value;
    return "";
  }
  std::unique_ptr<http::Server> server_;
};

TEST_F(PageTest, EveryScreenHasAnAddress) {
  for (const auto* path : {"/", "/endpoints/flights", "/rollouts/a1", "/predictions/p:1"}) {
    const auto response = get(path);
    EXPECT_EQ(response.status, 200) << path;
    EXPECT_EQ(header(response, "Content-Type"), "text/html; charset=utf-8") << path;
    EXPECT_TRUE(header(response, "Content-Security-Policy").contains("script-src 'self';")) << path;
  }
}

TEST_F(PageTest, UnknownAddressesOfInterfacesStayErrors) {
  for (const auto* path :
       {"/api/none", "/ajax-api/2.0/none", "/v2/none", "/assets/none.js", "/endpoints/a/invocations"})
    EXPECT_EQ(get(path).status, 404) << path;
  EXPECT_EQ(get("/api/thing").status, 405);
  EXPECT_EQ(get("/apis").status, 200);  // a folder's name, not a prefix
}

TEST_F(PageTest, OtherMethodsFindNothing) {
  auto client = *http::Client::create(server_->url());
  EXPECT_EQ(client.send(http::Method::Post, "/somewhere", "{}")->status, 404);
}

TEST_F(PageTest, HashedFilesAreKeptForEverAndTheRestIsAskedFor) {
  for (const auto& asset : page_assets()) {
    const auto response = get(asset.path);
    ASSERT_EQ(response.status, 200) << asset.path;
    EXPECT_EQ(response.body, asset.bytes) << asset.path;
    EXPECT_EQ(header(response, "Content-Encoding"), asset.gzip ? "gzip" : "") << asset.path;
    EXPECT_EQ(header(response, "Cache-Control").contains("immutable"), asset.path.starts_with("/assets/"));
    const auto again = get(asset.path, {{"If-None-Match", header(response, "ETag")}});
    EXPECT_EQ(again.status, 304) << asset.path;
    EXPECT_TRUE(again.body.empty());
  }
}

TEST(PageAssets, AreSortedByPath) { EXPECT_TRUE(std::ranges::is_sorted(page_assets(), {}, &PageAsset::path)); }

}  // namespace
}  // namespace fettle::api
