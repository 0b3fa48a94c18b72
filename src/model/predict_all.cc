#include "model/predict_all.h"

#include <algorithm>
#include <atomic>
#include <thread>
#include <vector>

namespace fettle::model {
namespace {

// Calls work(first, count) for all of n rows, on several threads; a thread takes `block` rows at a time.
template <typename Work>
void on_all_cores(std::size_t n, std::size_t block, unsigned threads, const Work& work) {
  std::atomic<std::size_t> next = 0;
  const auto take = [&] {
    for (std::size_t first; (first = next.fetch_add(block)) < n;) work(first, std::min(block, n - first));
  };
  const std::size_t wanted = threads == 0 ? std::max(std::thread::hardware_concurrency(), 1U) : threads;
  std::vector<std::jthread> helpers;
  for (std::size_t i = 1; i < std::min(wanted, (n + block - 1) / block); ++i) helpers.emplace_back(take);
  take();
}

}  // namespace

void predict_all(const Predictor& predictor, std::span<const float> rows, std::span<float> out, unsigned threads) {
  const std::size_t outputs = predictor.outputs(), features = predictor.features();
  on_all_cores(out.size() / outputs, 4096, threads, [&](std::size_t first, std::size_t count) {
    predictor.predict(rows.subspan(first * features, count * features), out.subspan(first * outputs, count * outputs));
  });
}

void explain_all(const Explainer& explainer, std::size_t features, std::size_t outputs, std::span<const float> rows,
                 std::span<float> out, unsigned threads) {
  const std::size_t width = outputs * (features + 1);
  on_all_cores(out.size() / width, 512, threads, [&](std::size_t first, std::size_t count) {
    explainer.explain(rows.subspan(first * features, count * features), out.subspan(first * width, count * width));
  });
}

}  // namespace fettle::model
