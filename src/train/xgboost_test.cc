#include "train/xgboost.h"

#include <gtest/gtest.h>
#include <xgboost/c_api.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "base/rng.h"
#include "json/value.h"
#include "model/predictor.h"
#include "os/file.h"
#include "table/file.h"
#include "train/matrix.h"

namespace fettle::train {
namespace {

using table::Column;
using table::Table;

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

// Flights as the example has them: late more often in the evening and from some airports.
Table flights(std::size_t rows, std::uint64_t seed) {
  Rng rng(seed);
  std::vector<std::int64_t> hours, distances, late;
  std::vector<std::string> origins;
  for (std::size_t i = 0; i < rows; ++i) {
    const auto airport = rng.below(60);
    hours.push_back(static_cast<std::int64_t>(rng.below(24)));
    distances.push_back(50 + static_cast<std::int64_t>(rng.below(3000)));
    origins.push_back("A" + std::to_string(airport));
    const double odds = -2 + 0.12 * static_cast<double>(hours.back()) + (airport % 3 == 0 ? 0.8 : 0);
    late.push_back(rng.uniform() < 1 / (1 + std::exp(-odds)) ? 1 : 0);
  }
  return *Table::create({Column::of_ints("hour", hours), Column::of_ints("distance", distances),
                         Column::of_texts("origin", origins), Column::of_ints("late", late)});
}

XgboostSpec small() {
  return {.label = "late", .features = {"hour", "distance", "origin"}, .rounds = 20, .depth = 5, .threads = 2};
}

class Training : public testing::Test {
 protected:
  std::string fails(const XgboostSpec& spec, const Table& rows) {
    const auto done = train_xgboost(spec, rows, model_);
    EXPECT_FALSE(done);
    EXPECT_FALSE(os::exists(model_));
    EXPECT_EQ(os::list_names(folder_.path())->size(), 0U);
    return done ? "" : done.error().message;
  }

