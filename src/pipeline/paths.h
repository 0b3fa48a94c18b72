// Paths of deps and outs: relative to the project's folder, '/' between parts, without ".", ".." or empty parts.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace fettle::pipeline {

// InvalidArgument if the path is empty, absolute or leads out of the project.
[[nodiscard]] Result<std::string> normal_path(std::string_view path);
[[nodiscard]] bool overlap(std::string_view a, std::string_view b) noexcept;  // equal, or one holds the other

}  // namespace fettle::pipeline
