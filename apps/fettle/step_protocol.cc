#include "step_protocol.h"

#include <algorithm>

#include "base/text.h"
#include "json/value.h"

namespace fettle::cli {
namespace {

constexpr std::string_view kProgress = "::fettle progress ";
constexpr std::string_view kError = "::fettle error ";

}  // namespace

std::string progress_line(double fraction, std::string_view text) {
  std::string one_line(text);
  std::ranges::replace(one_line, '\n', ' ');
  return text::format("{}{:.4f} {}", kProgress, fraction, one_line);
}

std::string error_line(std::string_view message) { return std::string(kError) + json::dump(json::Value(message)); }

std::optional<StepProgress> parse_progress(std::string_view line) {
  if (!line.starts_with(kProgress)) return std::nullopt;
  line.remove_prefix(kProgress.size());
  const auto space = std::min(line.find(' '), line.size());
  const auto fraction = text::parse_double(line.substr(0, space));
  if (!fraction) return std::nullopt;
  return StepProgress{*fraction, line.substr(std::min(space + 1, line.size()))};
}

std::optional<std::string> parse_error(std::string_view line) {
  if (!line.starts_with(kError)) return std::nullopt;
  const auto message = json::parse(line.substr(kError.size()));
  if (!message || !message->is_string()) return std::nullopt;
  return message->as_string();
}

Code code_of_exit(int exit_code) {
  for (int c = 0; c <= static_cast<int>(Code::Internal); ++c)
    if (info(static_cast<Code>(c)).exit_code == exit_code) return static_cast<Code>(c);
  return Code::Internal;
}

}  // namespace fettle::cli
