#include "notify/retry.h"

#include <gtest/gtest.h>

#include "notify/post.h"

namespace fettle::notify {
namespace {

constexpr std::int64_t kHourMs = 3'600'000;

TEST(Retry, AnAnswerDecides) {
  for (const int status : {200, 201, 204, 299}) EXPECT_EQ(decide({1, status}).verdict, Verdict::Delivered) << status;
  for (const int status : {408, 425, 429, 500, 502, 503, 504})
    EXPECT_EQ(decide({1, status}).verdict, Verdict::Again) << status;
  for (const int status : {301, 307, 400, 401, 403, 404, 410, 422})
    EXPECT_EQ(decide({1, status}).verdict, Verdict::Dead) << status;
  EXPECT_EQ(decide({1, std::nullopt}).verdict, Verdict::Again);
  EXPECT_EQ(decide({1, std::nullopt, true}).verdict, Verdict::Dead);
}

TEST(Retry, WaitsGrowOverHoursAndEnd) {
  std::int64_t total = 0, last = 0;
  for (std::int64_t number = 1; number < kMaxTries; ++number) {
    const auto decision = decide({number, 503});
    ASSERT_EQ(decision.verdict, Verdict::Again);
    EXPECT_GE(decision.wait_ms, last);
    last = decision.wait_ms;
    total += last;
  }
  EXPECT_EQ(decide({1, 503}).wait_ms, 5'000);
  EXPECT_EQ(last, 2 * kHourMs);
  EXPECT_GT(total, 17 * kHourMs);
  EXPECT_LT(total, 19 * kHourMs);
  EXPECT_EQ(decide({kMaxTries, 503}).verdict, Verdict::Dead);
}

TEST(Retry, JitterAddsAQuarterAtMost) {
  EXPECT_EQ(decide({1, 500, false, 0, 0.999}).wait_ms, 6'248);
  EXPECT_EQ(decide({1, 500, false, 0, 0}).wait_ms, 5'000);
}

TEST(Retry, TheReceiversWishLengthensTheWait) {
  EXPECT_EQ(decide({1, 429, false, 60'000}).wait_ms, 60'000);
  EXPECT_EQ(decide({9, 429, false, 60'000}).wait_ms, 2 * kHourMs);
  EXPECT_EQ(decide({1, 429, false, 99 * kHourMs}).wait_ms, 24 * kHourMs);
  EXPECT_EQ(parse_retry_after("120", 0), 120'000);
  EXPECT_EQ(parse_retry_after("Thu, 01 Jan 1970 00:01:00 GMT", 10'000), 50'000);
  for (const auto* odd : {"", "soon", "-5", "Thu, 01 Jan 1970 00:00:01 GMT"})
    EXPECT_EQ(parse_retry_after(odd, 10'000), 0) << odd;
}

TEST(Retry, SignaturesAreMlflows) {  // checked with Python's hmac and base64
  EXPECT_EQ(signature("secret", "id", "1700000000", R"({"a": 1})"), "v1,38uVORQcsSdjatM9lCcMNO82Q89mMAbtl9RgUgq98/w=");
}

}  // namespace
}  // namespace fettle::notify
