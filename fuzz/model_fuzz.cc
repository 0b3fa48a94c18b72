// Any bytes as a model file: loaded or refused, never a crash; what loads gives one number a row.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <limits>
#include <vector>

#include "model/predictor.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto model = fettle::model::load_model({reinterpret_cast<const char*>(data), size});
  if (!model || (*model)->features() > 4096 || (*model)->outputs() > 64) return 0;
  std::vector<float> rows(2 * (*model)->features(), 1.0F);
  if (!rows.empty()) rows.front() = std::numeric_limits<float>::quiet_NaN();
  std::vector<float> out(2 * (*model)->outputs());
  (*model)->predict(rows, out);
  return 0;
}
