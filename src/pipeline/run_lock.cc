#include "pipeline/run_lock.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "base/text.h"
#include "os/errors.h"
#include "os/file.h"

namespace fettle::pipeline {
namespace {

bool has_open(std::int64_t pid, const struct ::stat& wanted) {
  const auto folder = text::format("/proc/{}/fd", pid);
  const auto names = os::list_names(folder);
  if (!names) return false;  // ended meanwhile, or another user's
  return std::ranges::any_of(*names, [&](const std::string& name) {
    struct ::stat status{};
    return ::stat(text::format("{}/{}", folder, name).c_str(), &status) == 0 && status.st_ino == wanted.st_ino &&
           status.st_dev == wanted.st_dev;
  });
}

// Processes other than this one that have the lock file open.
std::vector<std::int64_t> holders(int fd) {
  struct ::stat wanted{};
  std::vector<std::int64_t> out;
  const auto names = os::list_names("/proc");
  if (!names || ::fstat(fd, &wanted) != 0) return out;
  for (const auto& name : *names) {
    const auto pid = text::parse_int(name);
    if (pid && *pid != ::getpid() && has_open(*pid, wanted)) out.push_back(*pid);
  }
  return out;
}

Result<void> end_orphans(int fd, const std::string& path) {
  const auto text = os::read_file(path);
  const auto runner = text::parse_int(text::trim(text ? std::string_view(*text) : std::string_view()));
  const auto pids = holders(fd);
  if (!runner || std::ranges::contains(pids, *runner))
    return fail(Code::FailedPrecondition,
                text::format("another `fettle pipeline run`{} is at work in this project; wait until it has ended",
                             runner ? text::format(" (process {})", *runner) : ""));
  for (const auto pid : pids) ::kill(static_cast<pid_t>(pid), SIGKILL);
  return {};
}

Result<void> lock(int fd, const std::string& path) {
  if (::flock(fd, LOCK_EX | LOCK_NB) != 0) {
    FETTLE_TRY_(end_orphans(fd, path));
    if (::flock(fd, LOCK_EX) != 0) return os::system_error("lock", path);  // killed processes let go at once
  }
  const auto text = text::format("{}\n", ::getpid());
  if (::ftruncate(fd, 0) != 0 || ::pwrite(fd, text.data(), text.size(), 0) < 0) return os::system_error("write", path);
  return {};
}

}  // namespace

Result<RunLock> RunLock::acquire(const std::string& path) {
  const int fd = ::open(path.c_str(), O_RDWR | O_CREAT, 0644);  // not O_CLOEXEC: steps inherit it
  if (fd < 0) return os::system_error("lock", path);
  RunLock held(fd);
  FETTLE_TRY_(lock(fd, path));
  return held;
}

RunLock::RunLock(RunLock&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
RunLock::~RunLock() {
  if (fd_ >= 0) ::close(fd_);
}

}  // namespace fettle::pipeline
