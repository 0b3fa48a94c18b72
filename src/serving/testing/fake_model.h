// Models whose scores a test can foretell: `bias` plus the sum of the inputs, a missing one counting -1000.
#pragma once

#include <cmath>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "model/predictor.h"

namespace fettle::serving::testing {

class SumPredictor final : public model::Predictor {
 public:
  SumPredictor(std::size_t features, float bias) : features_(features), bias_(bias) {}
  [[nodiscard]] std::size_t features() const noexcept override { return features_; }
  [[nodiscard]] std::size_t outputs() const noexcept override { return 1; }
  void predict(std::span<const float> rows, std::span<float> out) const noexcept override {
    for (std::size_t row = 0; row < out.size(); ++row) {
      out[row] = bias_;
      for (const float x : rows.subspan(row * features_, features_)) out[row] += std::isnan(x) ? -1000 : x;
    }
  }

 private:
  std::size_t features_;
  float bias_;
};

// REQUIRES: inputs that a signature takes.
inline std::shared_ptr<const model::LoadedModel> sum_model(std::vector<model::InputColumn> inputs, float bias) {
  const auto features = inputs.size();
  return std::make_shared<const model::LoadedModel>(
      model::LoadedModel{model::Signature::create(std::move(inputs), "score").value(),
                         std::make_unique<const SumPredictor>(features, bias)});
}

}  // namespace fettle::serving::testing
