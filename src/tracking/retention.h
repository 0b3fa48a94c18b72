// Removal for good of what was deleted long ago: runs, logged models and experiments, with all that belongs to them.
//
// Deleting only marks; until its deletion is older than the retention it can be restored. Then, in two stages:
//   take    one transaction for some dozen entities: their rows go, or what cannot go at once stays as a remnant
//           (stage 2, under experiment -1), which nobody sees. Ids and names are free from then on.
//   sweep   remnants' artifact paths and metric points, which may be many, in transactions of bounded size.
// Invariants: (1) what somebody refers to (Referrers) stays; that is asked in the transaction that takes. (2) A remnant
// keeps its row number until no row refers to it. (3) An experiment's number is never given again. (4) Killed at any
// moment, the next run goes on. Objects are not touched: that is Artifacts::collect. Thread-safe, but one run at a
// time.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "base/result.h"
#include "sql/database.h"
#include "tracking/artifact_roots.h"

namespace fettle::tracking {

class Referrers {  // Who needs runs and logged models from outside of this module.
 public:
  virtual ~Referrers() = default;
  // Before the first why() of a transaction, inside it.
  [[nodiscard]] virtual Result<void> refresh(sql::Session& session) = 0;
  // Why a run or a logged model must stay, in words; empty if nobody needs it.
  [[nodiscard]] virtual std::string why(const std::string& id) const = 0;
  // The same of artifacts below a folder at the top, which is an experiment's.
  [[nodiscard]] virtual std::string why_folder(const std::string& name) const = 0;
};

struct Kept {
  std::string kind, id, why;  // kind: "run", "logged_model", "experiment", "artifacts" (id is then their URI)
};

struct Removed {
  static constexpr std::size_t kMostShown = 1000;
  std::int64_t experiments = 0, runs = 0, logged_models = 0;
  std::int64_t artifacts = 0;  // paths; of a dry run those of files in the server's own store
  std::int64_t kept = 0;
  std::vector<Kept> shown;  // the first of those kept
  // Of a dry run: how many paths would no longer lead to an object, by its digest in hex.
  std::map<std::string, std::int64_t> unlinked;

  void keep(std::string kind, std::string id, std::string why);
};

class Retention {
 public:
  Retention(sql::Database& database, Artifacts& artifacts, const ArtifactRoots& roots, Referrers& referrers) noexcept
      : database_(database), artifacts_(artifacts), roots_(roots), referrers_(referrers) {}

  // Removes what was deleted before `deleted_before_ms`; counts as it goes. With `dry_run` it changes nothing and
  // counts what it would remove. `step` is called between transactions; an error from it ends the run.
  [[nodiscard]] Result<void> remove(std::int64_t deleted_before_ms, bool dry_run, Removed& removed,
                                    const std::function<Result<void>()>& step);

 private:
  class Pass;
  sql::Database& database_;
  Artifacts& artifacts_;
  const ArtifactRoots& roots_;
  Referrers& referrers_;
};

}  // namespace fettle::tracking
