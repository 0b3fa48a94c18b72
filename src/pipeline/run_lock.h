// One pipeline run at a time in a project, also after a run that was killed.
//
// The lock file's descriptor is inherited by the steps: when a run dies without ending its step (kill -9), the step
// still holds the lock, and would still be writing outs. The next run finds such orphans by the lock file that they
// have open, ends them, and only then goes on.
#pragma once

#include <string>

#include "base/result.h"

namespace fettle::pipeline {

class RunLock {
 public:
  // `path` is the lock file; its folder exists. FailedPrecondition, with the process's id, if another run lives.
  [[nodiscard]] static Result<RunLock> acquire(const std::string& path);
  RunLock(RunLock&& other) noexcept;
  RunLock& operator=(RunLock&&) = delete;
  ~RunLock();

 private:
  explicit RunLock(int fd) : fd_(fd) {}
  int fd_;
};

}  // namespace fettle::pipeline
