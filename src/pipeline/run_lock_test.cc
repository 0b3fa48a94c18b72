#include "pipeline/run_lock.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>

#include "os/file.h"

namespace fettle::pipeline {
namespace {

using ::testing::HasSubstr;

// A process that holds the lock and whose child inherits it; it tells the child's id through a pipe and waits.
struct Holder {
  pid_t runner = 0, step = 0;
};

Holder start_holder(const std::string& path) {
  std::array<int, 2> ends{};
  EXPECT_EQ(::pipe(ends.data()), 0);
  Holder out;
  out.runner = ::fork();
  if (out.runner == 0) {
    const auto held = RunLock::acquire(path);
    const pid_t step = ::fork();
    if (step == 0)
      for (;;) ::pause();
    if (!held || ::write(ends[1], &step, sizeof step) != sizeof step) ::_exit(1);
    for (;;) ::pause();
  }
  EXPECT_EQ(::read(ends[0], &out.step, sizeof out.step), static_cast<ssize_t>(sizeof out.step));
  ::close(ends[0]);
  ::close(ends[1]);
  return out;
}

TEST(RunLock, OneRunAtATimeAndOrphansOfAKilledOneAreEnded) {
  const auto folder = *os::TempFolder::create();
  const auto path = folder.path() + "/run.lock";
  const auto holder = start_holder(path);
  const auto refused = RunLock::acquire(path);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::FailedPrecondition);
  EXPECT_THAT(refused.error().message, HasSubstr("(process " + std::to_string(holder.runner) + ")"));
  EXPECT_EQ(::kill(holder.step, 0), 0) << "a living run's steps are left alone";

  ::kill(holder.runner, SIGKILL);
  ::waitpid(holder.runner, nullptr, 0);
  const auto taken = RunLock::acquire(path);
  ASSERT_TRUE(taken) << taken.error().message;
}

TEST(RunLock, IsFreeAgainWhenLetGo) {
  const auto folder = *os::TempFolder::create();
  const auto path = folder.path() + "/run.lock";
  {
    ASSERT_TRUE(RunLock::acquire(path));
  }
  EXPECT_TRUE(RunLock::acquire(path));
}

}  // namespace
}  // namespace fettle::pipeline
