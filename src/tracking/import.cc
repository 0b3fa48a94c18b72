#include "tracking/import.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/text.h"
#include "tracking/rows.h"

namespace fettle::tracking {
namespace {

using sql::Session;

constexpr std::int64_t kMostOwnNumber = 1'000'000'000'000;  // file stores made numbers of 18 digits; ours stay short

sql::Parameter optional_text(const std::optional<std::string>& text) {
  return text ? sql::Parameter(std::string_view(*text)) : sql::Parameter(nullptr);
}

Result<std::int64_t> number_of(Session& session, std::string_view statement, std::initializer_list<sql::Parameter> of) {
  std::int64_t out = 0;
  FETTLE_TRY_(session.query(statement, of, [&](const sql::Row& row) {
    out = row.integer(0);
    return false;
  }));
  return out;
}

Result<void> remove_rows(Session& session, std::int64_t owner, std::initializer_list<std::string_view> statements) {
  for (const auto statement : statements) FETTLE_TRY_(session.post(statement, {owner}));
  return {};
}

Result<std::int64_t> dataset_number(Session& session, std::int64_t experiment, const Dataset& dataset) {
  FETTLE_TRY_(session.post(
      "INSERT INTO datasets(experiment, name, digest, source_type, source, schema, profile) VALUES(?, ?, ?, ?, ?, ?, "
      "?) ON CONFLICT(experiment, name, digest) DO NOTHING",
      {experiment, std::string_view(dataset.name), std::string_view(dataset.digest),
       std::string_view(dataset.source_type), std::string_view(dataset.source), optional_text(dataset.schema),
       optional_text(dataset.profile)}));
  return number_of(session, "SELECT id FROM datasets WHERE experiment = ? AND name = ? AND digest = ?",
                   {experiment, std::string_view(dataset.name), std::string_view(dataset.digest)});
}

Result<void> put_edges(Session& session, std::int64_t row, std::int64_t experiment, const Run& run) {
  for (const auto& input : run.datasets) {
    FETTLE_TRY(const auto dataset, dataset_number(session, experiment, input.dataset));
    FETTLE_TRY_(session.post("INSERT INTO run_inputs(run, dataset) VALUES(?, ?)", {row, dataset}));
    FETTLE_TRY(const auto edge,
               number_of(session, "SELECT id FROM run_inputs WHERE run = ? AND dataset = ?", {row, dataset}));
    for (const auto& tag : input.tags)
      FETTLE_TRY_(session.post("INSERT INTO input_tags(input, key, value) VALUES(?, ?, ?)",
                               {edge, std::string_view(tag.key), std::string_view(tag.value)}));
  }
  for (const auto& model : run.model_inputs)
    FETTLE_TRY_(session.post("INSERT INTO run_model_inputs(run, model) VALUES(?, ?)", {row, std::string_view(model)}));
  for (const auto& output : run.outputs)
    FETTLE_TRY_(session.post("INSERT INTO run_outputs(run, model, step) VALUES(?, ?, ?)",
                             {row, std::string_view(output.model_id), output.step}));
  return {};
}

Result<std::int64_t> put_run_row(Session& session, const Run& run, std::int64_t experiment, std::int64_t deleted_ms) {
  const auto& info = run.info;
  const bool deleted = info.stage == Stage::Deleted;
  FETTLE_TRY_(session.post(
      "INSERT INTO runs(run_id, experiment, name, user_id, status, start_ms, end_ms, stage, deleted_ms, artifact_uri) "
      "VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT(run_id) DO UPDATE SET name = excluded.name, user_id = "
      "excluded.user_id, status = excluded.status, start_ms = excluded.start_ms, end_ms = excluded.end_ms, stage = "
      "excluded.stage, deleted_ms = excluded.deleted_ms, artifact_uri = excluded.artifact_uri",
      {std::string_view(info.id.str()), experiment, std::string_view(info.name), std::string_view(info.user),
       static_cast<std::int64_t>(info.status), info.start_ms,
       info.end_ms ? sql::Parameter(*info.end_ms) : sql::Parameter(nullptr), static_cast<std::int64_t>(info.stage),
       deleted ? sql::Parameter(deleted_ms) : sql::Parameter(nullptr), std::string_view(info.artifact_uri)}));
  FETTLE_TRY(const auto row,
             number_of(session, "SELECT id FROM runs WHERE run_id = ?", {std::string_view(info.id.str())}));
  FETTLE_TRY_(session.post("UPDATE latest_metrics SET start_ms = ? WHERE run = ? AND start_ms <> ?",
                           {info.start_ms, row, info.start_ms}));
  return row;
}

Result<void> put_model_points(Session& session, std::int64_t row, const std::vector<Metric>& points) {
  for (const auto& point : points) {
    FETTLE_TRY(const auto key, metric_key(session, point.key, true));
    const bool is_nan = std::isnan(point.value);
    constexpr double kMost = std::numeric_limits<double>::max();
    FETTLE_TRY_(session.post(
        "INSERT INTO model_metrics(model, key, time_ms, step, run_id, value, is_nan, dataset_name, dataset_digest) "
        "VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?)",
        {row, key, point.time_ms, point.step, std::string_view(point.run_id),
         is_nan ? 0.0 : std::clamp(point.value, -kMost, kMost), std::int64_t{is_nan},
         std::string_view(point.dataset_name), std::string_view(point.dataset_digest)}));
  }
  return {};
}

}  // namespace

Result<std::optional<Experiment>> stored_experiment(Session& session, const std::string& id) {
  FETTLE_TRY(const auto number, experiment_number(ExperimentId(id)));
  return find_experiment(session, "id", number);
}

Result<std::optional<Run>> stored_run(Session& session, const std::string& id) {
  auto row = need_run(session, RunId(id));
  if (!row && row.error().code == Code::NotFound) return std::nullopt;
  if (!row) return fail(row.error());
  FETTLE_TRY(auto run, load_run(session, row->row));
  return run;
}

Result<void> import_experiment(Session& session, const Experiment& experiment) {
  FETTLE_TRY(const auto number, experiment_number(experiment.id));
  FETTLE_TRY(const auto same_name, find_experiment(session, "name", std::string_view(experiment.name)));
  if (same_name && same_name->id != experiment.id)
    return fail(Code::AlreadyExists,
                text::format("experiment {} has the name '{}' here", same_name->id.str(), experiment.name));
  FETTLE_TRY_(session.post(
      "INSERT INTO experiments(id, name, artifact_location, stage, created_ms, updated_ms) VALUES(?, ?, ?, ?, ?, ?) "
      "ON CONFLICT(id) DO UPDATE SET name = excluded.name, artifact_location = excluded.artifact_location, stage = "
      "excluded.stage, created_ms = excluded.created_ms, updated_ms = excluded.updated_ms",
      {number, std::string_view(experiment.name), std::string_view(experiment.artifact_location),
       static_cast<std::int64_t>(experiment.stage), experiment.created_ms, experiment.updated_ms}));
  FETTLE_TRY_(remove_rows(session, number, {"DELETE FROM experiment_tags WHERE experiment = ?"}));
  return put_pairs(session, kExperimentTags, number, experiment.tags);
}

Result<std::int64_t> free_experiment_number(Session& session) {
  return number_of(session,
                   "SELECT max(number) + 1 FROM (SELECT coalesce(max(id), 0) AS number FROM experiments WHERE id < ? "
                   "UNION ALL SELECT largest FROM experiment_numbers WHERE largest < ?) AS numbers",
                   {kMostOwnNumber, kMostOwnNumber});
}

Result<bool> has_runs(Session& session, const std::string& experiment) {
  FETTLE_TRY(const auto number, experiment_number(ExperimentId(experiment)));
  FETTLE_TRY(const auto any, number_of(session, "SELECT 1 FROM runs WHERE experiment = ? LIMIT 1", {number}));
  return any == 1;
}

Result<void> import_run(Session& session, const Run& run, std::int64_t deleted_ms) {
  FETTLE_TRY(const auto experiment, need_experiment(session, run.info.experiment));
  FETTLE_TRY(const auto number, experiment_number(experiment.id));
  FETTLE_TRY(const auto row, put_run_row(session, run, number, deleted_ms));
  FETTLE_TRY_(remove_rows(session, row,
                          {"DELETE FROM run_params WHERE run = ?", "DELETE FROM run_tags WHERE run = ?",
                           "DELETE FROM input_tags WHERE input IN (SELECT id FROM run_inputs WHERE run = ?)",
                           "DELETE FROM run_inputs WHERE run = ?", "DELETE FROM run_model_inputs WHERE run = ?",
                           "DELETE FROM run_outputs WHERE run = ?"}));
  FETTLE_TRY_(put_pairs(session, kRunParams, row, run.params));
  FETTLE_TRY_(put_pairs(session, kRunTags, row, run.tags));
  return put_edges(session, row, number, run);
}

Result<void> import_points(Session& session, const std::string& run, const std::vector<Metric>& points) {
  FETTLE_TRY(const auto row, need_run(session, RunId(run)));
  return put_metrics(session, row, by_key(points));
}

Result<void> import_model(Session& session, const LoggedModel& model) {
  FETTLE_TRY(const auto experiment, need_experiment(session, model.experiment));
  FETTLE_TRY(const auto number, experiment_number(experiment.id));
  FETTLE_TRY_(session.post(
      "INSERT INTO logged_models(model_id, experiment, name, artifact_uri, type, source_run, status, status_message, "
      "stage, created_ms, updated_ms) VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT(model_id) DO UPDATE SET "
      "name = excluded.name, artifact_uri = excluded.artifact_uri, type = excluded.type, source_run = "
      "excluded.source_run, status = excluded.status, status_message = excluded.status_message, stage = "
      "excluded.stage, created_ms = excluded.created_ms, updated_ms = excluded.updated_ms",
      {std::string_view(model.id), number, std::string_view(model.name), std::string_view(model.artifact_uri),
       std::string_view(model.type), std::string_view(model.source_run), static_cast<std::int64_t>(model.status),
       std::string_view(model.status_message), static_cast<std::int64_t>(model.stage), model.created_ms,
       model.updated_ms}));
  FETTLE_TRY(const auto row,
             number_of(session, "SELECT id FROM logged_models WHERE model_id = ?", {std::string_view(model.id)}));
  FETTLE_TRY_(remove_rows(session, row,
                          {"DELETE FROM model_params WHERE model = ?", "DELETE FROM model_tags WHERE model = ?",
                           "DELETE FROM model_metrics WHERE model = ?"}));
  FETTLE_TRY_(put_pairs(session, kModelParams, row, model.params));
  FETTLE_TRY_(put_pairs(session, kModelTags, row, model.tags));
  return put_model_points(session, row, model.metrics);
}

}  // namespace fettle::tracking
