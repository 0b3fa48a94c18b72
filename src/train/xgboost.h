// The embedded trainer: gradient-boosted trees by XGBoost, binary classification and regression.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "base/result.h"
#include "table/table.h"

namespace fettle::train {

struct XgboostSpec {
  std::string label;                  // column with 0/1 (binary:logistic) or a number (reg:squarederror)
  std::vector<std::string> features;  // Text columns become categories
  std::string objective = "binary:logistic";
  int rounds = 200;
  int depth = 6;
  double learning_rate = 0.1;
  std::uint64_t seed = 1;
  int threads = 0;                           // 0 = all cores
  std::map<std::string, std::string> extra;  // passed to XGBoost as they are ("subsample": "0.8")
};

struct Progress {
  int round = 0;
  int rounds = 0;
  double train_metric = 0;
};

// Trains and writes `folder`: model.ubj, signature.json, MLmodel (python_function + xgboost flavours, so that the
// mlflow client loads it), requirements.txt, conda.yaml, python_env.yaml. All or nothing. Rows with a missing label are
// InvalidArgument.
[[nodiscard]] Result<void> train_xgboost(const XgboostSpec& spec, const table::Table& rows, const std::string& folder,
                                         const std::function<void(const Progress&)>& progress = {});

}  // namespace fettle::train
