#include "base/text.h"
#include "tracking/names.h"
#include "tracking/rows.h"
#include "tracking/store.h"

namespace fettle::tracking {
namespace {

using sql::Session;

sql::Parameter text_or_null(const std::optional<std::string>& text) {
  return text ? sql::Parameter(std::string_view(*text)) : sql::Parameter(nullptr);
}

Result<void> check_dataset(const Dataset& dataset) {
  if (dataset.name.empty() || dataset.digest.empty())
    return invalid_value("datasets", dataset.name, "a dataset needs a name and a digest");
  FETTLE_TRY_(check_length("name", dataset.name, 500));
  FETTLE_TRY_(check_length("digest", dataset.digest, 36));
  FETTLE_TRY_(check_length("source", dataset.source, 65'535));
  FETTLE_TRY_(check_length("schema", dataset.schema.value_or(""), 1'048'575));
  return check_length("profile", dataset.profile.value_or(""), 16'777'215);
}

Result<void> check_input(const DatasetInput& input) {
  FETTLE_TRY_(check_dataset(input.dataset));
  for (const auto& tag : input.tags) {
    FETTLE_TRY_(check_length("key", tag.key, 255));
    FETTLE_TRY_(check_length("value", tag.value, 500));
  }
  return {};
}

// Its number; one row for each (experiment, name, digest).
Result<std::int64_t> put_dataset(Session& session, std::int64_t experiment, const Dataset& dataset) {
  FETTLE_TRY_(
      session.execute("INSERT INTO datasets(experiment, name, digest, source_type, source, schema, profile) "
                      "VALUES(?, ?, ?, ?, ?, ?, ?) ON CONFLICT(experiment, name, digest) DO NOTHING",
                      {experiment, std::string_view(dataset.name), std::string_view(dataset.digest),
                       std::string_view(dataset.source_type), std::string_view(dataset.source),
                       text_or_null(dataset.schema), text_or_null(dataset.profile)}));
  std::int64_t id = 0;
  FETTLE_TRY_(session.query("SELECT id FROM datasets WHERE experiment = ? AND name = ? AND digest = ?",
                            {experiment, std::string_view(dataset.name), std::string_view(dataset.digest)},
                            [&](const sql::Row& row) {
                              id = row.integer(0);
                              return false;
                            }));
  return id;
}

Result<void> put_input(Session& session, const RunRow& run, const DatasetInput& input) {
  FETTLE_TRY(const auto experiment, experiment_number(run.info.experiment));
  FETTLE_TRY(const auto dataset, put_dataset(session, experiment, input.dataset));
  FETTLE_TRY(const auto id, session.insert("INSERT INTO run_inputs(run, dataset) VALUES(?, ?) "
                                           "ON CONFLICT(run, dataset) DO NOTHING RETURNING id",
                                           {run.row, dataset}));
  if (id == 0) return {};  // tags belong to the first time that the run named it
  return put_pairs(
      session,
      {"", "INSERT INTO input_tags VALUES(?, ?, ?) ON CONFLICT(input, key) DO UPDATE SET value = excluded.value"}, id,
      input.tags);
}

Result<void> need_model(Session& session, const std::string& id) {
  bool found = false;
  FETTLE_TRY_(session.query("SELECT 1 FROM logged_models WHERE model_id = ? AND stage = 0", {std::string_view(id)},
                            [&](const sql::Row&) { return !(found = true); }));
  if (!found) return fail(Code::NotFound, text::format("Logged model with ID '{}' not found.", id));
  return {};
}

}  // namespace

Result<void> Store::log_inputs(const RunId& id, const std::vector<DatasetInput>& datasets,
                               const std::vector<std::string>& models) {
  for (const auto& input : datasets) FETTLE_TRY_(check_input(input));
  return database_.write([&](Session& session) -> Result<void> {
    FETTLE_TRY(const auto run, need_active_run(session, id));
    for (const auto& input : datasets) FETTLE_TRY_(put_input(session, run, input));
    for (const auto& model : models) {
      FETTLE_TRY_(need_model(session, model));
      FETTLE_TRY_(
          session.execute("INSERT INTO run_model_inputs(run, model) VALUES(?, ?) ON CONFLICT(run, model) DO NOTHING",
                          {run.row, std::string_view(model)}));
    }
    return {};
  });
}

Result<void> Store::log_outputs(const RunId& id, const std::vector<ModelOutput>& models) {
  return database_.write([&](Session& session) -> Result<void> {
    FETTLE_TRY(const auto run, need_active_run(session, id));
    for (const auto& [model, step] : models) {
      FETTLE_TRY_(need_model(session, model));
      FETTLE_TRY_(
          session.execute("INSERT INTO run_outputs(run, model, step) VALUES(?, ?, ?) ON CONFLICT(run, model) DO UPDATE "
                          "SET step = excluded.step",
                          {run.row, std::string_view(model), step}));
    }
    return {};
  });
}

}  // namespace fettle::tracking
