// XGBoost's C interface as two owning objects: training data in columns, and a booster.
//
// Errors carry XGBoost's own words without its stack trace. One thread at a time.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"

namespace fettle::train {

struct FeatureColumn {
  std::string name;
  std::string type;           // XGBoost's: "float", "int", "i" (indicator), "c" (category codes)
  std::vector<float> values;  // NaN = missing
};

// Quantized training data. The columns are read where they lie: no row-major copy is made.
class TrainingData {
 public:
  // REQUIRES: all columns and `labels` have one length. `bins`: at most so many a feature.
  [[nodiscard]] static Result<TrainingData> create(const std::vector<FeatureColumn>& columns,
                                                   const std::vector<float>& labels, int threads, std::int64_t bins);
  [[nodiscard]] void* handle() const noexcept { return handle_.get(); }

 private:
  explicit TrainingData(std::shared_ptr<void> handle) : handle_(std::move(handle)) {}
  std::shared_ptr<void> handle_;
};

class Booster {
 public:
  // InvalidArgument names a parameter that XGBoost refuses.
  [[nodiscard]] static Result<Booster> create(const TrainingData& data,
                                              const std::map<std::string, std::string>& parameters);
  // InvalidArgument if a parameter is used by nothing: a misspelt name must not pass unseen.
  [[nodiscard]] Result<void> update(int round);
  [[nodiscard]] Result<double> train_metric(int round);  // of the objective, on the training data
  [[nodiscard]] Result<void> name_features(const std::vector<FeatureColumn>& columns);
  [[nodiscard]] Result<std::string> ubjson() const;  // the model file

 private:
  Booster(std::shared_ptr<void> handle, const TrainingData& data) : handle_(std::move(handle)), data_(data) {}
  std::shared_ptr<void> handle_;
  TrainingData data_;
};

[[nodiscard]] std::string xgboost_version();  // "3.0.0"

}  // namespace fettle::train
