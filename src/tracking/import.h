// Writing and reading what is moved from another server: given ids, given times, deleted state kept.
//
// These run inside a transaction of the caller, so that a batch of records is written as one. They check no name: the
// other server has accepted it. A record that exists is replaced whole, except for a run's metric points, which are
// added to those that are there.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "sql/database.h"
#include "tracking/records.h"

namespace fettle::tracking {

// nullopt: there is none of that id.
[[nodiscard]] Result<std::optional<Experiment>> stored_experiment(sql::Session& session, const std::string& id);
[[nodiscard]] Result<std::optional<Run>> stored_run(sql::Session& session, const std::string& id);
[[nodiscard]] Result<std::optional<LoggedModel>> stored_model(sql::Session& session, const std::string& id);

// AlreadyExists if another experiment has the name.
[[nodiscard]] Result<void> import_experiment(sql::Session& session, const Experiment& experiment);
// What a new experiment is called by: above all numbers here, but for those of 18 digits that file stores gave.
[[nodiscard]] Result<std::int64_t> free_experiment_number(sql::Session& session);
[[nodiscard]] Result<bool> has_runs(sql::Session& session, const std::string& experiment);
// NotFound if there is no such experiment. `deleted_ms` counts for a deleted run.
[[nodiscard]] Result<void> import_run(sql::Session& session, const Run& run, std::int64_t deleted_ms);
// Points of one run, also of a deleted one. NotFound if there is no such run.
[[nodiscard]] Result<void> import_points(sql::Session& session, const std::string& run,
                                         const std::vector<Metric>& points);
[[nodiscard]] Result<void> import_model(sql::Session& session, const LoggedModel& model);

}  // namespace fettle::tracking
