// The system's errno as an Error: names the path, the reason and, where one is known, the next step.
#pragma once

#include <expected>
#include <string>
#include <string_view>

#include "base/result.h"

namespace fettle::os {

// "cannot <verb> '<path>': <reason>"; call right after the failed system call.
[[nodiscard]] std::unexpected<Error> system_error(std::string_view verb, const std::string& path);

}  // namespace fettle::os
