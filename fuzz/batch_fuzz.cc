// Any bytes as the body of runs/log-batch: what is read in one pass is what is read the long way.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "api/mlflow/batch.h"

namespace {

using namespace fettle;

bool same(const tracking::Metric& a, const tracking::Metric& b) {
  return a.key == b.key && a.value == b.value && a.time_ms == b.time_ms && a.step == b.step &&
         a.model_id == b.model_id && a.dataset_name == b.dataset_name && a.dataset_digest == b.dataset_digest;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  http::Request request;
  request.method = http::Method::Post;
  request.headers = {{"Content-Type", "application/json"}};
  request.body.assign(reinterpret_cast<const char*>(data), size);
  const auto plain = api::mlflow::read_plain_batch(request.body);
  if (!plain) return 0;
  const auto input = api::mlflow::Input::of(request);
  const auto batch = input ? api::mlflow::read_batch(*input) : fail(input.error());
  if (!batch || *input->need_text("run_id") != plain->run_id) std::abort();
  const auto& read = plain->batch;
  if (!std::ranges::equal(batch->metrics, read.metrics, same)) std::abort();
  if (batch->params != read.params || batch->tags != read.tags) std::abort();
  return 0;
}
