// The kernels behind TreeShap, compiled for several kinds of processors.
#pragma once

#include <span>

#include "model/tree/shap.h"

namespace fettle::model::tree {

struct ShapFunctions {  // both add to out
  void (*rows)(const TreeShap& shap, std::span<const float> rows, std::span<float> out);
  void (*blocks)(const TreeShap& shap, std::span<const float> rows, std::span<float> out);
};
[[nodiscard]] ShapFunctions shap_functions();  // of this processor

}  // namespace fettle::model::tree
