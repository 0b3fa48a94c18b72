// A metric's history as a picture of one line: "▁▃▄▆▇█".
#pragma once

#include <map>
#include <span>
#include <string>

#include "base/result.h"
#include "json/value.h"

namespace fettle::cli {

// One bar a value between the lowest and the highest; "·" for what is no number. Empty for fewer than two values.
[[nodiscard]] std::string sparkline(std::span<const double> values);

// Pictures of a run's metrics by key, by step; those of one point have none.
[[nodiscard]] Result<std::map<std::string, std::string>> histories_of(const std::string& server,
                                                                      const json::Value& run);

}  // namespace fettle::cli
