// The request target: path and query, percent-decoded, refused where a path could escape. Pure; private to the module.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "http/message.h"

namespace fettle::http {

struct Target {
  std::string path;
  Pairs query;
};
// InvalidArgument for bad percent-encoding and for paths with "..", NUL or a backslash, encoded or not.
[[nodiscard]] Result<Target> parse_target(std::string_view target);

}  // namespace fettle::http
