#include "duration.h"

#include <array>
#include <utility>

#include "base/text.h"

namespace fettle::cli {
namespace {

constexpr std::int64_t kSecondMs = 1000;
constexpr std::array<std::pair<char, std::int64_t>, 4> kUnits{
    {{'d', 86'400 * kSecondMs}, {'h', 3600 * kSecondMs}, {'m', 60 * kSecondMs}, {'s', kSecondMs}}};
constexpr std::int64_t kMostMs = 36'525 * kUnits[0].second;

}  // namespace

Result<std::int64_t> parse_duration(std::string_view text, std::string_view option) {
  const auto wrong = [&, whole = text] {
    return fail(Code::InvalidArgument,
                text::format("{} takes a length of time such as 30d, 12h, 1d12h, 90m or 45s, not '{}'", option, whole));
  };
  std::int64_t out = 0;
  std::size_t unit = 0;  // each at most once, from the largest down
  do {
    const auto digits = text.find_first_not_of("0123456789");
    const auto number = digits == std::string_view::npos ? std::nullopt : text::parse_int(text.substr(0, digits));
    while (number && unit < kUnits.size() && kUnits[unit].first != text[digits]) ++unit;
    if (!number || unit == kUnits.size() || *number > (kMostMs - out) / kUnits[unit].second) return wrong();
    out += *number * kUnits[unit++].second;
    text.remove_prefix(digits + 1);
  } while (!text.empty());
  return out;
}

std::string duration_in_words(std::int64_t ms) {
  std::string out;
  for (const auto& [letter, unit] : kUnits) {
    if (ms / unit > 0) out += text::format("{}{}", ms / unit, letter);
    ms %= unit;
  }
  return out.empty() ? "0s" : out;
}

}  // namespace fettle::cli
