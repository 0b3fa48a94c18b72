// A run's values, to be compared with another's.
#pragma once

#include "comparison.h"
#include "json/value.h"

namespace fettle::cli {

[[nodiscard]] Values values_of_run(const json::Value& run);  // "params.*", "metrics.*", "tags.*", "code.*", "data.*"

}  // namespace fettle::cli
