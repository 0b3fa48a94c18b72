#include <gtest/gtest.h>

#include "base/clock.h"
#include "base/digest.h"
#include "base/result.h"
#include "base/rng.h"
#include "base/seal.h"
#include "base/text.h"

namespace fettle {
namespace {

TEST(Result, CodesMapToHttpExitAndMlflow) {
  EXPECT_EQ(info(Code::InvalidArgument).http_status, 400);
  EXPECT_EQ(info(Code::NotFound).mlflow_code, "RESOURCE_DOES_NOT_EXIST");
  EXPECT_EQ(info(Code::Internal).exit_code, 1);
  EXPECT_EQ(info(Code::Internal).name, "internal");
}

Result<int> half(int n) {
  if (n % 2 != 0) return fail(Code::InvalidArgument, "odd");
  return n / 2;
}
Result<int> quarter(int n) {
  FETTLE_TRY(const int once, half(n));
  return half(once);
}

TEST(Result, TryPassesValuesAndErrors) {
  EXPECT_EQ(*quarter(8), 2);
  EXPECT_EQ(quarter(6).error().message, "odd");
  EXPECT_EQ(quarter(6).error().within("quarter").message, "quarter: odd");
}

TEST(Text, SplitJoinTrim) {
  EXPECT_EQ(text::split("a,,b", ','), (std::vector<std::string>{"a", "", "b"}));
  EXPECT_EQ(text::join({"a", "b"}, ", "), "a, b");
  EXPECT_EQ(text::trim("  x y\n"), "x y");
}

TEST(Text, Utf8) {
  EXPECT_TRUE(text::is_utf8("gr\xC3\xBC\xC3\x9F"));
  EXPECT_FALSE(text::is_utf8("\xFF"));
  EXPECT_FALSE(text::is_utf8("\xC0\x80"));
  EXPECT_FALSE(text::is_utf8("\xED\xA0\x80"));
  EXPECT_FALSE(text::is_utf8("\xC3"));
}

TEST(Text, NumbersRoundTrip) {
  for (const double value : {0.1, 1e300, -2.5, 3.0, 1.0 / 3.0})
    EXPECT_EQ(text::parse_double(text::number(value)), value);
  EXPECT_EQ(text::parse_int("12x"), std::nullopt);
  EXPECT_EQ(text::parse_int("-12"), -12);
}

TEST(Text, Base64RoundTripsAndRefusesGarbage) {
  for (const std::string value : {"", "f", "fo", "foo", "foob"})
    EXPECT_EQ(text::from_base64(text::base64(value)), value);
  EXPECT_EQ(text::base64("foob"), "Zm9vYg==");
  EXPECT_EQ(text::from_base64("a=bc"), std::nullopt);
}

TEST(Text, ClosestSuggestsOnlyNearWords) {
  EXPECT_EQ(text::closest("comand", {"command", "inputs"}), "command");
  EXPECT_EQ(text::closest("zebra", {"command", "inputs"}), std::nullopt);
}

TEST(Time, Rfc3339RoundTrips) {
  EXPECT_EQ(text::rfc3339(0), "1970-01-01T00:00:00.000Z");
  EXPECT_EQ(text::rfc3339(-1), "1969-12-31T23:59:59.999Z");
  EXPECT_EQ(text::parse_time("2001-04-03"), 986'256'000'000);
  EXPECT_EQ(text::parse_time("2001-04-03T02:00:00.250+02:00"), 986'256'000'250);
  EXPECT_EQ(text::parse_time("2001-02-30"), std::nullopt);
}

TEST(Digest, KnownAnswer) {
  const auto digest = Digest::of("abc");
  EXPECT_EQ(digest.hex(), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(Digest::parse(digest.hex()), digest);
  EXPECT_EQ(Digest::parse("BA78"), std::nullopt);
}

TEST(Rng, SeededStreamsRepeatAndStayInBounds) {
  Rng a(7);
  Rng b(7);
  for (int i = 0; i < 1000; ++i) {
    EXPECT_EQ(a.next(), b.next());
    EXPECT_LT(a.below(10), 10U);
    EXPECT_LT(b.below(10), 10U);
  }
}

TEST(Seal, OpensWithItsKeyAndOnlyUnchanged) {
  const auto key = new_seal_key();
  for (const auto* secret : {"", "s", "a longer secret with \xff bytes"}) {
    const auto sealed = seal(key, secret);
    EXPECT_EQ(unseal(key, sealed), secret);
    EXPECT_NE(seal(key, secret), sealed);
    EXPECT_FALSE(unseal(new_seal_key(), sealed));
    for (std::size_t i = 0; i < sealed.size(); ++i) {
      auto changed = sealed;
      changed[i] = static_cast<char>(changed[i] ^ 1);
      EXPECT_FALSE(unseal(key, changed)) << i;
    }
  }
  EXPECT_FALSE(unseal(key, "short"));
  EXPECT_FALSE(unseal("no key", seal(key, "s")));
}

TEST(Digest, HmacOfRfc4231) {
  EXPECT_EQ(hmac_sha256("Jefe", "what do ya want for nothing?").hex(),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
  EXPECT_EQ(hmac_sha256(std::string(131, '\xaa'), "Test Using Larger Than Block-Size Key - Hash Key First").hex(),
            "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
  EXPECT_TRUE(same_secret("abc", "abc"));
  EXPECT_FALSE(same_secret("abc", "abd"));
  EXPECT_FALSE(same_secret("abc", "ab"));
}

}  // namespace
}  // namespace fettle
