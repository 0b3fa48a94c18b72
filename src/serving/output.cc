#include "serving/output.h"

namespace fettle::serving {
namespace {

Output output_of(const Batch& batch, std::string_view name, bool binary) {
  const auto& endpoint = batch.endpoint();
  Output out{.name = name, .binary = binary, .shape = {static_cast<std::int64_t>(batch.rows())}};
  if (name == kVariantOutput) out.kind = Output::Kind::Variants;
  if (name == kShapOutput) out.kind = Output::Kind::Shap;
  if (out.kind != Output::Kind::Variants && endpoint.outputs > 1)
    out.shape.push_back(static_cast<std::int64_t>(endpoint.outputs));
  if (out.kind == Output::Kind::Shap) out.shape.push_back(static_cast<std::int64_t>(endpoint.columns.size() + 1));
  return out;
}

}  // namespace

std::vector<Output> outputs_of(const Batch& batch) {
  std::vector<Output> out;
  bool has_shap = false;
  for (const auto& requested : batch.requested) {
    out.push_back(output_of(batch, requested.name, requested.binary.value_or(batch.binary_outputs)));
    has_shap |= requested.name == kShapOutput;
  }
  if (out.empty()) out.push_back(output_of(batch, batch.endpoint().output(), batch.binary_outputs));
  if (batch.explain && !has_shap) out.push_back(output_of(batch, kShapOutput, batch.binary_outputs));
  return out;
}

std::span<const float> numbers_of(const Batch& batch, const Output& output) noexcept {
  return output.kind == Output::Kind::Shap ? batch.shap : batch.outputs;
}

std::string_view variant_of(const Batch& batch, std::size_t row) noexcept {
  return batch.endpoint().competitors[batch.competitors[row]].variant.name;
}

}  // namespace fettle::serving
