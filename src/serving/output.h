// The tensors of an answer, whatever protocol carries them. Private to the module.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "serving/batch.h"

namespace fettle::serving {

struct Output {
  enum class Kind : std::uint8_t { Scores, Variants, Shap };
  std::string_view name;
  Kind kind = Kind::Scores;
  bool binary = false;
  std::vector<std::int64_t> shape;

  [[nodiscard]] std::string_view datatype() const noexcept { return kind == Kind::Variants ? "BYTES" : "FP32"; }
};
// In the order of the request. Borrows from the batch.
[[nodiscard]] std::vector<Output> outputs_of(const Batch& batch);
// Of an output that is FP32.
[[nodiscard]] std::span<const float> numbers_of(const Batch& batch, const Output& output) noexcept;
// Who answered a row.
[[nodiscard]] std::string_view variant_of(const Batch& batch, std::size_t row) noexcept;

}  // namespace fettle::serving