  os::TempFolder folder_ = *os::TempFolder::create();
  std::string model_ = folder_.path() + "/model";
};

// What the XGBoost library says of rows under a model file.
std::vector<float> scores_of_library(const std::string& file, const std::vector<float>& rows,
                                     const std::vector<const char*>& names, const std::vector<const char*>& types) {
  BoosterHandle booster = nullptr;
  DMatrixHandle matrix = nullptr;
  bst_ulong size = 0;
  const float* scores = nullptr;
  EXPECT_EQ(XGBoosterCreate(nullptr, 0, &booster), 0);
  EXPECT_EQ(XGBoosterLoadModel(booster, file.c_str()), 0) << XGBGetLastError();
  EXPECT_EQ(XGDMatrixCreateFromMat(rows.data(), rows.size() / names.size(), names.size(), kNan, &matrix), 0);
  EXPECT_EQ(XGDMatrixSetStrFeatureInfo(matrix, "feature_type", const_cast<const char**>(types.data()), types.size()),
            0);
  EXPECT_EQ(XGDMatrixSetStrFeatureInfo(matrix, "feature_name", const_cast<const char**>(names.data()), names.size()),
            0);
  EXPECT_EQ(XGBoosterPredict(booster, matrix, 0, 0, 0, &size, &scores), 0) << XGBGetLastError();
  std::vector<float> out(scores, scores + size);
  XGBoosterFree(booster);
  XGDMatrixFree(matrix);
  return out;
}

// The committed sample of real flights, with what the example derives.
Table real_flights() {
  auto rows = *table::read(std::string(FETTLE_SOURCE_DIR) + "/examples/flights/sample/flights-sample.parquet");
  std::vector<std::int64_t> hours, late;
  for (std::size_t i = 0; i < rows.rows(); ++i) {
    hours.push_back(rows.find("date")->ints[i] / 3'600'000 % 24);
    late.push_back(rows.find("delay")->ints[i] >= 15 ? 1 : 0);
  }
  EXPECT_TRUE(rows.add(Column::of_ints("hour", hours)));
  EXPECT_TRUE(rows.add(Column::of_ints("late", late)));
  return rows;
}

Table part_of(const Table& rows, std::uint32_t from, std::uint32_t until) {
  std::vector<std::uint32_t> chosen(until - from);
  std::iota(chosen.begin(), chosen.end(), from);
  return rows.take(chosen);
}

// Our engine and the XGBoost library on the file that was written, every row of later months, some of them spoilt.
TEST_F(Training, TheEngineScoresEveryRealFlightAsXgboostDoes) {
  const auto rows = real_flights();
  auto spec = small();
  spec.features = {"hour", "distance", "origin", "destination"};
  spec.rounds = 60;
  spec.depth = 6;
  ASSERT_TRUE(train_xgboost(spec, part_of(rows, 0, 100'000), model_));
  auto later = part_of(rows, 100'000, static_cast<std::uint32_t>(rows.rows()));
  auto origin = *later.find("origin");
  origin.dictionary[0] = "never seen";
  origin.valid.assign(later.rows(), 1);
  for (std::size_t i = 0; i < later.rows(); i += 1000) origin.valid[i] = 0;
  ASSERT_TRUE(later.add(origin));
  const auto loaded = model::load_folder(model_);
  ASSERT_TRUE(loaded) << loaded.error().message;
  const auto matrix = feature_matrix(loaded->signature, later);
  ASSERT_TRUE(matrix) << matrix.error().message;
  std::vector<float> ours(later.rows());
  loaded->predictor->predict(*matrix, ours);
  const auto theirs = scores_of_library(model_ + "/model.ubj", *matrix, {"hour", "distance", "origin", "destination"},
                                        {"int", "int", "c", "c"});
  ASSERT_EQ(ours.size(), theirs.size());
  for (std::size_t i = 0; i < ours.size(); ++i) ASSERT_NEAR(ours[i], theirs[i], 1e-6) << i;
  const auto [lowest, highest] = std::ranges::minmax(ours);
  EXPECT_LT(lowest, 0.1);
  EXPECT_GT(highest, 0.4);
}

TEST_F(Training, WritesTheWholeFolderAndTheSameBytesAgain) {
  const auto rows = flights(3000, 1);
  ASSERT_TRUE(train_xgboost(small(), rows, model_));
  EXPECT_EQ(*os::list_names(model_),
            (std::vector<std::string>{"MLmodel", "code", "conda.yaml", "model.ubj", "python_env.yaml",
                                      "requirements.txt", "signature.json"}));
  const auto loaded = model::load_folder(model_);
  ASSERT_TRUE(loaded) << loaded.error().message;
  EXPECT_EQ(loaded->signature.output(), "late_probability");
  EXPECT_EQ(loaded->signature.inputs()[2].categories.size(), 60U);
  std::map<std::string, std::string> before;
  const auto files = *os::list_files(model_);
  for (const auto& file : files) before[file.path] = *os::read_file(model_ + "/" + file.path);
  ASSERT_TRUE(train_xgboost(small(), rows, model_));
  for (const auto& [path, bytes] : before) EXPECT_EQ(bytes, *os::read_file(model_ + "/" + path)) << path;
}

TEST_F(Training, TellsEveryRoundAndAFallingLoss) {
  std::vector<Progress> told;
  ASSERT_TRUE(train_xgboost(small(), flights(5000, 1), model_, [&](const Progress& p) { told.push_back(p); }));
  ASSERT_EQ(told.size(), 20U);
  EXPECT_EQ(told.back().round, 20);
  EXPECT_EQ(told.back().rounds, 20);
  EXPECT_GT(told.front().train_metric, told.back().train_metric);
  EXPECT_GT(told.back().train_metric, 0.3);
}

TEST_F(Training, RegressionPredictsTheNumber) {
  auto spec = small();
  spec.objective = "reg:squarederror";
  spec.label = "distance";
  spec.features = {"hour", "origin"};
  spec.extra = {{"subsample", "0.8"}, {"max_bin", "64"}};
  ASSERT_TRUE(train_xgboost(spec, flights(3000, 1), model_));
  const auto loaded = model::load_folder(model_);
  ASSERT_TRUE(loaded);
  EXPECT_EQ(loaded->signature.output(), "distance_prediction");
  std::vector<float> out(1);
  loaded->predictor->predict(std::vector<float>{12, 3}, out);
  EXPECT_NEAR(out[0], 1550, 600);
}

TEST_F(Training, AMissingNumberIsAFloatForTheClient) {
  auto rows = flights(1000, 1);
  auto hour = *rows.find("hour");
  hour.valid.assign(1000, 1);
  hour.valid[3] = 0;
  ASSERT_TRUE(rows.add(hour));
  ASSERT_TRUE(train_xgboost(small(), rows, model_));
  EXPECT_EQ(model::load_folder(model_)->signature.inputs()[0].kind, model::ColumnKind::Float);
  EXPECT_EQ(model::load_folder(model_)->signature.inputs()[1].kind, model::ColumnKind::Int);
}

TEST_F(Training, WrongLabelsAreNamedWithTheirRow) {
  auto rows = flights(100, 1);
  auto late = *rows.find("late");
  late.valid.assign(100, 1);
  late.valid[41] = 0;
  ASSERT_TRUE(rows.add(late));
  EXPECT_TRUE(fails(small(), rows).contains("'late' is missing in row 41"));
  late.valid.clear();
  late.ints[13] = 7;
  ASSERT_TRUE(rows.add(late));
  EXPECT_TRUE(fails(small(), rows).contains("'late' is 7 in row 13"));
  late.ints.assign(100, 1);
  ASSERT_TRUE(rows.add(late));
  EXPECT_TRUE(fails(small(), rows).contains("nothing to learn"));
  ASSERT_TRUE(rows.add(Column::of_texts("late", std::vector<std::string>(100, "yes"))));
  EXPECT_TRUE(fails(small(), rows).contains("is text"));
  EXPECT_TRUE(fails(small(), flights(0, 1)).contains("no rows"));
}

TEST_F(Training, WrongFeaturesAreNamed) {
  auto rows = flights(100, 1);
  auto spec = small();
  spec.features = {"hour", "orign"};
  EXPECT_TRUE(fails(spec, rows).contains("did you mean 'origin'"));
  spec.features = {"hour", "late"};
  EXPECT_TRUE(fails(spec, rows).contains("among the features"));
  spec.features = {"hour", "hour"};
  EXPECT_TRUE(fails(spec, rows).contains("twice"));
  spec.features = {};
  EXPECT_FALSE(fails(spec, rows).empty());
  ASSERT_TRUE(rows.add(Column::of_ints("date", std::vector<std::int64_t>(100), table::Kind::Time)));
  spec.features = {"date"};
  EXPECT_TRUE(fails(spec, rows).contains("'date' is a time"));
  std::vector<double> wild(100, 1.0);
  wild[5] = std::numeric_limits<double>::infinity();
  ASSERT_TRUE(rows.add(Column::of_floats("wild", wild)));
  spec.features = {"wild"};
  EXPECT_TRUE(fails(spec, rows).contains("'wild' is infinite in row 5"));
}

TEST_F(Training, WrongParametersAreNamed) {
  const auto rows = flights(200, 1);
  const auto with = [](auto change) {
    auto spec = small();
    change(spec);
    return spec;
  };
  EXPECT_TRUE(fails(with([](auto& s) { s.rounds = 0; }), rows).contains("rounds is 0"));
  EXPECT_TRUE(fails(with([](auto& s) { s.depth = -1; }), rows).contains("depth is -1"));
  EXPECT_TRUE(fails(with([](auto& s) { s.learning_rate = std::nan(""); }), rows).contains("learning_rate"));
  EXPECT_TRUE(fails(with([](auto& s) { s.objective = "rank:pairwise"; }), rows).contains("binary:logistic"));
  EXPECT_TRUE(fails(with([](auto& s) { s.extra = {{"eta", "1"}}; }), rows).contains("learning_rate"));
  const auto misspelt = fails(with([](auto& s) { s.extra = {{"subsampel", "0.5"}}; }), rows);
  EXPECT_TRUE(misspelt.contains("subsampel")) << misspelt;
  const auto out_of_range = fails(with([](auto& s) { s.extra = {{"subsample", "7"}}; }), rows);
  EXPECT_TRUE(out_of_range.contains("subsample")) << out_of_range;
  EXPECT_FALSE(out_of_range.contains("Stack trace"));
}

TEST_F(Training, AModelThatWasThereStaysIfTrainingFails) {
  ASSERT_TRUE(train_xgboost(small(), flights(500, 1), model_));
  const auto before = *os::read_file(model_ + "/model.ubj");
  auto spec = small();
  spec.extra = {{"subsample", "7"}};
  ASSERT_FALSE(train_xgboost(spec, flights(500, 1), model_));
  EXPECT_EQ(before, *os::read_file(model_ + "/model.ubj"));
}

TEST(Matrix, MapsTextsByCategoryAndNumbersAsTheyAre) {
  const auto signature = *model::Signature::create(
      {{"place", model::ColumnKind::Category, {"ORD", "ATL"}}, {"x", model::ColumnKind::Float, {}}}, "y");
  auto x = Column::of_floats("x", {0.5, 2, 3});
  x.valid = {1, 0, 1};
  const auto rows = *Table::create({x, Column::of_texts("place", {"ATL", "ORD", "LAX"})});
  const auto matrix = *feature_matrix(signature, rows);
  ASSERT_EQ(matrix.size(), 6U);
  EXPECT_EQ(matrix[0], 1);
  EXPECT_EQ(matrix[1], 0.5F);
  EXPECT_EQ(matrix[2], 0);
  EXPECT_TRUE(std::isnan(matrix[3]));
  EXPECT_TRUE(std::isnan(matrix[4]));
  EXPECT_EQ(matrix[5], 3);
}

TEST(Matrix, MissingColumnsAndWrongKindsAreNamed) {
  const auto signature = *model::Signature::create({{"place", model::ColumnKind::Category, {"ORD"}}}, "y");
  const auto gone = feature_matrix(signature, *Table::create({Column::of_ints("x", {1})}));
  ASSERT_FALSE(gone);
  EXPECT_EQ(gone.error().code, Code::NotFound);
  const auto number = feature_matrix(signature, *Table::create({Column::of_ints("place", {1})}));
  ASSERT_FALSE(number);
  EXPECT_TRUE(number.error().message.contains("takes texts")) << number.error().message;
}

}  // namespace
}  // namespace fettle::train
