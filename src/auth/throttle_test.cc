#include "auth/throttle.h"

#include <gtest/gtest.h>

namespace fettle::auth {
namespace {

TEST(Throttle, AFewMistakesAreFree) {
  Throttle throttle;
  for (int i = 0; i < 4; ++i) throttle.failed("ada", "1.2.3.4", 1000);
  EXPECT_EQ(throttle.wait_ms("ada", "1.2.3.4", 1000), 0);
}

TEST(Throttle, WaitsDoubleUpToALimit) {
  Throttle throttle;
  for (int i = 0; i < 4; ++i) throttle.failed("ada", "1.2.3.4", 0);
  std::int64_t before = 0;
  for (int i = 0; i < 8; ++i) {
    throttle.failed("ada", "1.2.3.4", 0);
    const auto wait = throttle.wait_ms("ada", "1.2.3.4", 0);
    EXPECT_GE(wait, 2 * before);
    before = wait;
  }
  for (int i = 0; i < 100; ++i) throttle.failed("ada", "1.2.3.4", 0);
  EXPECT_EQ(throttle.wait_ms("ada", "1.2.3.4", 0), 5 * 60'000);
  EXPECT_EQ(throttle.wait_ms("ada", "1.2.3.4", 5 * 60'000), 0);
}

TEST(Throttle, OthersOfTheAddressAndTheNameWaitLittle) {
  Throttle throttle;
  for (int i = 0; i < 10'000; ++i) throttle.failed("ada", "1.2.3.4", 0);
  EXPECT_LE(throttle.wait_ms("grace", "1.2.3.4", 0), 5'000);
  EXPECT_LE(throttle.wait_ms("ada", "5.6.7.8", 0), 5'000);
  EXPECT_EQ(throttle.wait_ms("grace", "5.6.7.8", 0), 0);
}

TEST(Throttle, SuccessAndTimeForget) {
  Throttle throttle;
  for (int i = 0; i < 10; ++i) throttle.failed("ada", "1.2.3.4", 0);
  throttle.succeeded("ada", "1.2.3.4");
  EXPECT_EQ(throttle.wait_ms("ada", "1.2.3.4", 0), 0);
  for (int i = 0; i < 10; ++i) throttle.failed("bob", "1.2.3.4", 0);
  throttle.failed("bob", "1.2.3.4", 16 * 60'000);
  EXPECT_EQ(throttle.wait_ms("bob", "1.2.3.4", 16 * 60'000), 0);
}

TEST(Throttle, MemoryIsBounded) {
  Throttle throttle(100);
  for (int i = 0; i < 5'000; ++i) throttle.failed("user" + std::to_string(i), "10.0.0.1", i);
  EXPECT_LE(throttle.entries(), 102U);
  EXPECT_GT(throttle.wait_ms("user4999", "10.0.0.1", 4'999), 0);  // the address is still known
}

}  // namespace
}  // namespace fettle::auth
