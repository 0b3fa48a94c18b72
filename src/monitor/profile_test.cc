#include "monitor/profile.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <limits>
#include <new>

#include "monitor/testing/world.h"

namespace {
std::size_t allocations = 0;  // of this program, by operator new
}  // namespace

// Not inlined: GCC would take a malloc that it sees through for a mismatch.
[[gnu::noinline]] void* operator new(std::size_t size) {
  ++allocations;
  if (void* memory = std::malloc(size > 0 ? size : 1)) return memory;
  throw std::bad_alloc();
}
[[gnu::noinline]] void* operator new(std::size_t size, const std::nothrow_t&) noexcept {
  return std::malloc(size > 0 ? size : 1);
}
[[gnu::noinline]] void operator delete(void* memory) noexcept { std::free(memory); }
[[gnu::noinline]] void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }

namespace fettle::monitor {
namespace {

using testing::Changes;
using testing::World;

TEST(Bins, FindTheFirstEdgeThatIsNotBelow) {
  const Bins bins{{0.5F, 1, 3, 10}};
  EXPECT_EQ(bins.size(), 5U);
  EXPECT_EQ(bins.of(-1e30F), 0U);
  EXPECT_EQ(bins.of(0.5F), 0U);
  EXPECT_EQ(bins.of(0.6F), 1U);
  EXPECT_EQ(bins.of(1), 1U);
  EXPECT_EQ(bins.of(3.5F), 3U);
  EXPECT_EQ(bins.of(10), 3U);
  EXPECT_EQ(bins.of(11), 4U);
  EXPECT_EQ(Bins{}.of(7), 0U);
}

TEST(KnownValues, RememberManyCombinations) {
  KnownValues known;
  const std::vector<std::size_t> inputs{0, 1};
  for (int a = 0; a < 100; ++a)
    for (int b = 0; b < 100; ++b) {
      const std::vector<float> row{static_cast<float>(a), static_cast<float>(b)};
      known.set(KnownValues::key_of(row, inputs), static_cast<float>(a * 100 + b));
    }
  EXPECT_EQ(known.size(), 10'000U);
  for (int a = 0; a < 100; ++a) {
    const std::vector<float> row{static_cast<float>(a), 7};
    const float* found = known.find(KnownValues::key_of(row, inputs));
    ASSERT_NE(found, nullptr);
    EXPECT_EQ(*found, static_cast<float>(a * 100 + 7));
  }
  const std::vector<float> other{100, 7}, missing{std::numeric_limits<float>::quiet_NaN(), 7};
  EXPECT_EQ(known.find(KnownValues::key_of(other, inputs)), nullptr);
  EXPECT_EQ(known.find(KnownValues::key_of(missing, inputs)), nullptr);
  EXPECT_TRUE(agrees(714, 714.05F));
  EXPECT_FALSE(agrees(714, 715));
}

TEST(Profile, DoesNotAllocateInTheSteadyState) {
  World world(1);
  const auto reference = world.reference(1000);
  const auto rows = world.rows(0, 1, 500, Changes{.kilometres_origin = 0, .new_airport_share = 0.1});
  Profile profile(reference);
  for (const auto& row : rows) profile.add(row.prediction);  // the day and the unknown text are known from here on
  const std::size_t before = allocations;
  for (const auto& row : rows) {
    profile.add(row.prediction);
    profile.add_outcome(row.prediction.output, row.label, row.prediction.time_ms);
  }
  EXPECT_EQ(allocations - before, 0U);
  EXPECT_EQ(profile.rows(), 1000U);
  EXPECT_EQ(profile.outcomes(), 500U);
}

TEST(Profile, MergedPartsEqualTheWhole) {
  World world(2);
  const auto reference = world.reference(1000);
  Profile whole(reference), left(reference), right(reference);
  int i = 0;
  for (const auto& row : world.rows(-3, 7, 3500, Changes{.new_airport_share = 0.02, .missing_hour_share = 0.02})) {
    for (auto* profile : {&whole, i++ % 3 == 0 ? &left : &right}) {
      profile->add(row.prediction);
      profile->add_outcome(row.prediction.output, row.label, row.prediction.time_ms);
    }
  }
  left.merge(right);
  EXPECT_EQ(left.rows(), whole.rows());
  EXPECT_EQ(left.unseen(), whole.unseen());
  EXPECT_EQ(left.negatives(), whole.negatives());
  EXPECT_EQ(left.positives(), whole.positives());
  ASSERT_EQ(left.days().size(), 7U);
  EXPECT_EQ(left.days().front().day, -3);
  for (std::size_t f = 0; f < whole.features().size(); ++f) {
    const auto &a = left.features()[f], &b = whole.features()[f];
    EXPECT_EQ(a.counts, b.counts);
    EXPECT_NEAR(a.sums.sum, b.sums.sum, 1e-6);
    for (std::size_t rule = 0; rule < kRules; ++rule)
      EXPECT_EQ(a.violations[rule].by_slice, b.violations[rule].by_slice);
  }
  EXPECT_EQ(left.slices()[0].rows, whole.slices()[0].rows);
  EXPECT_NEAR(left.loss().mean, whole.loss().mean, 1e-12);
  EXPECT_NEAR(left.loss().m2, whole.loss().m2, 1e-6);
}

TEST(Profile, CheckpointsToTheLastBit) {
  World world(3);
  const auto reference = world.reference(1000);
  const auto profile = world.week(reference, 2000, Changes{.kilometres_origin = 1, .new_airport_share = 0.01});
  const auto text = json::dump(profile.to_json());
  const auto read = Profile::from_json(reference, *json::parse(text));
  ASSERT_TRUE(read.has_value()) << read.error().message;
  EXPECT_EQ(json::dump(read->to_json()), text);
  const auto other = World(4).reference(500);
  EXPECT_EQ(Profile::from_json(other, profile.to_json()).error().code, Code::DataLoss);
  for (const auto& [member, value] :
       {json::Member{"negatives", json::Array{5000, 1}},
        json::Member{"slices", json::Array{json::Value().set("sums", json::Array{1e300, -1, 0, 0})}},
        json::Member{"features", 7}}) {
    auto damaged = profile.to_json();
    damaged.set(member, value);
    const auto refused = Profile::from_json(reference, damaged);
    ASSERT_FALSE(refused.has_value()) << member;
    EXPECT_EQ(refused.error().code, Code::DataLoss) << member;
  }
}

TEST(Profile, CountsWhatIsWrongAndKeepsItOutOfTheBins) {
  World world(5);
  Profile profile(world.reference(1000));
  auto row = world.rows(0, 1, 1)[0].prediction;
  row.inputs[testing::Distance] = 9999;
  profile.add(row);
  row.inputs[testing::Distance] = std::numeric_limits<float>::infinity();
  profile.add(row);
  row.inputs[testing::Distance] = std::numeric_limits<float>::quiet_NaN();
  profile.add(row);
  row.inputs[testing::Origin] = 60;  // one past the last code
  row.output = std::numeric_limits<float>::quiet_NaN();
  profile.add(row);
  row.inputs.pop_back();
  profile.add(row);
  const auto broken = [&](std::size_t input, Rule rule) {
    return profile.features()[input].violations[static_cast<std::size_t>(rule)].rows;
  };
  EXPECT_EQ(broken(testing::Distance, Rule::OutOfRange), 1U);
  EXPECT_EQ(broken(testing::Distance, Rule::NonFinite), 1U);
  EXPECT_EQ(broken(testing::Distance, Rule::Missing), 2U);
  EXPECT_EQ(broken(testing::Origin, Rule::UnseenCategory), 1U);
  EXPECT_EQ(profile.features()[testing::Distance].sums.n, 0U);
  EXPECT_EQ(profile.output().sums.n, 3U);
  EXPECT_EQ(profile.malformed(), 1U);
  EXPECT_EQ(profile.rows(), 4U);
}

TEST(Profile, BoundsWhatItRemembersOfUnknownTexts) {
  World world(6);
  Profile profile(world.reference(1000));
  auto row = world.rows(0, 1, 1)[0].prediction;
  row.inputs[testing::Origin] = std::numeric_limits<float>::quiet_NaN();
  for (int i = 0; i < 1000; ++i) {
    row.texts = {"origin=" + std::to_string(i) + std::string(500, 'x')};
    profile.add(row);
  }
  EXPECT_EQ(profile.unseen().size(), 64U);
  for (const auto& [text, rows] : profile.unseen()) EXPECT_LE(text.size(), 96U);
  EXPECT_EQ(profile.features()[testing::Origin].violations[static_cast<std::size_t>(Rule::UnseenCategory)].rows, 1000U);
}

}  // namespace
}  // namespace fettle::monitor
