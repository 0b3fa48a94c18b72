// fettle_bench_shap MODEL: microseconds a row of SHAP values, one row at a time and 512 at a time, one thread, as JSON.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <vector>

#include "base/rng.h"
#include "model/predictor.h"
#include "os/file.h"

namespace {

using namespace fettle;

constexpr std::size_t kRows = 512;
constexpr int kCalls = 20;

// Median microseconds a row over calls of `batch` rows.
double microseconds(const model::Explainer& explainer, std::span<const float> rows, std::size_t features,
                    std::size_t batch) {
  std::vector<float> out(batch * (features + 1));
  std::vector<double> times;
  for (std::size_t call = 0; call < kCalls; ++call) {
    const auto start = std::chrono::steady_clock::now();
    explainer.explain(rows.subspan(call % (kRows / batch) * batch * features, batch * features), out);
    const std::chrono::duration<double, std::micro> took = std::chrono::steady_clock::now() - start;
    times.push_back(took.count() / static_cast<double>(batch));
  }
  std::ranges::sort(times);
  return times[times.size() / 2];
}

Result<void> run(const char* path) {
  FETTLE_TRY(const auto bytes, os::read_file(path));
  FETTLE_TRY(const auto predictor, model::load_model(bytes));
  FETTLE_TRY(const auto explainer, predictor->explainer());
  Rng rng(5);
  std::vector<float> rows(kRows * predictor->features());
  for (auto& x : rows) x = static_cast<float>(rng.normal());
  const double batch = microseconds(*explainer, rows, predictor->features(), kRows);
  const double single = microseconds(*explainer, rows, predictor->features(), 1);
  std::printf("{\"batch\": %.2f, \"single\": %.2f}\n", batch, single);
  return {};
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fputs("usage: fettle_bench_shap MODEL\n", stderr);
    return 2;
  }
  const auto done = run(argv[1]);
  if (done) return 0;
  std::fprintf(stderr, "fettle_bench_shap: %s\n", done.error().message.c_str());
  return 1;
}
