// XGBoost's model documents (JSON or UBJSON, 1.x to 3.x) as a Forest.
#pragma once

#include "base/result.h"
#include "json/value.h"
#include "model/tree/forest.h"

namespace fettle::model::tree {

// DataLoss if the document is not a whole model; Unimplemented for boosters and objectives that are not trees' own.
[[nodiscard]] Result<Forest> forest_from_xgboost(const json::Value& document);

}  // namespace fettle::model::tree
