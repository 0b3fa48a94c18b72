#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/text.h"
#include "model/predict_all.h"
#include "model/testing/forests.h"
#include "model/tree/kernel.h"
#include "model/tree/ubjson.h"

namespace fettle::model {
namespace {

using ::testing::HasSubstr;

using testing::add_sets;
using testing::kNaN;
using testing::random_forest;
using testing::random_rows;

// Every kernel, and the one that is chosen, against the reference walk, bit for bit, on the first 1 to n rows.
void expect_equal_to_reference(const tree::Forest& forest, const std::vector<float>& rows) {
  const std::size_t groups = forest.base.size(), most = rows.size() / forest.features;
  std::vector<float> expected(most * groups);
  for (std::size_t r = 0; r < most; ++r)
    tree::reference_predict(forest, std::span(rows).subspan(r * forest.features, forest.features),
                            std::span(expected).subspan(r * groups, groups));
  auto kernels = tree::all_kernels(forest);
  kernels.push_back({"chosen", tree::choose_kernel(forest)});
  for (const auto& [name, kernel] : kernels)
    for (const std::size_t n :
         {std::size_t{1}, std::size_t{7}, std::size_t{8}, std::size_t{9}, std::size_t{64}, most}) {
      if (n > most) continue;
      std::vector<float> got;
      for (std::size_t r = 0; r < n; ++r) got.insert(got.end(), forest.base.begin(), forest.base.end());
      kernel->add(rows.data(), n, got.data());
      for (std::size_t i = 0; i < got.size(); ++i)
        ASSERT_EQ(got[i], expected[i]) << name << ", row " << i / groups << " of " << n;
    }
}

TEST(Kernel, EqualsTheReferenceWalkBitForBit) {
  Rng rng(1);
  for (const std::uint32_t depth : {0U, 1U, 2U, 3U, 4U, 5U, 6U, 7U, 8U, 11U})
    for (const std::size_t trees : {1U, 7U, 8U, 33U, 70U})
      for (const std::size_t groups : {1U, 3U})
        for (const bool missing : {false, true}) {
          auto forest = random_forest(trees, depth, 9, groups, rng);
          if (rng.below(2) == 0) add_sets(forest, rng);
          forest.wide_sums = rng.below(2) == 0;
          expect_equal_to_reference(forest, random_rows(forest, 130, missing, rng));
        }
}

TEST(Kernel, EqualsTheReferenceWalkOnManyTreesAndWideRows) {  // more than one step of trees, more columns than a vector
  Rng rng(5);
  for (const auto& [trees, features] : {std::pair(600U, 28U), std::pair(40U, 90U), std::pair(30U, 700U)}) {
    const auto forest = random_forest(trees, 6, features, 1, rng);
    expect_equal_to_reference(forest, random_rows(forest, 70, true, rng));
  }
}

TEST(Kernel, EqualsTheReferenceWalkOnObliviousTrees) {
  Rng rng(7);
  for (const std::uint32_t depth : {1U, 3U, 6U, 8U})
    for (const std::size_t trees : {1U, 65U, 130U})
      for (const std::size_t groups : {1U, 3U}) {
        auto forest = testing::oblivious_forest(trees, depth, 9, groups, rng);
        forest.wide_sums = rng.below(2) == 0;
        expect_equal_to_reference(forest, random_rows(forest, 130, rng.below(2) == 0, rng));
      }
}

// Leaf-wise growth makes trees that are deep but have few leaves.
TEST(Kernel, EqualsTheReferenceWalkOnTreesWithUpTo255Leaves) {
  Rng rng(8);
  for (const std::size_t leaves : {2U, 17U, 64U, 100U, 255U, 256U}) {
    tree::Forest forest;
    forest.features = 5;
    forest.base = {0.25F};
    for (std::size_t t = 0; t < 70; ++t) {
      auto& tree = forest.trees.emplace_back();
      tree.nodes.resize(1);
      std::vector<std::size_t> open{0};
      while (open.size() < 1 + rng.below(leaves) || (t == 0 && open.size() < leaves)) {
        auto& leaf = open[rng.below(open.size())];
        auto& split = tree.nodes[leaf];
        split = {.left = static_cast<std::int32_t>(tree.nodes.size()),
                 .right = static_cast<std::int32_t>(tree.nodes.size()) + 1,
                 .feature = static_cast<std::uint32_t>(rng.below(5)),
                 .value = static_cast<float>(rng.below(200)) / 50 - 2,
                 .default_left = rng.below(2) == 0};
        leaf = tree.nodes.size();
        open.push_back(tree.nodes.size() + 1);
        tree.nodes.resize(tree.nodes.size() + 2);
      }
      for (const auto leaf : open) tree.nodes[leaf].value = static_cast<float>(rng.normal());
      ASSERT_TRUE(tree::check_shape(tree));
    }
    forest.wide_sums = rng.below(2) == 0;
    const auto rows = random_rows(forest, 130, true, rng);
    const auto kernels = tree::all_kernels(forest);
    const auto is_grown = [](const auto& kernel) { return kernel.name == "grown blocks"; };
    const bool has_vectors = tree::all_kernels(random_forest(3, 3, 3, 1, rng)).front().name == "sliced blocks";
    EXPECT_EQ(std::ranges::any_of(kernels, is_grown), has_vectors && leaves < 256);
    expect_equal_to_reference(forest, rows);
  }
}

TEST(Kernel, EqualsTheReferenceWalkOnWideRowsWithSets) {  // few of them, or none, fit where rows are copied to
  Rng rng(3);
  for (const std::uint32_t features : {150U, 400U, 700U}) {
    auto forest = random_forest(40, 5, features, 1, rng);
    add_sets(forest, rng);
    expect_equal_to_reference(forest, random_rows(forest, 70, true, rng));
  }
}

TEST(Kernel, CodesHoldAsManyThresholdsAsFitAByte) {  // 254 fit, 255 do not
  for (const std::size_t thresholds : {1U, 15U, 16U, 17U, 254U, 255U}) {
    tree::Forest forest;
    forest.features = 1;
    forest.base = {0};
    for (std::size_t i = 0; i < thresholds; ++i) {
      const tree::Node split{.left = 1, .right = 2, .value = static_cast<float>(i), .default_left = i % 2 == 0};
      forest.trees.push_back({.nodes = {split, {.value = 1}, {.value = static_cast<float>(i + 2)}}, .depth = 1});
    }
    std::vector<float> rows{kNaN, -std::numeric_limits<float>::infinity(), std::numeric_limits<float>::infinity(),
                            -0.0F};
    for (std::size_t i = 0; i < thresholds; ++i) {
      const auto cut = static_cast<float>(i);
      rows.insert(rows.end(), {cut, std::nextafter(cut, -1.0F), std::nextafter(cut, 1e9F)});
    }
    expect_equal_to_reference(forest, rows);
  }
}

TEST(Kernel, EqualsTheReferenceWalkOnVeryLargeCategories) {
  for (const std::size_t code : {(std::size_t{1} << 23) - 3, (std::size_t{1} << 23) + 1, (std::size_t{1} << 24) - 1}) {
    tree::Forest forest;
    forest.features = 1;
    forest.base = {0};
    forest.sets = {std::vector<bool>(code + 1)};
    forest.sets[0][code] = true;
    const tree::Node split{.left = 1, .right = 2, .default_left = true, .set = 0};
    forest.trees = {{.nodes = {split, {.value = -1}, {.value = 1}}, .depth = 1}};
    const auto kernel = tree::choose_kernel(forest);
    const float x[] = {static_cast<float>(code), 1, kNaN, static_cast<float>(code - 1), 0, 5, 7, 8};
    std::vector<float> got(8);
    kernel->add(x, 8, got.data());
    for (std::size_t r = 0; r < got.size(); ++r) {
      float expected = 0;
      tree::reference_predict(forest, {x + r, 1}, {&expected, 1});
      EXPECT_EQ(got[r], expected) << "code " << code << ", value " << x[r];
    }
  }
}

// One tree: x0 < 0.5 ? (x1 in {1, 3} ? 3 : 2) : -1, written by hand in XGBoost's form.
std::string document(std::string_view base = "5E-1", std::string_view left = "[1, 3, -1, -1, -1]") {
  return text::format(
      R"({{"learner": {{"learner_model_param": {{"base_score": "{}", "num_class": "0", "num_feature": "2"}},
    "objective": {{"name": "binary:logistic"}}, "gradient_booster": {{"name": "gbtree", "model": {{"tree_info": [0],
    "trees": [{{"left_children": {}, "right_children": [2, 4, -1, -1, -1], "split_indices": [0, 1, 0, 0, 0],
    "split_conditions": [0.5, 0, -1, 2, 3], "default_left": [1, 0, 0, 0, 0], "categories_nodes": [1],
    "categories_segments": [0], "categories_sizes": [2], "categories": [1, 3]}}]}}}}}}}})",
      base, left);
}

