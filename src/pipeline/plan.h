// What to do about one step, and why: decided from digests alone.
//
// Pure: the runner observes (keys, the lock, the cache, the files), asks decide(), acts and goes on. The same decision
// is what --explain shows.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "pipeline/graph.h"
#include "pipeline/lock.h"

namespace fettle::pipeline {

enum class Action : std::uint8_t {
  Skip,     // its outs are what its inputs give
  Restore,  // put back from the cache what these inputs gave before
  Run,
  Wait,  // only when nothing is run: it reads what an earlier step is yet to make
};

struct Decision {
  Action action = Action::Run;
  std::vector<std::string> reasons;  // each a part of a sentence: "dependency a.csv changed (1f3b.. -> 93c2..)"
};

struct Seen {
  std::string key;
  Inputs inputs;
  std::optional<Record> before;         // what the lock has for the step
  std::optional<Digests> cached;        // what these inputs gave before
  std::vector<std::string> outs;        // that the step declares
  Digests outs_now;                     // of those that are there
  bool forced = false, always = false;  // asked for on the command line; by the file
};

[[nodiscard]] Decision decide(const Seen& seen);
// What differs, in words; empty if nothing does.
[[nodiscard]] std::vector<std::string> differences(const Inputs& before, const Inputs& now);
[[nodiscard]] std::string describe(const Decision& decision);  // "runs: dependency a.csv changed (1f3b.. -> 93c2..)"
[[nodiscard]] std::string_view name(Action action) noexcept;   // "skip", "restore", "run", "wait"

}  // namespace fettle::pipeline
