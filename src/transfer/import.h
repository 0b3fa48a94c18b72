// One import from beginning to end: what a source has goes to a target, in batches, with its artifacts; then both are
// compared.
//
// Going on after an interruption needs no state here: the target remembers what it has (marks), and writing again what
// it has changes nothing. A conflict is counted and named and the import goes on with the rest.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "base/result.h"
#include "transfer/apply.h"
#include "transfer/locations.h"
#include "transfer/source.h"

namespace fettle::transfer {

class Target {  // A Fettle server as an import sees it.
 public:
  virtual ~Target() = default;
  [[nodiscard]] virtual Result<std::vector<Applied>> apply(const std::string& batch, const std::string& suffix) = 0;
  [[nodiscard]] virtual Result<std::map<std::string, std::string>> marks(const std::string& kind,
                                                                         const std::vector<std::string>& ids) = 0;
  // By id; without those that are not there. Kinds: experiment, logged_model, run, registered_model; points (of a run;
  // always there); artifacts (below an artifact path; always there).
  [[nodiscard]] virtual Result<std::map<std::string, std::string>> digests(const std::string& kind,
                                                                           const std::vector<std::string>& ids) = 0;
  [[nodiscard]] virtual Result<void> put_artifact(const std::string& path, const std::string& file) = 0;
};

struct ImportOptions {
  Copying artifacts = Copying::Own;
  std::string suffix;  // for names and ids that are taken; empty: they are conflicts
};

struct Progress {
  std::string what;                   // "runs"
  std::uint64_t done = 0, total = 0;  // total 0: unknown
  std::uint64_t points = 0, bytes = 0;
};
using Report = std::function<void(const Progress&)>;

struct Tally {
  std::uint64_t created = 0, updated = 0, unchanged = 0, kept = 0, conflicts = 0;
};
struct Summary {
  std::map<std::string, Tally> kinds;              // experiment, logged_model, run, registered_model
  std::uint64_t points = 0, files = 0, bytes = 0;  // sent
  std::uint64_t elsewhere = 0;                     // owners whose artifacts are left where they are,
  std::string elsewhere_example;                   // one of these places
  std::vector<std::string> conflicts, mapped;      // in words
};
// What is known to be the same on both sides, and the first differences in words.
struct Comparison {
  struct Count {
    std::uint64_t source = 0, same = 0;
  };
  std::map<std::string, Count> kinds;  // also points, artifacts
  std::uint64_t differing = 0;
  std::vector<std::string> differences;  // at most kMostDifferences
};
inline constexpr std::size_t kMostDifferences = 20;

[[nodiscard]] Result<Summary> run_import(Source& source, Files& files, Target& target, const ImportOptions& options,
                                         const Report& report);
// What an import would do; writes nothing.
[[nodiscard]] Result<Summary> plan_import(Source& source, Target& target, const ImportOptions& options,
                                          const Report& report);
[[nodiscard]] Result<Comparison> compare(Source& source, Files& files, Target& target, const ImportOptions& options,
                                         const Report& report);

// Digest of a tree of files: by path, each with its SHA-256.
[[nodiscard]] std::string tree_digest(const std::map<std::string, std::string>& files);

}  // namespace fettle::transfer
