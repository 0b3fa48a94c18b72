// `fettle restore`: a data folder made from a backup.
#pragma once

#include "base/result.h"
#include "server_verb.h"

namespace fettle::cli {

// FailedPrecondition unless the data folder is empty or missing; DataLoss if the backup is damaged, before anything is
// written. The folder gets its name last, so that a restore that was cut off leaves no half server.
[[nodiscard]] Result<void> restore(const RestoreOptions& options, Output& output);

}  // namespace fettle::cli
