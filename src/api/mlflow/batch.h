// The body of runs/log-batch, read in one pass where it is plain JSON: training code sends it thousands of times.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "api/mlflow/wire.h"
#include "tracking/records.h"

namespace fettle::api::mlflow {

struct LogBatch {
  std::string run_id;
  tracking::Batch batch;
};
// A body whose members are all known, there once, and of the plainest kind (json/scanner.h); nullopt for any other.
[[nodiscard]] std::optional<LogBatch> read_plain_batch(std::string_view body);

// Any other that MLflow takes. InvalidArgument with the path of what is wrong: "metrics[3].value".
[[nodiscard]] Result<tracking::Batch> read_batch(const Input& input);
[[nodiscard]] Result<tracking::Metric> read_metric(const Input& input);

}  // namespace fettle::api::mlflow
