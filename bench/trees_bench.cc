// Tree engine against XGBoost's C API: 500 trees of depth 6 over 28 features, one thread, batch 1 and batch 1000.
//
// Both score the same rows in alternating rounds; medians are printed. Scores are compared before anything is timed.
#include <xgboost/c_api.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <functional>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

#include "base/rng.h"
#include "base/text.h"
#include "model/predictor.h"

namespace {

using namespace fettle;

constexpr std::size_t kFeatures = 28;
constexpr std::size_t kRows = 20'000;
constexpr int kTrees = 500;
constexpr int kRounds = 7;

void check(int code) {
  if (code == 0) return;
  std::fprintf(stderr, "trees_bench: %s\n", XGBGetLastError());
  std::exit(1);
}

std::vector<float> make_rows(Rng& rng) {
  std::vector<float> rows(kRows * kFeatures);
  for (auto& x : rows) x = static_cast<float>(rng.normal());
  return rows;
}

BoosterHandle train(const std::vector<float>& rows, Rng& rng) {
  std::vector<float> labels(kRows);
  for (std::size_t r = 0; r < kRows; ++r) {
    double signal = rng.normal();
    for (std::size_t f = 0; f + 1 < kFeatures; ++f) signal += rows[r * kFeatures + f] * rows[r * kFeatures + f + 1] / 3;
    labels[r] = signal > 0 ? 1.0F : 0.0F;
  }
  DMatrixHandle matrix = nullptr;
  check(XGDMatrixCreateFromMat(rows.data(), kRows, kFeatures, std::numeric_limits<float>::quiet_NaN(), &matrix));
  check(XGDMatrixSetFloatInfo(matrix, "label", labels.data(), kRows));
  BoosterHandle booster = nullptr;
  check(XGBoosterCreate(&matrix, 1, &booster));
  for (const auto& [name, value] : std::vector<std::pair<std::string, std::string>>{
           {"objective", "binary:logistic"}, {"tree_method", "hist"}, {"max_depth", "6"}, {"verbosity", "0"}})
    check(XGBoosterSetParam(booster, name.c_str(), value.c_str()));
  for (int round = 0; round < kTrees; ++round) check(XGBoosterUpdateOneIter(booster, round, matrix));
  check(XGBoosterSetParam(booster, "nthread", "1"));
  check(XGDMatrixFree(matrix));
  return booster;
}

std::string array_interface(const float* rows, std::size_t n) {
  return text::format(R"({{"data": [{}, true], "shape": [{}, {}], "typestr": "<f4", "version": 3}})",
                      reinterpret_cast<std::uintptr_t>(rows), n, kFeatures);
}

const float* predict_xgboost(BoosterHandle booster, const float* rows, std::size_t n) {
  static constexpr const char* kConfig = R"({"type": 0, "training": false, "iteration_begin": 0, "iteration_end": 0, )"
                                         R"("strict_shape": false, "missing": NaN, "cache_id": 0})";
  const bst_ulong* shape = nullptr;
  bst_ulong dimensions = 0;
  const float* out = nullptr;
  check(XGBoosterPredictFromDense(booster, array_interface(rows, n).c_str(), kConfig, nullptr, &shape, &dimensions,
                                  &out));
  return out;
}

double median(std::vector<double> values) {
  std::ranges::nth_element(values, values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2));
  return values[values.size() / 2];
}

// Median microseconds a row over single calls of `batch` rows.
double microseconds(std::size_t batch, int calls, const std::function<void(std::size_t)>& call) {
  std::vector<double> times;
  for (int i = 0; i < calls; ++i) {
    const auto start = std::chrono::steady_clock::now();
    call(static_cast<std::size_t>(i) * batch % (kRows - batch + 1));
    const std::chrono::duration<double, std::micro> took = std::chrono::steady_clock::now() - start;
    times.push_back(took.count() / static_cast<double>(batch));
  }
  return median(std::move(times));
}

}  // namespace

int main(int argc, char** argv) {
  const bool json = argc > 1 && std::string_view(argv[1]) == "--json";
  Rng rng(5);
  const auto rows = make_rows(rng);
  auto* booster = train(rows, rng);
  bst_ulong size = 0;
  const char* bytes = nullptr;
  check(XGBoosterSaveModelToBuffer(booster, R"({"format": "ubj"})", &size, &bytes));
  const auto ours = model::load_model({bytes, size});
  if (!ours) {
    std::fprintf(stderr, "trees_bench: %s\n", ours.error().message.c_str());
    return 1;
  }
  std::vector<float> out(kRows);
  (*ours)->predict(rows, out);
  const float* theirs = predict_xgboost(booster, rows.data(), kRows);
  for (std::size_t i = 0; i < kRows; ++i)
    if (!(std::abs(out[i] - theirs[i]) <= 1e-6F)) {
      std::fprintf(stderr, "trees_bench: row %zu scores %.9g, XGBoost says %.9g\n", i, out[i], theirs[i]);
      return 1;
    }
  for (const std::size_t batch : {std::size_t{1}, std::size_t{1000}}) {
    const int calls = batch == 1 ? 3000 : 40;
    std::vector<double> fettle_us;
    std::vector<double> xgboost_us;
    for (int round = 0; round < kRounds; ++round) {
      fettle_us.push_back(microseconds(batch, calls, [&](std::size_t row) {
        (*ours)->predict(std::span(rows).subspan(row * kFeatures, batch * kFeatures), std::span(out).first(batch));
      }));
      xgboost_us.push_back(microseconds(
          batch, calls / 4, [&](std::size_t row) { predict_xgboost(booster, &rows[row * kFeatures], batch); }));
    }
    const double f = median(fettle_us);
    const double x = median(xgboost_us);
    const auto* const form =
        json ? "{\"measure\": \"trees_500x6_batch_%zu\", \"unit\": \"us/row\", \"fettle\": %.3f, "
               "\"xgboost\": %.3f, \"ratio\": %.2f}\n"
             : "500 trees x depth 6, batch %-5zu  Fettle %7.3f us/row   XGBoost %7.3f us/row   %.1fx\n";
    std::printf(form, batch, f, x, x / f);
  }
  XGBoosterFree(booster);
  return 0;
}