float score(const Predictor& predictor, float x0, float x1) {
  const float row[] = {x0, x1};
  float out = 0;
  predictor.predict(row, {&out, 1});
  return out;
}
float sigmoid(float x) { return 1 / (1 + std::exp(-x)); }

TEST(Xgboost, ReadsSplitsCategoriesMissingAndBaseScore) {
  const auto predictor = load_model(document());
  ASSERT_TRUE(predictor) << predictor.error().message;
  EXPECT_FLOAT_EQ(score(**predictor, 0.5F, 1), sigmoid(-1));
  EXPECT_FLOAT_EQ(score(**predictor, 0, 1), sigmoid(3));
  EXPECT_FLOAT_EQ(score(**predictor, 0, 2), sigmoid(2));
  EXPECT_FLOAT_EQ(score(**predictor, 0, 9), sigmoid(2));
  EXPECT_FLOAT_EQ(score(**predictor, kNaN, 3), sigmoid(3));
  EXPECT_FLOAT_EQ(score(**predictor, 0, kNaN), sigmoid(3));
  EXPECT_FLOAT_EQ(score(**load_model(document("[2E-1]")), 1, 0), sigmoid(-1 + std::log(0.25F)));
}

TEST(PredictAll, GivesTheSameScoresOnAnyNumberOfThreads) {
  const auto predictor = load_model(document());
  ASSERT_TRUE(predictor) << predictor.error().message;
  Rng rng(8);
  std::vector<float> rows(2 * 20'001);
  for (auto& x : rows) x = static_cast<float>(rng.below(5)) - 1;
  std::vector<float> expected(rows.size() / 2);
  (*predictor)->predict(rows, expected);
  for (const unsigned threads : {0U, 1U, 2U, 5U}) {
    std::vector<float> got(expected.size(), -1);
    predict_all(**predictor, rows, got, threads);
    EXPECT_EQ(got, expected) << threads;
  }
  predict_all(**predictor, {}, {});
}

TEST(Xgboost, DamagedDocumentsAreRefusedWithAReason) {
  const auto why = [](std::string_view bytes) {
    const auto loaded = load_model(bytes);
    return loaded ? "" : loaded.error().message;
  };
  EXPECT_THAT(why("{}"), HasSubstr("'learner' is missing"));
  EXPECT_THAT(why(document("5E-1", "[1, 1, -1, -1, -1]")), HasSubstr("two parents"));
  EXPECT_THAT(why(document("5E-1", "[1, 9, -1, -1, -1]")), HasSubstr("out of range"));
  EXPECT_THAT(why(document("5E-1", "[1, 3, -1]")), HasSubstr("one entry a node"));
  EXPECT_THAT(why(""), HasSubstr("UBJSON"));
}

// Every one-byte change and every cut of a document either loads as some model or is refused; it never crashes.
TEST(Xgboost, MutatedBytesNeverCrash) {
  const auto whole = document();
  Rng rng(7);
  const float row[] = {0.1F, 3};
  for (int i = 0; i < 4000; ++i) {
    auto bytes = whole.substr(0, i % 4 == 0 ? rng.below(whole.size()) : whole.size());
    for (auto edits = 1 + rng.below(3); edits > 0 && !bytes.empty(); --edits)
      bytes[rng.below(bytes.size())] =
          i % 2 == 0 ? static_cast<char>(rng.below(256)) : "0123456789[]{},-\""[rng.below(17)];
    const auto loaded = load_model(bytes);
    if (!loaded || (*loaded)->features() > 2 || (*loaded)->features() == 0) continue;
    std::vector<float> out((*loaded)->outputs());
    (*loaded)->predict(std::span(row).first((*loaded)->features()), out);
  }
}

TEST(Ubjson, ReadsEveryMarkerAndBelievesNoLength) {
  static constexpr char kBytes[] =
      "{i\x01"
      "aU\xFFi\x01"
      "bd\x3F\x80\x00\x00i\x01"
      "c[$l#i\x01\x00\x00\x00\x07i\x01"
      "dSi\x02"
      "hi}";
  constexpr std::string_view bytes(kBytes, sizeof kBytes - 1);
  const auto value = tree::parse_ubjson(bytes);
  ASSERT_TRUE(value) << value.error().message;
  EXPECT_EQ(json::dump(*value), R"({"a": 255, "b": 1.0, "c": [7], "d": "hi"})");
  for (std::size_t cut = 0; cut < bytes.size(); ++cut) EXPECT_FALSE(tree::parse_ubjson(bytes.substr(0, cut)));
  EXPECT_FALSE(tree::parse_ubjson(std::string_view("[$d#L\x7F\xFF\xFF\xFF\xFF\xFF\xFF\xFF", 13)));
  EXPECT_FALSE(tree::parse_ubjson(std::string(100'000, '[')));
}

TEST(Signature, RoundTripsAndCodesCategories) {
  const auto signature = *Signature::create(
      {{"hour", ColumnKind::Int, {}}, {"origin", ColumnKind::Category, {"ATL", "ORD"}}}, "late_probability");
  const auto again = *Signature::from_json(signature.to_json());
  EXPECT_EQ(again.code(1, "ORD"), 1.0F);
  EXPECT_TRUE(std::isnan(again.code(1, "XYZ")));
  EXPECT_EQ(again.index_of("origin"), 1);
  EXPECT_EQ(again.index_of("none"), -1);
  EXPECT_FALSE(Signature::create({{"a", ColumnKind::Int, {}}, {"a", ColumnKind::Int, {}}}, "y"));
}

}  // namespace
}  // namespace fettle::model
