#include "model/predict_all.h"

#include <algorithm>
#include <atomic>
#include <thread>
#include <vector>

namespace fettle::model {
namespace {

constexpr std::size_t kBlock = 4096;  // rows that a thread takes at a time

}  // namespace

void predict_all(const Predictor& predictor, std::span<const float> rows, std::span<float> out, unsigned threads) {
  const std::size_t outputs = predictor.outputs(), features = predictor.features();
  const std::size_t n = out.size() / outputs;
  std::atomic<std::size_t> next = 0;
  const auto work = [&] {
    for (std::size_t first; (first = next.fetch_add(kBlock)) < n;) {
      const auto count = std::min(kBlock, n - first);
      predictor.predict(rows.subspan(first * features, count * features),
                        out.subspan(first * outputs, count * outputs));
    }
  };
  const std::size_t wanted = threads == 0 ? std::max(std::thread::hardware_concurrency(), 1U) : threads;
  std::vector<std::jthread> helpers;
  for (std::size_t i = 1; i < std::min(wanted, (n + kBlock - 1) / kBlock); ++i) helpers.emplace_back(work);
  work();
}

}  // namespace fettle::model
