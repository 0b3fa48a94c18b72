#include "serving/json_values.h"

#include <limits>

namespace fettle::serving {

std::optional<double> read_number(ondemand::value& value) noexcept {
  double number = 0;
  if (value.get_double().get(number) == simdjson::SUCCESS) return number;
  constexpr auto kInfinity = std::numeric_limits<double>::infinity();
  const auto token = text::trim(value.raw_json_token());
  if (token == "null" || token == "NaN") return std::numeric_limits<double>::quiet_NaN();
  if (token == "Infinity") return kInfinity;
  if (token == "-Infinity") return -kInfinity;
  if (token == "true") return 1;
  if (token == "false") return 0;
  return std::nullopt;
}

std::optional<std::string_view> read_text(ondemand::value& value) noexcept {
  std::string_view text;
  if (value.get_string().get(text) == simdjson::SUCCESS) return text;
  if (text::trim(value.raw_json_token()) == "null") return std::string_view();
  return std::nullopt;
}

std::string_view kind_of(ondemand::value& value) noexcept {
  const auto token = value.raw_json_token();
  switch (token.empty() ? ' ' : token.front()) {
    case '{':
      return "an object";
    case '[':
      return "a list";
    case '"':
      return "text";
    case 't':
    case 'f':
      return "true or false";
    case 'n':
      return "null";
    default:
      return "a number";
  }
}

}  // namespace fettle::serving
