// LightGBM's text models (v2 to v4) as a Forest.
//
// LightGBM compares 64-bit values with `<=`; thresholds are moved to the next 32-bit value above, so that every row of
// 32-bit values goes where LightGBM sends it. Leaves are added in 64 bits, as it does.
#pragma once

#include <string_view>

#include "base/result.h"
#include "model/tree/forest.h"

namespace fettle::model::tree {

[[nodiscard]] bool is_lightgbm(std::string_view bytes) noexcept;
// DataLoss if the text is not a whole model; Unimplemented for an objective whose link is not known.
[[nodiscard]] Result<Forest> forest_from_lightgbm(std::string_view text);

}  // namespace fettle::model::tree
