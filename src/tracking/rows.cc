#include "tracking/rows.h"

#include "base/text.h"
#include "tracking/by_row.h"
#include "tracking/query.h"

namespace fettle::tracking {
namespace {

using sql::Row;
using sql::Session;

std::string text_of(const Row& row, int column) { return std::string(row.text(column)); }
constexpr std::string_view kExperiments =
    "SELECT id, name, artifact_location, stage, created_ms, updated_ms FROM experiments WHERE stage <> 2 AND";

Experiment experiment_of(const Row& row) {
  return {ExperimentId(std::to_string(row.integer(0))),
          text_of(row, 1),
          text_of(row, 2),
          static_cast<Stage>(row.integer(3)),
          row.integer(4),
          row.integer(5),
          {}};
}

RunRow run_of(const Row& row) {
  RunInfo info;
  info.id = RunId(text_of(row, 1));
  info.experiment = ExperimentId(std::to_string(row.integer(2)));
  info.name = text_of(row, 3);
  info.user = text_of(row, 4);
  info.status = static_cast<RunStatus>(row.integer(5));
  info.start_ms = row.integer(6);
  if (!row.is_null(7)) info.end_ms = row.integer(7);
  info.stage = static_cast<Stage>(row.integer(8));
  info.artifact_uri = text_of(row, 9);
  return {row.integer(0), std::move(info)};
}

Result<std::optional<RunRow>> find_run(Session& session, std::string_view condition, const sql::Parameter& value) {
  std::optional<RunRow> out;
  FETTLE_TRY_(
      session.query(text::format("SELECT id, run_id, experiment, name, user_id, status, start_ms, end_ms, stage, "
                                 "artifact_uri FROM runs WHERE stage <> 2 AND {} = ?",
                                 condition),
                    {value}, [&](const Row& row) {
                      out = run_of(row);
                      return false;
                    }));
  return out;
}

}  // namespace

const Table kExperimentTags{
    "SELECT key, value FROM experiment_tags WHERE experiment = ? ORDER BY key",
    "INSERT INTO experiment_tags VALUES(?, ?, ?) ON CONFLICT(experiment, key) DO UPDATE SET value = excluded.value"};
const Table kRunTags{"SELECT key, value FROM run_tags WHERE run = ? ORDER BY key",
                     "INSERT INTO run_tags VALUES(?, ?, ?) ON CONFLICT(run, key) DO UPDATE SET value = excluded.value"};
const Table kRunParams{
    "SELECT key, value FROM run_params WHERE run = ? ORDER BY key",
    "INSERT INTO run_params VALUES(?, ?, ?) ON CONFLICT(run, key) DO UPDATE SET value = excluded.value"};
const Table kModelTags{
    "SELECT key, value FROM model_tags WHERE model = ? ORDER BY key",
    "INSERT INTO model_tags VALUES(?, ?, ?) ON CONFLICT(model, key) DO UPDATE SET value = excluded.value"};
const Table kModelParams{
    "SELECT key, value FROM model_params WHERE model = ? ORDER BY key",
    "INSERT INTO model_params VALUES(?, ?, ?) ON CONFLICT(model, key) DO UPDATE SET value = excluded.value"};

Result<std::int64_t> experiment_number(const ExperimentId& id) {
  if (const auto number = text::parse_int(id.str()); number) return *number;
  return fail(Code::InvalidArgument, text::format("Invalid experiment ID: '{}'; it is a whole number", id.str()));
}

Result<std::vector<KeyValue>> load_pairs(Session& session, const Table& table, std::int64_t owner) {
  std::vector<KeyValue> out;
  FETTLE_TRY_(session.query(table.select, {owner}, [&](const Row& row) {
    out.push_back({text_of(row, 0), text_of(row, 1)});
    return true;
  }));
  return out;
}

Result<void> put_pair(Session& session, const Table& table, std::int64_t owner, const KeyValue& pair) {
  return session.post(table.upsert, {owner, std::string_view(pair.key), std::string_view(pair.value)});
}

Result<void> put_pairs(Session& session, const Table& table, std::int64_t owner, const std::vector<KeyValue>& pairs) {
  for (const auto& pair : pairs) FETTLE_TRY_(put_pair(session, table, owner, pair));
  return {};
}

Result<std::optional<Experiment>> find_experiment(Session& session, std::string_view condition,
                                                  const sql::Parameter& value) {
  std::optional<Experiment> out;
  FETTLE_TRY_(session.query(text::format("{} {} = ?", kExperiments, condition), {value}, [&](const Row& row) {
    out = experiment_of(row);
    return false;
  }));
  if (!out) return out;
  FETTLE_TRY(const auto number, experiment_number(out->id));
  FETTLE_TRY(out->tags, load_pairs(session, kExperimentTags, number));
  return out;
}

Result<std::vector<Experiment>> load_experiments(Session& session, std::span<const std::int64_t> rows) {
  return load_in_order<Experiment>(rows, [&](ByRow<Experiment>& experiments) -> Result<void> {
    FETTLE_TRY_(query_any_of(session, text::format("{} id IN ", kExperiments), experiments.rows(), "",
                             [&](const Row& row) { experiments.at(row.integer(0)) = experiment_of(row); }));
    return query_any_of(session, "SELECT experiment, key, value FROM experiment_tags WHERE experiment IN ",
                        experiments.rows(), " ORDER BY experiment, key", [&](const Row& row) {
                          experiments.at(row.integer(0)).tags.push_back({text_of(row, 1), text_of(row, 2)});
                        });
  });
}

Result<Experiment> need_experiment(Session& session, const ExperimentId& id) {
  FETTLE_TRY(const auto number, experiment_number(id));
  FETTLE_TRY(auto found, find_experiment(session, "id", number));
  if (!found) return fail(Code::NotFound, text::format("No Experiment with id={} exists", id.str()));
  return *std::move(found);
}

Result<Experiment> need_active_experiment(Session& session, const ExperimentId& id) {
  FETTLE_TRY(auto experiment, need_experiment(session, id));
  if (experiment.stage != Stage::Active)
    return fail(Code::InvalidArgument,
                text::format("The experiment {} must be in the 'active' state. Current state is deleted.", id.str()));
  return experiment;
}

Result<RunRow> need_run(Session& session, const RunId& id) {
  FETTLE_TRY(auto found, find_run(session, "run_id", std::string_view(id.str())));
  if (!found) return fail(Code::NotFound, text::format("Run with id={} not found", id.str()));
  return *std::move(found);
}

Result<RunRow> need_active_run(Session& session, const RunId& id) {
  FETTLE_TRY(auto row, need_run(session, id));
  if (row.info.stage != Stage::Active)
    return fail(Code::InvalidArgument,
                text::format("The run {} must be in the 'active' state. Current state is deleted.", id.str()));
  return row;
}

Result<std::int64_t> metric_key(Session& session, std::string_view key, bool create) {
  std::int64_t id = 0;
  FETTLE_TRY_(session.query("SELECT id FROM metric_keys WHERE key = ?", {key}, [&](const Row& row) {
    id = row.integer(0);
    return false;
  }));
  if (id != 0 || !create) return id;
  return session.insert("INSERT INTO metric_keys(key) VALUES(?) RETURNING id", {key});
}

}  // namespace fettle::tracking
