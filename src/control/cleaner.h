// Runs clean-ups (cleanup.h) on a thread of its own: when asked, and every so often if so configured.
//
// One at a time. Thread-safe; no call blocks on a run but the destructor, which ends it between two of its
// transactions: what it has not come to, the next one does.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>

#include "base/result.h"
#include "control/cleanup.h"

namespace fettle::control {

struct CleanupSchedule {
  std::int64_t every_ms = 0;  // 0: only when asked. The first comes after this time, but at most ten minutes
  std::int64_t older_than_ms = CleanupRequest::kOlderThanMs;
};

class Cleaner {
 public:
  Cleaner(CleanupParts parts, CleanupSchedule schedule);
  ~Cleaner();
  // Begins a run; its report so far. Conflict while one runs; InvalidArgument for a negative time.
  [[nodiscard]] Result<CleanupReport> start(const CleanupRequest& request);
  // Of the run that is on, else of the last one; none since the server started: nullopt.
  [[nodiscard]] std::optional<CleanupReport> report() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace fettle::control
