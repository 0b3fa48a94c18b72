// A loaded model that scores rows. Immutable and thread-safe once loaded.
#pragma once

#include <memory>
#include <span>
#include <string>

#include "base/result.h"
#include "model/signature.h"

namespace fettle::model {

class Predictor {
 public:
  virtual ~Predictor() = default;
  [[nodiscard]] virtual std::size_t features() const noexcept = 0;
  [[nodiscard]] virtual std::size_t outputs() const noexcept = 0;  // per row
  // `rows` is row-major [n, features()], NaN = missing; `out` is [n, outputs()]. Allocation-free, noexcept.
  virtual void predict(std::span<const float> rows, std::span<float> out) const noexcept = 0;
};

// A model folder: model.ubj, model.json or model.txt beside signature.json, as train/ and bundles write it.
struct LoadedModel {
  Signature signature;
  std::unique_ptr<const Predictor> predictor;
};
[[nodiscard]] Result<LoadedModel> load_folder(const std::string& folder);
// One model file by its content: XGBoost's JSON or UBJSON, CatBoost's JSON, LightGBM's text. Random or cut bytes are
// DataLoss, never a crash.
[[nodiscard]] Result<std::unique_ptr<const Predictor>> load_model(std::string_view bytes);

}  // namespace fettle::model
