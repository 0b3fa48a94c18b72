// Tables as the numbers that a model sees.
#pragma once

#include <vector>

#include "base/result.h"
#include "model/signature.h"
#include "table/table.h"

namespace fettle::train {

// Row-major [rows, signature inputs] under a model's signature: numbers as they are, texts by their category; a missing
// value or an unknown category is NaN. NotFound names a missing column; InvalidArgument a text column where the model
// takes a number, or the reverse.
[[nodiscard]] Result<std::vector<float>> feature_matrix(const model::Signature& signature, const table::Table& rows);

}  // namespace fettle::train
