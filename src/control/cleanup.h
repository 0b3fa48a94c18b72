// One clean-up of a server: what was deleted long ago is removed for good, then every object that nobody refers to.
//
// In this order, each step bounded in its transactions and repeatable after a kill: bundles of deleted model versions,
// records (tracking::Retention), objects (tracking::Artifacts::collect), uploads in parts and spooled bodies that
// nobody came back for. What stays although it is old is told with its reason:
// - a run or logged model that a model version names, or that a bundle in use was made from; its experiment;
// - the files of every bundle that a version names, an endpoint or a running rollout has, or whose version is not
//   deleted; a bundle that cannot be read stops the removal of objects, since nobody knows what it needs.
// While a backup is being fetched no object is removed. Blocks on SQL and disk; one run at a time (cleaner.h).
#pragma once

#include <boost/describe.hpp>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "blob/store.h"
#include "control/loop.h"
#include "control/store.h"
#include "tracking/retention.h"
#include "tracking/uploads.h"

namespace fettle::control {

struct CleanupParts {  // borrowed; all outlive the run
  sql::Database& database;
  tracking::Artifacts& artifacts;
  const tracking::ArtifactRoots& roots;
  tracking::Uploads& uploads;
  blob::Store& blobs;     // where bundles are
  blob::Objects* remote;  // where artifacts are, if not among the blobs
  Store& records;
  Loop& loop;
  const Clock& clock;
  std::string spool, cache;  // folders: bodies on their way, unpacked bundles
  // Does a removal of an object, or returns false while objects must stay (a backup is being fetched).
  std::function<Result<bool>(const std::function<Result<void>()>& removal)> guard;
};

struct CleanupRequest {
  static constexpr std::int64_t kOlderThanMs = 30 * kDayMs;
  static constexpr std::int64_t kUnusedForMs = kDayMs / 24;
  bool dry_run = false;
  std::int64_t older_than_ms = kOlderThanMs;  // deleted longer ago than this: until then it can be restored
  std::int64_t unused_for_ms = kUnusedForMs;  // objects; less than an hour only where nobody is sending any
};
BOOST_DESCRIBE_STRUCT(CleanupRequest, (), (dry_run, older_than_ms, unused_for_ms))

struct KeptThing {
  std::string kind, id, why;
};
BOOST_DESCRIBE_STRUCT(KeptThing, (), (kind, id, why))

struct CleanupReport {
  CleanupRequest request;
  std::string state = "running";  // "done", "failed"
  std::string doing;              // while it runs: "bundles", "records", "objects", "leftovers"
  std::string error;              // of one that failed
  std::int64_t started_ms = 0, finished_ms = 0;
  std::int64_t experiments = 0, runs = 0, logged_models = 0, bundles = 0, artifacts = 0;
  std::int64_t objects = 0, bytes = 0, uploads = 0, spooled = 0;
  std::string objects_stay;  // why not all objects were looked at; empty if they were
  std::int64_t kept = 0;     // of which `kept_things` has the first thousand
  std::vector<KeptThing> kept_things;
};
BOOST_DESCRIBE_STRUCT(CleanupReport, (),
                      (request, state, doing, error, started_ms, finished_ms, experiments, runs, logged_models, bundles,
                       artifacts, objects, bytes, uploads, spooled, objects_stay, kept, kept_things))

// `report` begins with the request and the time. `step` is given the report now and then; an error from it ends the
// run.
[[nodiscard]] Result<void> clean_up(const CleanupParts& parts, CleanupReport& report,
                                    const std::function<Result<void>(const CleanupReport&)>& step);

}  // namespace fettle::control
