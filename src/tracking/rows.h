// Rows of the module's tables as records, and the checks that most writes begin with. Private to the module.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "sql/database.h"
#include "tracking/points.h"
#include "tracking/records.h"
#include "tracking/transaction.h"

namespace fettle::tracking {

struct Table {  // one with keys and values of an owner
  std::string_view select, upsert;
};
extern const Table kExperimentTags, kRunTags, kRunParams, kModelTags, kModelParams;

[[nodiscard]] Result<std::int64_t> experiment_number(const ExperimentId& id);  // InvalidArgument, not a number
[[nodiscard]] Result<std::vector<KeyValue>> load_pairs(sql::Session& session, const Table& table, std::int64_t owner);
[[nodiscard]] Result<void> put_pair(sql::Session& session, const Table& table, std::int64_t owner,
                                    const KeyValue& pair);
// Last value wins; used for tags.
[[nodiscard]] Result<void> put_pairs(sql::Session& session, const Table& table, std::int64_t owner,
                                     const std::vector<KeyValue>& pairs);

[[nodiscard]] Result<std::optional<Experiment>> find_experiment(sql::Session& session, std::string_view condition,
                                                                const sql::Parameter& value);
[[nodiscard]] Result<Experiment> need_experiment(sql::Session& session, const ExperimentId& id);
[[nodiscard]] Result<Experiment> need_active_experiment(sql::Session& session, const ExperimentId& id);

// With their tags, in the order of `rows`, none of which may be there twice.
[[nodiscard]] Result<std::vector<Experiment>> load_experiments(sql::Session& session,
                                                               std::span<const std::int64_t> rows);

struct RunRow {
  std::int64_t row = 0;
  RunInfo info;
};
[[nodiscard]] Result<RunRow> need_run(sql::Session& session, const RunId& id);
[[nodiscard]] Result<RunRow> need_active_run(sql::Session& session, const RunId& id);
[[nodiscard]] Result<Run> load_run(sql::Session& session, std::int64_t row);
// Runs with all that belongs to them, in the order of `rows`, none of which may be there twice.
[[nodiscard]] Result<std::vector<Run>> load_runs(sql::Session& session, std::span<const std::int64_t> rows);

[[nodiscard]] Result<void> check_metrics(const std::vector<Metric>& metrics);

struct NewPoints {  // of one key of a batch, ready to be stored; borrows from the batch
  std::string_view key;
  std::vector<Point> points;  // in order, none twice
  Point latest;               // by step, time, value
  std::vector<const Metric*> of_models;
};
[[nodiscard]] std::vector<NewPoints> by_key(const std::vector<Metric>& metrics);
[[nodiscard]] Result<void> put_metrics(sql::Session& session, const RunRow& run, const std::vector<NewPoints>& metrics);
// The number of a metric's key; it is made if `create`, else 0 for an unknown one.
[[nodiscard]] Result<std::int64_t> metric_key(sql::Session& session, std::string_view key, bool create);

}  // namespace fettle::tracking
