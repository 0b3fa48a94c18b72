// Scalars of on-demand JSON, shared by the two request readers. Private to the module.
#pragma once

#include <simdjson.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/text.h"

namespace fettle::serving {

namespace ondemand = simdjson::ondemand;

[[nodiscard]] inline std::unexpected<Error> json_error(simdjson::error_code code, std::string_view where) {
  return fail(Code::InvalidArgument, text::format("{}: {}", where, simdjson::error_message(code)));
}

// FETTLE_JSON(value.get(x), where): returns an InvalidArgument unless simdjson succeeded.
#define FETTLE_JSON(call, where) \
  if (const auto fettle_json = (call); fettle_json != simdjson::SUCCESS) return json_error(fettle_json, where)

// A number, or NaN for null; also NaN, Infinity and -Infinity as Python writes them. nullopt if it is none of these.
[[nodiscard]] std::optional<double> read_number(ondemand::value& value) noexcept;
// A text, or a view without data for null. nullopt if it is neither.
[[nodiscard]] std::optional<std::string_view> read_text(ondemand::value& value) noexcept;
// "a number" or the like, for messages.
[[nodiscard]] std::string_view kind_of(ondemand::value& value) noexcept;

}  // namespace fettle::serving
