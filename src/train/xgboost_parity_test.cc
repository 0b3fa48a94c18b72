// Our tree engine against the XGBoost library itself: models trained here, every row compared.
#include <gtest/gtest.h>
#include <xgboost/c_api.h>

#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "base/rng.h"
#include "base/text.h"
#include "model/predictor.h"

namespace fettle::train {
namespace {

constexpr std::size_t kRows = 3000;
constexpr std::size_t kFeatures = 6;

struct Case {
  std::string name, booster, objective, format;
  int classes = 0;
  bool categories = false;
  int depth = 6;
};

void check(int code) { ASSERT_EQ(code, 0) << XGBGetLastError(); }

std::vector<float> make_rows(bool categories, Rng& rng) {
  std::vector<float> rows(kRows * kFeatures);
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const bool category = categories && i % kFeatures < 2;
    rows[i] = category ? static_cast<float>(rng.below(40)) : static_cast<float>(rng.normal());
    if (rng.uniform() < 0.05) rows[i] = std::numeric_limits<float>::quiet_NaN();
  }
  return rows;
}

std::vector<float> make_labels(const std::vector<float>& rows, const Case& c, Rng& rng) {
  std::vector<float> labels(kRows);
  for (std::size_t r = 0; r < kRows; ++r) {
    const float* x = &rows[r * kFeatures];
    const double signal = (std::isnan(x[0]) ? 0.3 : std::sin(x[0])) + (x[2] > 0.2F ? 1 : 0) + 0.3 * rng.normal();
    if (c.classes > 0)
      labels[r] = static_cast<float>(static_cast<int>(std::abs(signal) * 2) % c.classes);
    else
      labels[r] = c.objective == "reg:squarederror" ? static_cast<float>(signal) : signal > 0.6 ? 1.0F : 0.0F;
  }
  return labels;
}

class Parity : public testing::TestWithParam<Case> {};

TEST_P(Parity, EveryRowScoresAsInXgboost) {
  const auto& c = GetParam();
  Rng rng(11);
  const auto rows = make_rows(c.categories, rng);
  const auto labels = make_labels(rows, c, rng);
  DMatrixHandle matrix = nullptr;
  check(XGDMatrixCreateFromMat(rows.data(), kRows, kFeatures, std::numeric_limits<float>::quiet_NaN(), &matrix));
  check(XGDMatrixSetFloatInfo(matrix, "label", labels.data(), kRows));
  if (c.categories) {
    const char* types[kFeatures] = {"c", "c", "float", "float", "float", "float"};
    check(XGDMatrixSetStrFeatureInfo(matrix, "feature_type", types, kFeatures));
  }
  BoosterHandle booster = nullptr;
  check(XGBoosterCreate(&matrix, 1, &booster));
  const std::vector<std::pair<std::string, std::string>> parameters{{"booster", c.booster},
                                                                    {"objective", c.objective},
                                                                    {"tree_method", "hist"},
                                                                    {"nthread", "2"},
                                                                    {"max_depth", std::to_string(c.depth)},
                                                                    {"max_cat_to_onehot", "4"},
                                                                    {"rate_drop", "0.2"},
                                                                    {"verbosity", "0"}};
  for (const auto& [name, value] : parameters)
    if (name != "rate_drop" || c.booster == "dart") check(XGBoosterSetParam(booster, name.c_str(), value.c_str()));
  if (c.classes > 0) check(XGBoosterSetParam(booster, "num_class", std::to_string(c.classes).c_str()));
  for (int round = 0; round < 30; ++round) check(XGBoosterUpdateOneIter(booster, round, matrix));

  bst_ulong size = 0;
  const char* bytes = nullptr;
  check(XGBoosterSaveModelToBuffer(booster, text::format(R"({{"format": "{}"}})", c.format).c_str(), &size, &bytes));
  const auto ours = model::load_model({bytes, size});
  ASSERT_TRUE(ours) << ours.error().message;
  const float* theirs = nullptr;
  check(XGBoosterPredict(booster, matrix, 0, 0, 0, &size, &theirs));
  ASSERT_EQ(size, kRows * (*ours)->outputs());
  std::vector<float> got(size);
  (*ours)->predict(rows, got);
  for (std::size_t i = 0; i < size; ++i)
    ASSERT_NEAR(got[i], theirs[i], 1e-6 * std::max(1.0F, std::abs(theirs[i]))) << i;
  XGBoosterFree(booster);
  XGDMatrixFree(matrix);
}

INSTANTIATE_TEST_SUITE_P(Models, Parity,
                         testing::Values(Case{"binary_ubj", "gbtree", "binary:logistic", "ubj"},
                                         Case{"binary_json", "gbtree", "binary:logistic", "json"},
                                         Case{"regression", "gbtree", "reg:squarederror", "ubj"},
                                         Case{"classes", "gbtree", "multi:softprob", "ubj", 3},
                                         Case{"dart", "dart", "binary:logistic", "ubj"},
                                         Case{"categories", "gbtree", "binary:logistic", "ubj", 0, true},
                                         Case{"categories_json", "gbtree", "reg:squarederror", "json", 0, true},
                                         Case{"stumps", "gbtree", "binary:logistic", "ubj", 0, false, 1},
                                         Case{"deep", "gbtree", "reg:squarederror", "ubj", 0, false, 12}),
                         [](const auto& instance) { return instance.param.name; });

}  // namespace
}  // namespace fettle::train
