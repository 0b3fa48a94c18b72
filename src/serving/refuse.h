// A request that its sender has to mend. Private to the module.
#pragma once

#include <string>
#include <utility>

#include "base/result.h"

namespace fettle::serving {

[[nodiscard]] inline std::unexpected<Error> refuse(std::string message) {
  return fail(Code::InvalidArgument, std::move(message));
}

}  // namespace fettle::serving
