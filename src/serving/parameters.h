// A request's parameters in JSON: `parameters` of the Open Inference Protocol, `params` of MLflow. Private to the
// module.
#pragma once

#include "base/result.h"
#include "serving/batch.h"
#include "serving/json_values.h"

namespace fettle::serving {

// unit, time_ms, record, explain and binary_data_output into the batch; others are the model's or another server's, and
// skipped.
[[nodiscard]] Result<void> read_parameters(ondemand::value& value, Batch& batch);

}  // namespace fettle::serving
