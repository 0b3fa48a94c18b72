#include "os/process.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <climits>
#include <set>

#include "base/clock.h"
#include "base/text.h"
#include "os/errors.h"
#include "os/file.h"

extern char** environ;

namespace fettle::os {
namespace {

constexpr std::size_t kKeptOutput = 1U << 20U;
constexpr int kPollMs = 50;
constexpr std::int64_t kGraceMs = 5000;

std::vector<std::string> merged_environment(const std::map<std::string, std::string>& added) {
  std::vector<std::string> out;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string_view text = *entry;
    if (!added.contains(std::string(text.substr(0, text.find('='))))) out.emplace_back(text);
  }
  for (const auto& [name, value] : added) out.push_back(name + "=" + value);
  return out;
}

std::vector<char*> pointers(std::vector<std::string>& texts) {
  std::vector<char*> out;
  for (auto& text : texts) out.push_back(text.data());
  out.push_back(nullptr);
  return out;
}

// Keeps the tail of the output and hands whole lines on.
class Output {
 public:
  explicit Output(const std::function<void(std::string_view)>& on_line) : on_line_(on_line) {}
  void add(std::string_view bytes) {
    kept_ += bytes;
    if (kept_.size() > 2 * kKeptOutput) kept_.erase(0, kept_.size() - kKeptOutput);
    if (!on_line_) return;
    line_ += bytes;
    for (auto end = line_.find('\n'); end != std::string::npos; end = line_.find('\n')) {
      on_line_(std::string_view(line_).substr(0, end));
      line_.erase(0, end + 1);
    }
  }
  std::string finish() {
    if (on_line_ && !line_.empty()) on_line_(line_);
    if (kept_.size() > kKeptOutput) kept_.erase(0, kept_.size() - kKeptOutput);
    return std::move(kept_);
  }

 private:
  const std::function<void(std::string_view)>& on_line_;
  std::string kept_, line_;
};

Result<pid_t> spawn(const Command& command, int output) {
  auto arguments = command.argv;
  auto variables = merged_environment(command.environment);
  const auto argv = pointers(arguments);
  const auto envp = pointers(variables);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_adddup2(&actions, output, 1);
  posix_spawn_file_actions_adddup2(&actions, output, 2);
  if (!command.folder.empty()) posix_spawn_file_actions_addchdir_np(&actions, command.folder.c_str());
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  sigset_t none;
  sigemptyset(&none);
  posix_spawnattr_setsigmask(&attributes, &none);  // a parent that waits for signals has them blocked
  posix_spawnattr_setpgroup(&attributes, 0);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETPGROUP);
  pid_t pid = 0;
  const int error = ::posix_spawnp(&pid, argv[0], &actions, &attributes, argv.data(), envp.data());
  posix_spawn_file_actions_destroy(&actions);
  posix_spawnattr_destroy(&attributes);
  if (error == 0) return pid;
  errno = error;
  return system_error("run", command.folder.empty() ? command.argv[0] : command.argv[0] + "' in '" + command.folder);
}

}  // namespace

Result<Exit> run(const Command& command, const std::function<void(std::string_view)>& on_line,
                 const std::function<bool()>& cancelled) {
  if (command.argv.empty()) return fail(Code::InvalidArgument, "a command needs at least the program's name");
  std::array<int, 2> pipe_ends{};
  if (::pipe2(pipe_ends.data(), O_CLOEXEC) != 0) return system_error("open a pipe for", command.argv[0]);
  auto pid = spawn(command, pipe_ends[1]);
  ::close(pipe_ends[1]);
  if (!pid) {
    ::close(pipe_ends[0]);
    return fail(pid.error());
  }
  Output output(on_line);
  std::int64_t killed_at_ms = 0;
  std::array<char, 1U << 16U> buffer{};
  for (bool open = true; open;) {
    pollfd wait{pipe_ends[0], POLLIN, 0};
    if (::poll(&wait, 1, cancelled ? kPollMs : -1) > 0) {
      const auto got = ::read(pipe_ends[0], buffer.data(), buffer.size());
      if (got > 0) output.add({buffer.data(), static_cast<std::size_t>(got)});
      open = got > 0 || (got < 0 && errno == EINTR);
    }
    const auto now = system_clock().monotonic_ns() / 1'000'000;
    if (cancelled && killed_at_ms == 0 && cancelled()) {
      ::kill(-*pid, SIGTERM);
      killed_at_ms = now;
    }
    if (killed_at_ms != 0 && now - killed_at_ms > kGraceMs) ::kill(-*pid, SIGKILL);
  }
  ::close(pipe_ends[0]);
  int status = 0;
  while (::waitpid(*pid, &status, 0) < 0 && errno == EINTR) {
  }
  return Exit{WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status), output.finish()};
}

