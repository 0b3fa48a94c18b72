// Child processes and signals.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace fettle::os {

struct Command {
  std::vector<std::string> argv;                   // argv[0] is looked up on PATH
  std::string folder;                              // working folder; empty = inherit
  std::map<std::string, std::string> environment;  // added to the inherited one
};

struct Exit {
  int code = 0;        // 128 + signal if killed by one
  std::string output;  // stdout and stderr together, in order (last 1 MiB)
};

// Runs to the end. `on_line` sees each line of output as it comes. NotFound if the program does not exist.
// `cancelled` is polled every 50 ms; when true the whole process group gets SIGTERM, then SIGKILL after 5 s.
[[nodiscard]] Result<Exit> run(const Command& command, const std::function<void(std::string_view)>& on_line = {},
                               const std::function<bool()>& cancelled = {});

// Ends every process, other than this one, that has NAME=VALUE in its environment: what a program that died had
// started, and all that these started, however far apart. SIGTERM, then SIGKILL to those that live after `grace_ms`.
// Returns once all are gone, with how many there were; Unavailable if one will not go.
[[nodiscard]] Result<std::size_t> end_marked(const std::string& name, const std::string& value, int grace_ms = 5000);

[[nodiscard]] std::string executable_path();  // of this process
[[nodiscard]] std::optional<std::string> environment(const std::string& name);

// A write beyond the limit on a file's size fails as one on a full disk, instead of ending the process. Call first in
// main.
void fail_oversized_writes();
// Blocks SIGINT and SIGTERM for all threads created later. Call first in main.
void block_stop_signals();
// Waits for SIGINT or SIGTERM (after block_stop_signals) and returns its number.
int wait_for_stop_signal();
[[nodiscard]] std::uint64_t resident_bytes();  // of this process, from /proc

}  // namespace fettle::os
