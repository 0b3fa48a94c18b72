#include "model/tree/shap.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <hwy/targets.h>

#include <cmath>

#include "model/testing/forests.h"

namespace fettle::model {
namespace {

using ::testing::HasSubstr;
using testing::random_forest;
using testing::random_rows;

// Random covers of leaves, some of them 0, summed up to the root.
float cover(tree::Tree& tree, std::size_t at, Rng& rng) {
  const auto& node = tree.nodes[at];
  if (node.left < 0) return tree.covers[at] = rng.below(6) == 0 ? 0 : static_cast<float>(1 + rng.below(1000));
  const float left = cover(tree, static_cast<std::size_t>(node.left), rng);
  return tree.covers[at] = left + cover(tree, static_cast<std::size_t>(node.right), rng);
}
void add_covers(tree::Forest& forest, Rng& rng) {
  for (auto& tree : forest.trees) {
    tree.covers.resize(tree.nodes.size());
    cover(tree, 0, rng);
  }
}

// Both kernels on 1 to n rows against the sum over all subsets of features, and against the margin.
void expect_shapley_values(const tree::Forest& forest, const std::vector<float>& rows) {
  const auto shap = tree::TreeShap::of(forest);
  ASSERT_TRUE(shap) << shap.error().message;
  const std::size_t outputs = forest.base.size(), width = outputs * (forest.features + 1);
  const std::size_t n = rows.size() / forest.features;
  std::vector<double> expected(n * width);
  for (std::size_t r = 0; r < n; ++r)
    tree::reference_shap(forest, std::span(rows).subspan(r * forest.features, forest.features),
                         std::span(expected).subspan(r * width, width));
  const auto check = [&](std::size_t count, const char* how, const std::vector<float>& got) {
    for (std::size_t i = 0; i < count * width; ++i)
      ASSERT_NEAR(got[i], expected[i], 1e-5 * (1 + std::abs(expected[i])))
          << how << ", row " << i / width << " of " << count;
    auto plain = forest;
    plain.link = tree::Link::Identity;
    for (std::size_t r = 0; r < count; ++r) {
      std::vector<float> margins(outputs);
      tree::reference_predict(plain, std::span(rows).subspan(r * forest.features, forest.features), margins);
      for (std::size_t o = 0; o < outputs; ++o) {
        double sum = 0;
        for (std::size_t f = 0; f <= forest.features; ++f)
          sum += static_cast<double>(got[r * width + o * (forest.features + 1) + f]);
        ASSERT_NEAR(sum, margins[o], 1e-5 * (1 + std::abs(sum)));
      }
    }
  };
  for (const std::size_t count : {std::size_t{1}, std::size_t{5}, n}) {
    std::vector<float> got(count * width, 7.0F);
    shap->explain_rows(std::span(rows).first(count * forest.features), got);
    check(count, "rows", got);
    std::ranges::fill(got, 7.0F);
    shap->explain_blocks(std::span(rows).first(count * forest.features), got);
    check(count, "blocks", got);
  }
}

// Each kind of processor that this one can stand for.
class Shap : public ::testing::TestWithParam<std::int64_t> {
 protected:
  Shap() { hwy::SetSupportedTargetsForTest(GetParam()); }
  ~Shap() override { hwy::SetSupportedTargetsForTest(0); }
};
INSTANTIATE_TEST_SUITE_P(Targets, Shap, ::testing::ValuesIn(hwy::SupportedAndGeneratedTargets()),
                         [](const auto& each) { return std::string(hwy::TargetName(each.param)); });

TEST_P(Shap, AreShapleysValuesByTheirDefinition) {
  Rng rng(1);
  for (const std::uint32_t depth : {0U, 1U, 2U, 3U, 5U, 7U, 9U})
    for (const std::uint32_t features : {1U, 3U, 8U})
      for (const std::size_t groups : {1U, 3U}) {
        auto forest = random_forest(6, depth, features, groups, rng);
        add_covers(forest, rng);
        if (rng.below(2) == 0) testing::add_sets(forest, rng);
        if (rng.below(3) == 0) forest.zero_is_missing.assign(features, 1);
        expect_shapley_values(forest, random_rows(forest, 19, rng.below(2) == 0, rng));
      }
}

// A chain: every split has a leaf, each feature comes once, so that d - 1 = 12 is the polynomial's degree.
TEST_P(Shap, NeedAsManyPointsAsAPathHasFeatures) {
  Rng rng(2);
  for (const std::uint32_t length : {1U, 2U, 4U, 6U, 7U, 9U, 13U}) {
    tree::Forest forest;
    forest.features = length;
    forest.base = {0.5F};
    auto& tree = forest.trees.emplace_back();
    tree.depth = length;
    for (std::uint32_t i = 0; i < length; ++i) {
      const auto next = static_cast<std::int32_t>(2 * i + 2);
      tree.nodes.push_back({.left = next - 1, .right = next, .feature = i, .value = 0});
      tree.nodes.push_back({.value = static_cast<float>(rng.normal())});
    }
    tree.nodes.push_back({.value = 3});
    add_covers(forest, rng);
    auto rows = random_rows(forest, 9, true, rng);
    for (std::size_t i = 0; i < 2 * length; ++i) rows[i] = 1;  // to the end of the chain
    expect_shapley_values(forest, rows);
  }
}

TEST_P(Shap, NothingIsSaidOfFeaturesThatNoTreeSplits) {
  Rng rng(3);
  auto forest = random_forest(20, 4, 3, 1, rng);
  forest.features = 5;
  add_covers(forest, rng);
  const auto shap = tree::TreeShap::of(forest);
  ASSERT_TRUE(shap);
  std::vector<float> got(33 * 6);
  shap->explain(random_rows(forest, 33, true, rng), got);
  for (std::size_t r = 0; r < 33; ++r) {
    EXPECT_EQ(got[r * 6 + 3], 0);
    EXPECT_EQ(got[r * 6 + 4], 0);
  }
}

TEST(ShapErrors, WhatHasNoneIsSaid) {
  Rng rng(4);
  auto forest = random_forest(2, 3, 3, 1, rng);
  EXPECT_THAT(tree::TreeShap::of(forest).error().message, HasSubstr("how many rows reached each node"));
  add_covers(forest, rng);
  forest.trees[1].depth = tree::TreeShap::kMostDepth + 1;
  EXPECT_THAT(tree::TreeShap::of(forest).error().message, HasSubstr("257 splits deep"));
  forest.linears.emplace_back();
  EXPECT_THAT(tree::TreeShap::of(forest).error().message, HasSubstr("linear leaves"));
}

}  // namespace
}  // namespace fettle::model
