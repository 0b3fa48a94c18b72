// The rules of names and values, in MLflow's words. Pure. `where` is how a message calls the value: "metrics[3].key".
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace fettle::tracking {

inline constexpr std::size_t kMaxKey = 250;
inline constexpr std::size_t kMaxParamValue = 6000;  // longer ones are cut
inline constexpr std::size_t kMaxTagValue = 8000;    // longer ones are cut
inline constexpr std::size_t kMaxExperimentTagValue = 20'000;

// 'Invalid value "x" for parameter 'where' supplied: why'
[[nodiscard]] std::unexpected<Error> invalid_value(std::string_view where, std::string_view value,
                                                   std::string_view why);
// Key of a metric, param or tag: word characters, '/', '-', '.', ':' and spaces; equal to its own normalised path.
[[nodiscard]] Result<void> check_key(std::string_view where, std::string_view key);
[[nodiscard]] Result<void> check_length(std::string_view where, std::string_view value, std::size_t most);
[[nodiscard]] Result<void> check_experiment_name(std::string_view name);
[[nodiscard]] Result<void> check_logged_model_name(std::string_view name);
// At most `most` bytes, cut between UTF-8 characters.
[[nodiscard]] std::string cut(std::string_view value, std::size_t most);
// "merciful-heron-417"
[[nodiscard]] std::string made_up_name(std::uint64_t random);

}  // namespace fettle::tracking
