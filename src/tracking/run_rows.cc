// Whole runs, many at a time: one statement for all rows of a table, in key order, instead of several for each run.
#include <algorithm>
#include <limits>
#include <unordered_map>

#include "tracking/by_row.h"
#include "tracking/query.h"
#include "tracking/rows.h"

namespace fettle::tracking {
namespace {

using sql::Row;
using sql::Session;

using Numbers = std::vector<std::int64_t>;

std::optional<std::string> text_or_null(const Row& row, int column) {
  return row.is_null(column) ? std::nullopt : std::optional(std::string(row.text(column)));
}

RunInfo info_of(const Row& row) {
  RunInfo info;
  info.id = RunId(std::string(row.text(1)));
  info.experiment = ExperimentId(std::to_string(row.integer(2)));
  info.name = row.text(3);
  info.user = row.text(4);
  info.status = static_cast<RunStatus>(row.integer(5));
  info.start_ms = row.integer(6);
  if (!row.is_null(7)) info.end_ms = row.integer(7);
  info.stage = static_cast<Stage>(row.integer(8));
  info.artifact_uri = row.text(9);
  return info;
}

DatasetInput dataset_of(const Row& row) {
  return {{std::string(row.text(2)), std::string(row.text(3)), std::string(row.text(4)), std::string(row.text(5)),
           text_or_null(row, 6), text_or_null(row, 7)},
          {}};
}

class Loader {  // of some runs
 public:
  Loader(Session& session, ByRow<Run>& runs) : session_(session), runs_(runs) {}

  Result<void> load() {
    FETTLE_TRY_(each(
        "SELECT id, run_id, experiment, name, user_id, status, start_ms, end_ms, stage, artifact_uri FROM runs WHERE "
        "id IN ",
        " ORDER BY id", [](Run& run, const Row& row) { run.info = info_of(row); }));
    FETTLE_TRY_(load_metrics());
    FETTLE_TRY_(load_pairs("SELECT run, key, value FROM run_params WHERE run IN ", &Run::params));
    FETTLE_TRY_(load_pairs("SELECT run, key, value FROM run_tags WHERE run IN ", &Run::tags));
    FETTLE_TRY_(load_datasets());
    FETTLE_TRY_(each("SELECT run, model FROM run_model_inputs WHERE run IN ", " ORDER BY run, id",
                     [](Run& run, const Row& row) { run.model_inputs.emplace_back(row.text(1)); }));
    return each("SELECT run, model, step FROM run_outputs WHERE run IN ", " ORDER BY run, id",
                [](Run& run, const Row& row) { run.outputs.push_back({std::string(row.text(1)), row.integer(2)}); });
  }

 private:
  // Rows must come by run, whose number is their first column.
  Result<void> each(std::string_view before, std::string_view after,
                    const std::function<void(Run&, const Row&)>& part) {
    const auto& rows = runs_.rows();
    std::size_t at = 0;
    return query_any_of(session_, before, rows, after, [&](const Row& row) {
      while (rows[at] < row.integer(0)) ++at;
      part(runs_.items()[at], row);
    });
  }

  Result<void> load_pairs(std::string_view before, std::vector<KeyValue> Run::* pairs) {
    return each(before, " ORDER BY run, key", [pairs](Run& run, const Row& row) {
      (run.*pairs).push_back({std::string(row.text(1)), std::string(row.text(2))});
    });
  }

  // The names of keys are joined here: there are few of them, whereas SQL would look one up for each row.
  Result<void> load_metrics() {
    Numbers keys;  // of all metrics in their order
    FETTLE_TRY_(each("SELECT run, key, value, is_nan, time_ms, step FROM latest_metrics WHERE run IN ",
                     " ORDER BY run, key", [&](Run& run, const Row& row) {
                       auto& metric = run.metrics.emplace_back();
                       metric.value = row.integer(3) != 0 ? std::numeric_limits<double>::quiet_NaN() : row.real(2);
                       metric.time_ms = row.integer(4);
                       metric.step = row.integer(5);
                       keys.push_back(row.integer(1));
                     }));
    FETTLE_TRY(const auto names, metric_names(keys));
    for (std::size_t next = 0; auto& run : runs_.items())
      for (auto& metric : run.metrics) metric.key = names.at(keys[next++]);
    return {};
  }

  Result<std::unordered_map<std::int64_t, std::string>> metric_names(Numbers keys) {
    std::ranges::sort(keys);
    keys.erase(std::ranges::unique(keys).begin(), keys.end());
    std::unordered_map<std::int64_t, std::string> out;
    for (std::size_t first = 0; first < keys.size(); first += kRowsAtOnce) {
      const auto begin = keys.begin() + static_cast<std::ptrdiff_t>(first);
      const Numbers some(begin, begin + static_cast<std::ptrdiff_t>(std::min(kRowsAtOnce, keys.size() - first)));
      FETTLE_TRY_(query_any_of(session_, "SELECT id, key FROM metric_keys WHERE id IN ", some, "",
                               [&](const Row& row) { out.emplace(row.integer(0), row.text(1)); }));
    }
    return out;
  }

  Result<void> load_datasets() {
    std::unordered_map<std::int64_t, std::size_t> places;  // of inputs in their run
    FETTLE_TRY_(each(
        "SELECT i.run, i.id, d.name, d.digest, d.source_type, d.source, d.schema, d.profile FROM run_inputs i JOIN "
        "datasets d ON d.id = i.dataset WHERE i.run IN ",
        " ORDER BY i.run, i.id", [&](Run& run, const Row& row) {
          places.emplace(row.integer(1), run.datasets.size());
          run.datasets.push_back(dataset_of(row));
        }));
    if (places.empty()) return {};
    return each(
        "SELECT i.run, t.input, t.key, t.value FROM run_inputs i JOIN input_tags t ON t.input = i.id WHERE i.run IN ",
        " ORDER BY i.run, t.input, t.key", [&](Run& run, const Row& row) {
          run.datasets[places.at(row.integer(1))].tags.push_back({std::string(row.text(2)), std::string(row.text(3))});
        });
  }

  Session& session_;
  ByRow<Run>& runs_;
};

}  // namespace

Result<std::vector<Run>> load_runs(Session& session, std::span<const std::int64_t> rows) {
  return load_in_order<Run>(rows, [&](ByRow<Run>& runs) { return Loader(session, runs).load(); });
}

Result<Run> load_run(Session& session, std::int64_t row) {
  FETTLE_TRY(auto runs, load_runs(session, std::span(&row, 1)));
  return std::move(runs.front());
}

}  // namespace fettle::tracking
