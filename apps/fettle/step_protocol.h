// What a built-in step says to the pipeline that started it: lines on standard output.
//
//   ::fettle progress <fraction> <text>     fraction from 0 to 1, or -1 for unknown
//   ::fettle error <message as a JSON text> last; the exit code is that of the error
// Any other line is output for people.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace fettle::cli {

struct StepProgress {
  double fraction = -1;
  std::string_view text;
};

[[nodiscard]] std::string progress_line(double fraction, std::string_view text);  // without the line's end
[[nodiscard]] std::string error_line(std::string_view message);
[[nodiscard]] std::optional<StepProgress> parse_progress(std::string_view line);
[[nodiscard]] std::optional<std::string> parse_error(std::string_view line);
[[nodiscard]] Code code_of_exit(int exit_code);  // Internal for one that no error has

}  // namespace fettle::cli
