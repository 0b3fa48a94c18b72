// fettle_bench_model MODEL: microseconds a row of scores and of SHAP values, one row at a time and many, one thread, as
// JSON.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <functional>
#include <vector>

#include "base/rng.h"
#include "model/predictor.h"
#include "os/file.h"

namespace {

using namespace fettle;

constexpr std::size_t kRows = 1000, kExplained = 512;  // of a batch

// Median microseconds a row over calls of `batch` rows from `rows` on.
double microseconds(std::size_t calls, std::size_t batch, const std::function<void(std::size_t first)>& call) {
  std::vector<double> times;
  for (std::size_t i = 0; i < calls; ++i) {
    const auto start = std::chrono::steady_clock::now();
    call(batch == 1 ? i % kRows : 0);
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
  const std::size_t features = predictor->features(), outputs = predictor->outputs();
  Rng rng(5);
  std::vector<float> rows(kRows * features);
  for (auto& x : rows) x = static_cast<float>(rng.normal());
  std::vector<float> out(kRows * outputs * (features + 1));
  const auto score = [&](std::size_t n) {
    return [&, n](std::size_t first) {
      predictor->predict(std::span(rows).subspan(first * features, n * features), std::span(out).first(n * outputs));
    };
  };
  const auto explain = [&](std::size_t n) {
    return [&, n](std::size_t first) {
      explainer->explain(std::span(rows).subspan(first * features, n * features),
                         std::span(out).first(n * outputs * (features + 1)));
    };
  };
  const double score_single = microseconds(5000, 1, score(1)), score_batch = microseconds(60, kRows, score(kRows));
  const double shap_single = microseconds(50, 1, explain(1));
  const double shap_batch = microseconds(9, kExplained, explain(kExplained));
  std::printf("{\"score_single\": %.3f, \"score_batch\": %.3f, \"shap_single\": %.1f, \"shap_batch\": %.2f}\n",
              score_single, score_batch, shap_single, shap_batch);
  return {};
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fputs("usage: fettle_bench_model MODEL\n", stderr);
    return 2;
  }
  const auto done = run(argv[1]);
  if (done) return 0;
  std::fprintf(stderr, "fettle_bench_model: %s\n", done.error().message.c_str());
  return 1;
}