namespace {

constexpr int kLookAgainMs = 20;
constexpr std::int64_t kKillMs = 5000;  // what a killed process may take to go

// Processes other than this one whose environment has the entry; a dead one that nobody waited for has none.
std::vector<pid_t> marked(const std::string& entry) {
  std::vector<pid_t> out;
  const auto names = list_names("/proc");
  if (!names) return out;
  const auto wanted = std::string(1, '\0') + entry + '\0';
  for (const auto& name : *names) {
    const auto pid = text::parse_int(name);
    if (!pid || *pid == ::getpid()) continue;
    const auto environment = read_file(text::format("/proc/{}/environ", name));
    if (environment && (std::string(1, '\0') + *environment).contains(wanted)) out.push_back(static_cast<pid_t>(*pid));
  }
  return out;
}

}  // namespace

Result<std::size_t> end_marked(const std::string& name, const std::string& value, int grace_ms) {
  const auto entry = name + "=" + value;
  const auto now_ms = [] { return system_clock().monotonic_ns() / 1'000'000; };
  const auto kill_at_ms = now_ms() + grace_ms;
  std::set<pid_t> told;  // one that starts, or is about to become another program, may only show at a later look
  for (auto pids = marked(entry); !pids.empty(); pids = marked(entry)) {
    for (const auto pid : pids)
      if (told.insert(pid).second) ::kill(pid, SIGTERM);
    if (const auto now = now_ms(); now >= kill_at_ms) {
      for (const auto pid : pids) ::kill(pid, SIGKILL);
      if (now > kill_at_ms + kKillMs)
        return fail(Code::Unavailable, text::format("process {} does not end", pids.front()));
    }
    ::poll(nullptr, 0, kLookAgainMs);
  }
  return told.size();
}

std::string executable_path() {
  std::array<char, PATH_MAX> path{};
  const auto length = ::readlink("/proc/self/exe", path.data(), path.size());
  return length > 0 ? std::string(path.data(), static_cast<std::size_t>(length)) : "";
}

std::optional<std::string> environment(const std::string& name) {
  const char* value = ::getenv(name.c_str());
  return value == nullptr ? std::nullopt : std::optional<std::string>(value);
}

namespace {
sigset_t stop_signals() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGINT);
  sigaddset(&set, SIGTERM);
  return set;
}
}  // namespace

void fail_oversized_writes() { ::signal(SIGXFSZ, SIG_IGN); }

void block_stop_signals() {
  const auto set = stop_signals();
  ::pthread_sigmask(SIG_BLOCK, &set, nullptr);
  ::signal(SIGPIPE, SIG_IGN);
}

int wait_for_stop_signal() {
  const auto set = stop_signals();
  int number = 0;
  while (::sigwait(&set, &number) != 0) {
  }
  return number;
}

std::uint64_t resident_bytes() {
  const auto statm = read_file("/proc/self/statm");
  if (!statm) return 0;
  const auto fields = text::split(*statm, ' ');
  const auto pages = fields.size() > 1 ? text::parse_int(fields[1]) : std::nullopt;
  return static_cast<std::uint64_t>(pages.value_or(0)) * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
}

}  // namespace fettle::os
