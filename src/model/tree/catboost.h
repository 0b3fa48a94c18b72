// CatBoost's JSON models (numeric features; oblivious, depth-wise and loss-guided trees) as a Forest.
//
// A split goes right where value > border, in 32 bits; what is missing counts as below or above all, by feature.
#pragma once

#include "base/result.h"
#include "json/value.h"
#include "model/tree/forest.h"

namespace fettle::model::tree {

[[nodiscard]] bool is_catboost(const json::Value& document) noexcept;
// DataLoss if the document is not a whole model; Unimplemented for categorical, text or embedding splits, whose values
// are computed from tables that the JSON form does not fully hold, and for losses whose link is not known.
[[nodiscard]] Result<Forest> forest_from_catboost(const json::Value& document);

}  // namespace fettle::model::tree
