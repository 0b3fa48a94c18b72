// A loaded model that scores rows. Immutable and thread-safe once loaded.
#pragma once

#include <memory>
#include <span>
#include <string>

#include "base/result.h"
#include "model/signature.h"

namespace fettle::model {

// How much each feature moved each output of a row, in the units of the model's margin (before a logistic or softmax).
class Explainer {
 public:
  virtual ~Explainer() = default;
  // `rows` as Predictor::predict has them, `out` is [n, outputs, features + 1]: the last of each is what the output is
  // expected to be when nothing is known of the row; all of them add up to its margin. Thread-safe.
  virtual void explain(std::span<const float> rows, std::span<float> out) const = 0;
};

class Predictor {
 public:
  virtual ~Predictor() = default;
  [[nodiscard]] virtual std::size_t features() const noexcept = 0;
  [[nodiscard]] virtual std::size_t outputs() const noexcept = 0;  // per row
  // `rows` is row-major [n, features()], NaN = missing; `out` is [n, outputs()]. Allocation-free, noexcept.
  virtual void predict(std::span<const float> rows, std::span<float> out) const noexcept = 0;
  // Made when first asked for; borrows this predictor. Unimplemented if there are no explanations of this model.
  [[nodiscard]] virtual Result<std::shared_ptr<const Explainer>> explainer() const;
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
