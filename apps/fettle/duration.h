// Lengths of time as people write them: "30d", "1d12h", "90m", "45s".
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace fettle::cli {

// Milliseconds. InvalidArgument, which names `option`, for anything else, and for more than a hundred years.
[[nodiscard]] Result<std::int64_t> parse_duration(std::string_view text, std::string_view option);
[[nodiscard]] std::string duration_in_words(std::int64_t ms);  // "30d", "1d12h"; "0s"

}  // namespace fettle::cli
