// Text: one out-of-line formatter (direct std::format costs 1.7 s of compile time a file), and small string tools.
#pragma once

#include <cstdint>
#include <format>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace fettle::text {

[[nodiscard]] std::string vformat(std::string_view pattern, std::format_args arguments);

template <typename... T>
[[nodiscard]] std::string format(std::format_string<T...> pattern, T&&... arguments) {
  return text::vformat(pattern.get(), std::make_format_args(arguments...));
}

[[nodiscard]] std::vector<std::string> split(std::string_view text, char separator);
[[nodiscard]] std::string join(const std::vector<std::string>& parts, std::string_view separator);
[[nodiscard]] std::string_view trim(std::string_view text);
[[nodiscard]] std::string lower(std::string_view text);
[[nodiscard]] bool is_utf8(std::string_view text) noexcept;

// The whole text must be the number.
[[nodiscard]] std::optional<std::int64_t> parse_int(std::string_view text) noexcept;
[[nodiscard]] std::optional<double> parse_double(std::string_view text) noexcept;

// Shortest text that reads back as the same double; "NaN", "Infinity", "-Infinity" for the rest.
[[nodiscard]] std::string number(double value);

[[nodiscard]] std::string hex(std::string_view bytes);
[[nodiscard]] std::string base64(std::string_view bytes);
[[nodiscard]] std::optional<std::string> from_base64(std::string_view text);
[[nodiscard]] std::string human_bytes(std::uint64_t bytes);  // "13.5 MB"
[[nodiscard]] std::string human_count(std::uint64_t count);  // "3,000,000"

// The candidate closest to `word` by edit distance, if close enough to be what was meant.
[[nodiscard]] std::optional<std::string> closest(std::string_view word, const std::vector<std::string>& candidates);

}  // namespace fettle::text
