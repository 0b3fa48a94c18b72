#include "api/mlflow/signed_urls.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include "base/text.h"
#include "os/file.h"

namespace fettle::api {
namespace {

class SignedUrlsTest : public testing::Test {
 protected:
  // The request that a client makes of a URL.
  static http::Request request(http::Method method, const std::string& url) {
    http::Request out;
    out.method = method;
    const auto question = url.find('?');
    const auto path = url.find('/', url.find("://") + 3);
    out.path = url.substr(path, question - path);
    for (const auto& pair : text::split(url.substr(question + 1), '&'))
      out.query.emplace_back(pair.substr(0, pair.find('=')), pair.substr(pair.find('=') + 1));
    return out;
  }
  [[nodiscard]] std::string sign(const SignedUrls& urls, std::int64_t lifetime_ms = 60'000) const {
    http::Request asker;
    asker.headers = {{"Host", "here:5000"}};
    return urls.sign(asker, http::Method::Put, "/parts/1", lifetime_ms);
  }

  os::TempFolder folder_ = *os::TempFolder::create();
  ManualClock clock_{1'000'000};
  SignedUrls urls_ = *SignedUrls::open(folder_.path() + "/key", clock_);
};

TEST_F(SignedUrlsTest, HoldForTheirTimeMethodAndPath) {
  const auto url = sign(urls_);
  EXPECT_TRUE(url.starts_with("http://here:5000/parts/1?"));
  EXPECT_TRUE(urls_.check(request(http::Method::Put, url)));
  EXPECT_EQ(urls_.check(request(http::Method::Get, url)).error().code, Code::PermissionDenied);
  auto other = request(http::Method::Put, url);
  other.path = "/parts/2";
  EXPECT_FALSE(urls_.check(other));
  clock_.advance_ms(59'000);
  EXPECT_TRUE(urls_.check(request(http::Method::Put, url)));
  clock_.advance_ms(2'000);
  EXPECT_EQ(urls_.check(request(http::Method::Put, url)).error().code, Code::PermissionDenied);
}

TEST_F(SignedUrlsTest, HoldAcrossRestartsAndNotForOtherKeys) {
  const auto url = sign(urls_);
  const auto again = *SignedUrls::open(folder_.path() + "/key", clock_);
  EXPECT_TRUE(again.check(request(http::Method::Put, url)));
  const auto other = *SignedUrls::open(folder_.path() + "/other", clock_);
  EXPECT_FALSE(other.check(request(http::Method::Put, url)));
  struct stat info{};
  ASSERT_EQ(::stat((folder_.path() + "/key").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777U, 0600U);
}

TEST_F(SignedUrlsTest, AKeyThatWasCutIsRefused) {
  ASSERT_TRUE(os::write_file(folder_.path() + "/short", "abc"));
  EXPECT_EQ(SignedUrls::open(folder_.path() + "/short", clock_).error().code, Code::DataLoss);
}

}  // namespace
}  // namespace fettle::api
