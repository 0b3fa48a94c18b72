#include "monitor/reference.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "monitor/testing/world.h"

namespace fettle::monitor {
namespace {

using testing::World;

constexpr float kMissing = std::numeric_limits<float>::quiet_NaN();

Reference build(const std::vector<float>& rows, const ReferenceOptions& options = {}) {
  const auto signature = *model::Signature::create(
      {{"x", model::ColumnKind::Float, {}}, {"c", model::ColumnKind::Category, {"a", "b"}}}, "y");
  const std::vector<float> outputs{0.2F, 0.9F, 0.4F, 0.7F};
  const std::vector<double> labels{0, 1, 1, 0};
  return Reference::build(signature, rows, {}, outputs, labels, options);
}

TEST(Reference, CountsByHand) {
  const auto reference =
      build({1, 0, 2, 0, 2, 1, kMissing, 1, 50, kMissing}, {{"c"}, {{"x", {"c"}}}, {{"x", {0, 10}}}});
  const auto& x = reference.features()[0];
  EXPECT_EQ(reference.rows(), 5U);
  EXPECT_EQ(x.missing, 1U);
  EXPECT_EQ(x.out_of_range, 1U);
  EXPECT_EQ(x.counts, (std::vector<std::uint64_t>{0, 1, 2, 0}));  // below 1, 1, 2, above 2
  EXPECT_NEAR(x.moments.mean, 5.0 / 3, 1e-12);
  EXPECT_EQ(reference.features()[1].counts, (std::vector<std::uint64_t>{2, 2}));
  EXPECT_EQ(reference.features()[1].missing, 1U);
  ASSERT_EQ(reference.slices().size(), 1U);
  EXPECT_NEAR(reference.slices()[0].moments[0].mean, 1.5, 1e-12);  // x where c = a
  ASSERT_EQ(reference.constants().size(), 1U);
  EXPECT_EQ(reference.constants()[0].checked, 3U);     // the row without c has no key, the one without x no value
  EXPECT_EQ(reference.constants()[0].violations, 1U);  // x is 1 and 2 where c = a
  EXPECT_NEAR(reference.held_out().auc, 0.75, 1e-12);
  EXPECT_NEAR(reference.held_out().observed_mean, 0.5, 1e-12);
}

TEST(Reference, BinsSkewedNumbersByQuantiles) {
  std::vector<float> rows;
  for (int i = 0; i < 6400; ++i) rows.insert(rows.end(), {std::exp(static_cast<float>(i) / 500), 0});
  rows.insert(rows.end(), {1e30F, 0});  // one absurd value takes no bins from the rest
  const auto reference = build(rows);
  const auto& counts = reference.features()[0].counts;
  EXPECT_EQ(counts.size(), 66U);  // 64 and two tails
  EXPECT_EQ(counts.front(), 0U);
  EXPECT_EQ(counts.back(), 0U);
  for (std::size_t i = 1; i + 1 < counts.size(); ++i) EXPECT_NEAR(static_cast<double>(counts[i]), 100, 2);
}

TEST(Reference, ReadsBackWhatItWrote) {
  const auto reference = World(1).reference(1000);
  const auto text = json::dump(reference->to_json());
  const auto read = Reference::from_json(*json::parse(text));
  ASSERT_TRUE(read.has_value()) << read.error().message;
  EXPECT_EQ(json::dump(read->to_json()), text);
  EXPECT_GT(read->constants()[0].known.size(), 1000U);
}

TEST(Reference, RefusesWhatDoesNotFitTogether) {
  const auto good = World(1).reference(500)->to_json();
  auto other_format = good;
  other_format.set("format", 2);
  auto fewer = good;
  fewer.set("features", json::Array{});
  auto wrong_slice = good;
  wrong_slice.set("slices", json::Array{json::Value().set("input", "orign").set("moments", json::Array{})});
  for (const auto& bad : {other_format, fewer, wrong_slice, json::Value(), json::Value(7)}) {
    const auto read = Reference::from_json(bad);
    ASSERT_FALSE(read.has_value());
    EXPECT_EQ(read.error().code, Code::DataLoss);
  }
}

TEST(Reference, SaysWhichOptionDoesNotFit) {
  const auto signature = World::signature();
  EXPECT_TRUE(Reference::check(signature, World::options()).has_value());
  const auto unknown = Reference::check(signature, {{"orgin"}, {}, {}});
  EXPECT_NE(unknown.error().message.find("did you mean 'origin'"), std::string::npos) << unknown.error().message;
  EXPECT_FALSE(Reference::check(signature, {{"hour"}, {}, {}}).has_value());  // no category
  EXPECT_FALSE(Reference::check(signature, {{}, {{"distance", {"to"}}}, {}}).has_value());
}

}  // namespace
}  // namespace fettle::monitor
