// MLflow's scoring request: rows of a data frame, by column name. Private to the module.
#pragma once

#include <cstddef>

#include "serving/batch.h"
#include "serving/json_values.h"

namespace fettle::serving {

// One of dataframe_split, dataframe_records, instances (records, or lists in the model's column order) or inputs (the
// same, or columns). Columns that the model does not know are ignored; a text that holds a number is a number.
// `bytes` is the request's size.
[[nodiscard]] Result<void> read_mlflow(ondemand::document& document, std::size_t bytes, Batch& batch);

}  // namespace fettle::serving
