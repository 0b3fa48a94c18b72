// Universal Binary JSON, as XGBoost writes it, into a JSON value.
#pragma once

#include <string_view>

#include "base/result.h"
#include "json/value.h"

namespace fettle::model::tree {

// DataLoss for anything that is not a whole document. Depth is at most 64; no length of the input is believed beyond
// the bytes that are there.
[[nodiscard]] Result<json::Value> parse_ubjson(std::string_view bytes);

}  // namespace fettle::model::tree
