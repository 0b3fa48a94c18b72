// The server from start to stop.
#pragma once

#include "base/result.h"
#include "server_verb.h"

namespace fettle::cli {

// Answers until SIGINT or SIGTERM; FailedPrecondition if it would be reachable from other machines unasked.
[[nodiscard]] Result<void> serve(const ServerOptions& options);

}  // namespace fettle::cli
