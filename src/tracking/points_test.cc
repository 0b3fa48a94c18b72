#include "tracking/points.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>

#include "base/text.h"

namespace fettle::tracking {
namespace {

constexpr auto kLow = std::numeric_limits<std::int64_t>::min();
constexpr auto kHigh = std::numeric_limits<std::int64_t>::max();
constexpr double kInfinity = std::numeric_limits<double>::infinity();

TEST(Points, OrderIsTimeStepValueWithNanLast) {
  const std::vector<Point> ordered{Point::of(0, 9, 9),         Point::of(1, kLow, 0),    Point::of(1, 2, -kInfinity),
                                   Point::of(1, 2, -2.5),      Point::of(1, 2, -5e-324), Point::of(1, 2, 0),
                                   Point::of(1, 2, 5e-324),    Point::of(1, 2, 0.1),     Point::of(1, 2, 1e300),
                                   Point::of(1, 2, kInfinity), Point::of(1, 2, NAN),     Point::of(1, kHigh, 0),
                                   Point::of(kHigh, 0, 0)};
  EXPECT_TRUE(std::ranges::is_sorted(ordered));
  EXPECT_EQ(std::ranges::adjacent_find(ordered), ordered.end());
}

TEST(Points, ValuesComeBackAsTheApiSaysThem) {
  for (const double value : {0.0, 0.1, -0.1, 1e-310, 1.7e308, -1.7e308, 12345678.9}) {
    EXPECT_EQ(Point::of(0, 0, value).value(), value);
  }
  EXPECT_EQ(Point::of(0, 0, kInfinity).value(), std::numeric_limits<double>::max());
  EXPECT_EQ(Point::of(0, 0, -kInfinity).value(), -std::numeric_limits<double>::max());
  EXPECT_TRUE(std::isnan(Point::of(0, 0, -NAN).value()));
  EXPECT_EQ(Point::of(0, 0, -0.0), Point::of(0, 0, 0.0));
}

TEST(Points, BytesAreThoseOfTheFormat) {
  const std::vector<Point> points{Point::of(1000, 0, 0.5), Point::of(2000, 1, 0.75), Point::of(3005, 2, 1.0)};
  // version, count; 1000 as zigzag, least difference 1000, shift 0, width 3, {0, 5}; 0, difference 1, shift 0, width 0;
  // the code of 0.5, shift 51, width 2, {0, 1, 2}
  EXPECT_EQ(text::hex(encode(points)),
            "0103"
            "d00fd00f000328"
            "00020000"
            "80808080808080e07f"
            "33"
            "0224");
}

TEST(Points, EvenTimesAndStepsCostNothing) {
  std::mt19937_64 random(1);
  std::normal_distribution<double> noise(0, 0.02);
  std::vector<Point> floats;
  std::vector<Point> constant;
  for (int i = 0; i < 1000; ++i) {
    floats.push_back(Point::of(1'700'000'000'000 + 50L * i, i, static_cast<float>(0.7 + noise(random))));
    constant.push_back(Point::of(1'700'000'000'000 + 50L * i, i, 3));
  }
  EXPECT_LT(encode(floats).size(), 3500U);
  EXPECT_LT(encode(constant).size(), 40U);
}

std::vector<Point> random_points(std::mt19937_64& random) {
  const auto any = [&] { return static_cast<std::int64_t>(random()); };
  const auto spread = static_cast<unsigned>(random() % 65);
  const auto narrow = [&] { return spread == 0 ? 0 : any() >> (64 - spread); };
  std::vector<Point> out;
  for (auto count = 1 + random() % 300; count > 0; --count) {
    const auto value = random() % 20 == 0 ? NAN : std::bit_cast<double>(narrow());
    out.push_back(Point::of(narrow(), narrow(), value));
  }
  put_in_order(out);
  return out;
}

TEST(Points, AnyPointsComeBack) {
  std::mt19937_64 random(2);
  for (int round = 0; round < 2000; ++round) {
    const auto points = random_points(random);
    const auto bytes = encode(points);
    const auto again = decode(bytes);
    ASSERT_TRUE(again) << round;
    ASSERT_EQ(*again, points) << round;
    std::vector<std::int64_t> steps;
    for (const auto& point : points) steps.push_back(point.step);
    ASSERT_EQ(*decode_steps(bytes), steps) << round;
  }
}

TEST(Points, DamageIsFound) {
  std::mt19937_64 random(3);
  const auto bytes = encode(random_points(random));
  for (std::size_t size = 0; size < bytes.size(); ++size) EXPECT_FALSE(decode(bytes.substr(0, size))) << size;
  EXPECT_EQ(decode(bytes + "x").error().code, Code::DataLoss);
  EXPECT_FALSE(decode("\x02" + bytes.substr(1)));
  for (int round = 0; round < 10'000; ++round) {  // never a crash; whatever is taken for points is in order
    auto changed = bytes;
    changed[random() % changed.size()] = static_cast<char>(random());
    const auto points = decode(changed);
    EXPECT_TRUE(!points || std::ranges::is_sorted(*points));
  }
}

TEST(Points, UnionsKeepOrderAndDropTwins) {
  std::mt19937_64 random(4);
  const auto a = random_points(random);
  const auto b = random_points(random);
  auto all = a;
  all.insert(all.end(), b.begin(), b.end());
  all.insert(all.end(), b.begin(), b.end());
  put_in_order(all);
  EXPECT_EQ(merged(a, merged(b, a)), all);
}

}  // namespace
}  // namespace fettle::tracking
