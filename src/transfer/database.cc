#include "transfer/database.h"

#include <algorithm>
#include <array>
#include <limits>

#include "base/text.h"
#include "sql/foreign.h"

namespace fettle::transfer {
namespace {

using sql::Row;

constexpr std::int64_t kRunsAtOnce = 500;  // runs whose parts are read together

// Every revision of MLflow's schema up to 3.17.
constexpr std::array kRevisions = std::to_array<std::string_view>(
    {"0584bdc529eb", "0a8213491aaa",  "0c779009ac13", "17e22815139b", "181f10493468", "1971f2d9a75b", "1a0cddfcaa16",
     "1b5f0d9ad7c1", "1bd49d398cd23", "27a6a02d2cf1", "2b4d017a5e9b", "2c33131f4dae", "2d6e25af4d3e", "3500859a5d39",
     "39d1c3be5f05", "3da73c924c2f",  "400f98739977", "4465047574b1", "451aebb31d03", "534353b11cbc", "5b0e9adcef9c",
     "5d2d30f0abce", "6953534de441",  "6f8d9c3b2a1e", "71994744cf8e", "728d730b5ebd", "75868b020152", "76601a5f987d",
     "770bee3ae1dd", "7ac759974ad8",  "7d34483879f0", "7f2a7d5fae7d", "84291f40a231", "867495a8f9d4", "89d3d66ed43f",
     "89d4b8295536", "90e64c465722",  "97727af70f4d", "a1b2c3d4e5f6", "a5b4c3d2e1f0", "a8b9c0d1e2f3", "a8c4a736bde6",
     "acf3f17fdcc7", "ae8bbe7743c9",  "b7c8d9e0f1a2", "b7e2c1a4d9f3", "b7e4c1a90f23", "bd07f7e963c5", "bda7b8c39065",
     "bf29a5ff90ea", "c1d2e3f4a5b6",  "c3d6457b6d8a", "c3d9e7f1a2b4", "c48cb773bb87", "c8d9e0f1a2b3", "c9d4e5f6a7b8",
     "cbc13b556ace", "cc1f77228345",  "cfd24bdc0731", "d0e1f2a3b4c5", "d3e4f5a6b7c8", "da6fb0208061", "dc11669786a5",
     "de4033877273", "df50e92ffc5e",  "e1f2a3b4c5d6", "f5a4f2784254"});

struct Ignored {
  std::string_view table, words;
};
constexpr std::array<Ignored, 8> kIgnored{{{"trace_info", "traces"},
                                           {"assessments", "assessments"},
                                           {"evaluation_datasets", "evaluation datasets"},
                                           {"scorers", "scorers"},
                                           {"webhooks", "webhooks"},
                                           {"secrets", "secrets"},
                                           {"endpoints", "gateway endpoints"},
                                           {"mcp_servers", "MCP servers"}}};

std::string text_at(const Row& row, int column) { return std::string(row.text(column)); }
std::optional<std::int64_t> maybe_at(const Row& row, int column) {
  return row.is_null(column) ? std::nullopt : std::optional(row.integer(column));
}
std::optional<std::string> maybe_text(const Row& row, int column) {
  return row.is_null(column) ? std::nullopt : std::optional(text_at(row, column));
}

std::int64_t run_status(std::string_view name) {
  constexpr std::array<std::string_view, 5> kNames{"RUNNING", "SCHEDULED", "FINISHED", "FAILED", "KILLED"};
  const auto found = std::ranges::find(kNames, name);
  return found == kNames.end() ? 1 : 1 + (found - kNames.begin());
}

Result<void> check_kind(const std::string& url) {
  const auto kind = url.substr(0, std::min(url.find("://"), url.size()));
  if (kind == url || kind == "sqlite" || sql::is_postgres_url(url)) return {};
  return fail(Code::InvalidArgument,
              text::format("a database of kind '{}' cannot be read, only SQLite's and PostgreSQL's; import from the "
                           "MLflow server that uses it instead: http://HOST:PORT",
                           kind));
}

class Mlflow final : public Source {
 public:
  Mlflow(std::unique_ptr<sql::Session> session, std::string url) : session_(std::move(session)), url_(std::move(url)) {}

  Result<void> probe(bool any_schema) {
    FETTLE_TRY(tables_, sql::tables_of(*session_, sql::is_postgres_url(url_)));
    for (const auto* table : {"experiments", "runs", "metrics", "params", "tags"})
      if (!tables_.contains(table))
        return fail(Code::FailedPrecondition,
                    text::format("'{}' is no MLflow tracking database: it has no table '{}'", shown(), table));
    if (tables_.contains("alembic_version"))
      FETTLE_TRY_(
          each("SELECT version_num FROM alembic_version", {}, [&](const Row& row) { revision_ = row.text(0); }));
    if (any_schema || revision_.empty() || std::ranges::contains(kRevisions, revision_)) return {};
    return fail(Code::FailedPrecondition,
                text::format("'{}' has schema {}, which this program does not know; import from the MLflow server's "
                             "address instead, or give --any-schema to read the columns that it knows",
                             shown(), revision_));
  }

  Result<Overview> overview() override {
    Overview out;
    out.what = text::format("database '{}', schema {}", shown(), revision_.empty() ? "before 1.0" : revision_);
    const std::array<std::pair<std::string_view, std::uint64_t*>, 5> counted{{{"experiments", &out.experiments},
                                                                              {"runs", &out.runs},
                                                                              {"metrics", &out.points},
                                                                              {"logged_models", &out.models},
                                                                              {"registered_models", &out.registered}}};
    for (const auto& [table, count] : counted) {
      FETTLE_TRY(*count, rows_in(table));
    }
    for (const auto& [table, words] : kIgnored) {
      FETTLE_TRY(const auto rows, rows_in(table));
      if (rows > 0) out.left_out.push_back(text::format("{} {}", rows, words));
    }
    return out;
  }

  Result<void> experiments(const Take<ExperimentRecord>& take) override;
  Result<void> models(const Take<ModelRecord>& take) override;
  Result<void> runs(const Take<RunRecord>& take) override;
  Result<std::string> points_word(const RunRecord& run) override;
  Result<Series> series(const RunRecord& run) override;
  Result<void> registered(const Take<RegisteredRecord>& take) override;

 private:
  // The address without a password, which may stand before the host or among the options.
  [[nodiscard]] std::string shown() const {
    if (!sql::is_postgres_url(url_)) return url_;
    const auto address = url_.substr(0, url_.find('?'));
    const auto at = address.rfind('@');
    return at == std::string::npos ? address : address.substr(0, address.find("://") + 3) + "..." + address.substr(at);
  }
  [[nodiscard]] bool has(std::string_view table, std::string_view column) const {
    const auto found = tables_.find(std::string(table));
    return found != tables_.end() && std::ranges::contains(found->second, column);
  }
  // The column, or NULL where the schema has none. Whole numbers are widened, so that every store gives 64 bits.
  [[nodiscard]] std::string text_column(std::string_view table, std::string_view column) const {
    return has(table, column) ? std::string(column) : "CAST(NULL AS TEXT)";
  }
  [[nodiscard]] std::string integer_column(std::string_view table, std::string_view column) const {
    return has(table, column) ? text::format("CAST({} AS BIGINT)", column) : "CAST(NULL AS BIGINT)";
  }

  template <typename Use>
  Result<void> each(std::string_view statement, std::initializer_list<sql::Parameter> parameters, Use use) {
    return session_->query(statement, parameters, [&](const Row& row) {
      use(row);
      return true;
    });
  }
  Result<std::uint64_t> rows_in(std::string_view table) {
    std::uint64_t out = 0;
    if (!tables_.contains(std::string(table))) return out;
    FETTLE_TRY_(each(text::format("SELECT count(*) FROM {}", table), {},
                     [&](const Row& row) { out = static_cast<std::uint64_t>(row.integer(0)); }));
    return out;
  }
  // "key, value" rows of an owner.
  Result<std::vector<Pair>> pairs(std::string_view statement, std::initializer_list<sql::Parameter> owner) {
    std::vector<Pair> out;
    FETTLE_TRY_(each(statement, owner, [&](const Row& row) { out.push_back({text_at(row, 0), text_at(row, 1)}); }));
    return out;
  }

  Result<std::vector<RunRecord>> run_rows(const std::string& after);
  Result<void> load_parts(std::vector<RunRecord>& runs);
  Result<void> load_inputs(std::vector<RunRecord>& runs);
  Result<void> load_model_parts(ModelRecord& model);
  Result<void> load_versions(RegisteredRecord& model);

  std::unique_ptr<sql::Session> session_;
  std::string url_, revision_;
  sql::Tables tables_;
};

Result<void> Mlflow::experiments(const Take<ExperimentRecord>& take) {
  std::vector<ExperimentRecord> all;
  FETTLE_TRY_(each(
      text::format("SELECT CAST(experiment_id AS BIGINT), name, artifact_location, lifecycle_stage, {}, {} "
                   "FROM experiments ORDER BY 1",
                   integer_column("experiments", "creation_time"), integer_column("experiments", "last_update_time")),
      {}, [&](const Row& row) {
        all.push_back({std::to_string(row.integer(0)),
                       text_at(row, 1),
                       text_at(row, 2),
                       row.text(3) == "deleted",
                       maybe_at(row, 4).value_or(0),
                       maybe_at(row, 5).value_or(0),
                       {}});
      }));
  for (auto& record : all) {
    if (tables_.contains("experiment_tags")) {
      FETTLE_TRY(record.tags, pairs("SELECT key, value FROM experiment_tags WHERE experiment_id = ?",
                                    {text::parse_int(record.id).value_or(0)}));
    }
    normalise(record);
    FETTLE_TRY_(take(std::move(record)));
  }
  return {};
}

Result<void> Mlflow::load_model_parts(ModelRecord& model) {
  const std::string_view id = model.id;
  FETTLE_TRY(model.params, pairs("SELECT param_key, param_value FROM logged_model_params WHERE model_id = ?", {id}));
  FETTLE_TRY(model.tags, pairs("SELECT tag_key, tag_value FROM logged_model_tags WHERE model_id = ?", {id}));
  return each(
      "SELECT metric_name, CAST(metric_value AS DOUBLE PRECISION), metric_timestamp_ms, metric_step, run_id, "
      "dataset_name, dataset_digest FROM logged_model_metrics WHERE model_id = ?",
      {id}, [&](const Row& row) {
        const double value = row.is_null(1) ? std::numeric_limits<double>::quiet_NaN() : row.real(1);
        model.metrics.push_back({text_at(row, 0), value, row.integer(2), row.integer(3), text_at(row, 4),
                                 text_at(row, 5), text_at(row, 6)});
      });
}

Result<void> Mlflow::models(const Take<ModelRecord>& take) {
  if (!tables_.contains("logged_models")) return {};
  std::vector<ModelRecord> all;
  FETTLE_TRY_(each(
      "SELECT model_id, CAST(experiment_id AS BIGINT), name, artifact_location, model_type, source_run_id, "
      "status_message, CAST(status AS BIGINT), lifecycle_stage, creation_timestamp_ms, last_updated_timestamp_ms FROM "
      "logged_models ORDER BY creation_timestamp_ms, model_id",
      {}, [&](const Row& row) {
        ModelRecord model;
        model.id = row.text(0);
        model.experiment = std::to_string(row.integer(1));
        model.name = row.text(2);
        model.artifact_uri = row.text(3);
        model.type = row.text(4);
        model.source_run = row.text(5);
        model.status_message = row.text(6);
        model.status = row.integer(7);
        model.deleted = row.text(8) == "deleted";
        model.created_ms = row.integer(9);
        model.updated_ms = row.integer(10);
        all.push_back(std::move(model));
      }));
  for (auto& model : all) {
    FETTLE_TRY_(load_model_parts(model));
    normalise(model);
    FETTLE_TRY_(take(std::move(model)));
  }
  return {};
}

Result<std::vector<RunRecord>> Mlflow::run_rows(const std::string& after) {
  std::vector<RunRecord> out;
  FETTLE_TRY_(
      each(text::format("SELECT run_uuid, CAST(experiment_id AS BIGINT), {}, user_id, artifact_uri, status, {}, {}, "
                        "lifecycle_stage, {} FROM runs WHERE run_uuid > ? ORDER BY run_uuid LIMIT ?",
                        text_column("runs", "name"), integer_column("runs", "start_time"),
                        integer_column("runs", "end_time"), integer_column("runs", "deleted_time")),
           {std::string_view(after), kRunsAtOnce}, [&](const Row& row) {
             RunRecord run;
             run.id = row.text(0);
             run.experiment = std::to_string(row.integer(1));
             run.name = row.text(2);
             run.user = row.text(3);
             run.artifact_uri = row.text(4);
             run.status = run_status(row.text(5));
             run.start_ms = maybe_at(row, 6).value_or(0);
             run.end_ms = maybe_at(row, 7);
             run.deleted = row.text(8) == "deleted";
             run.deleted_ms = maybe_at(row, 9);
             out.push_back(std::move(run));
           }));
  return out;
}

// Rows of (run, ...) of a chunk, each given to its run.
template <typename Use>
void give(std::map<std::string, RunRecord*>& runs, const Row& row, Use use) {
  if (const auto found = runs.find(text_at(row, 0)); found != runs.end()) use(*found->second);
}

Result<void> Mlflow::load_parts(std::vector<RunRecord>& runs) {
  std::map<std::string, RunRecord*> by_id;
  for (auto& run : runs) by_id.emplace(run.id, &run);
  const std::string_view first = runs.front().id, last = runs.back().id;
  FETTLE_TRY_(each("SELECT run_uuid, key, value FROM params WHERE run_uuid >= ? AND run_uuid <= ?", {first, last},
                   [&](const Row& row) {
                     give(by_id, row, [&](auto& run) { run.params.push_back({text_at(row, 1), text_at(row, 2)}); });
                   }));
  return each("SELECT run_uuid, key, value FROM tags WHERE run_uuid >= ? AND run_uuid <= ?", {first, last},
              [&](const Row& row) {
                give(by_id, row, [&](auto& run) { run.tags.push_back({text_at(row, 1), text_at(row, 2)}); });
              });
}

Result<void> Mlflow::load_inputs(std::vector<RunRecord>& runs) {
  if (!tables_.contains("inputs")) return {};
  for (auto& run : runs) {
    std::vector<std::string> edges;
    const std::string_view id = run.id;
    FETTLE_TRY_(
        each("SELECT i.input_uuid, d.name, d.digest, d.dataset_source_type, d.dataset_source, d.dataset_schema, "
             "d.dataset_profile FROM inputs i JOIN datasets d ON d.dataset_uuid = i.source_id WHERE i.destination_id = "
             "? AND "
             "i.source_type = 'DATASET' AND i.destination_type = 'RUN'",
             {id}, [&](const Row& row) {
               edges.push_back(text_at(row, 0));
               run.datasets.push_back({text_at(row, 1),
                                       text_at(row, 2),
                                       text_at(row, 3),
                                       text_at(row, 4),
                                       maybe_text(row, 5),
                                       maybe_text(row, 6),
                                       {}});
             }));
    for (std::size_t i = 0; i < edges.size(); ++i) {
      FETTLE_TRY(run.datasets[i].tags,
                 pairs("SELECT name, value FROM input_tags WHERE input_uuid = ?", {std::string_view(edges[i])}));
    }
    FETTLE_TRY_(each(text::format("SELECT destination_id, destination_type, {} FROM inputs WHERE source_id = ? AND "
                                  "source_type IN ('RUN_INPUT', 'RUN_OUTPUT')",
                                  integer_column("inputs", "step")),
                     {id}, [&](const Row& row) {
                       if (row.text(1) == "MODEL_INPUT")
                         run.model_inputs.push_back(text_at(row, 0));
                       else
                         run.outputs.push_back({text_at(row, 0), maybe_at(row, 2).value_or(0)});
                     }));
  }
  return {};
}

Result<void> Mlflow::runs(const Take<RunRecord>& take) {
  for (std::string after;;) {
    FETTLE_TRY(auto chunk, run_rows(after));
    if (chunk.empty()) return {};
    after = chunk.back().id;
    FETTLE_TRY_(load_parts(chunk));
    FETTLE_TRY_(load_inputs(chunk));
    for (auto& run : chunk) {
      normalise(run);
      FETTLE_TRY_(take(std::move(run)));
    }
  }
}

// Points are only ever added.
Result<std::string> Mlflow::points_word(const RunRecord& run) {
  std::string out;
  FETTLE_TRY_(each("SELECT count(*) FROM metrics WHERE run_uuid = ?", {std::string_view(run.id)},
                   [&](const Row& row) { out = text::format("{} rows", row.integer(0)); }));
  return out;
}

Result<Series> Mlflow::series(const RunRecord& run) {
  Series out;
  const std::string nan = has("metrics", "is_nan") ? "CASE WHEN is_nan THEN 1 ELSE 0 END" : "0";
  FETTLE_TRY_(each(text::format("SELECT key, CAST(value AS DOUBLE PRECISION), {}, {}, CAST({} AS BIGINT) FROM metrics "
                                "WHERE run_uuid = ?",
                                integer_column("metrics", "timestamp"), integer_column("metrics", "step"), nan),
                   {std::string_view(run.id)}, [&](const Row& row) {
                     const bool is_nan = row.integer(4) != 0 || row.is_null(1);
                     out[text_at(row, 0)].push_back({maybe_at(row, 2).value_or(0), maybe_at(row, 3).value_or(0),
                                                     is_nan ? std::numeric_limits<double>::quiet_NaN() : row.real(1)});
                   }));
  normalise(out);
  return out;
}

Result<void> Mlflow::load_versions(RegisteredRecord& model) {
  const std::string_view name = model.name;
  FETTLE_TRY_(
      each(text::format("SELECT CAST(version AS BIGINT), source, {}, run_id, {}, user_id, description, current_stage, "
                        "creation_time, last_updated_time FROM model_versions WHERE name = ?",
                        text_column("model_versions", "storage_location"), text_column("model_versions", "run_link")),
           {name}, [&](const Row& row) {
             VersionRecord version;
             version.version = row.integer(0);
             version.source = row.text(1);
             version.storage_location = row.text(2);
             version.run_id = row.text(3);
             version.run_link = row.text(4);
             version.user = row.text(5);
             version.description = row.text(6);
             version.stage = row.text(7).empty() ? "None" : text_at(row, 7);
             version.deleted = version.stage == kDeletedStage;
             version.created_ms = maybe_at(row, 8).value_or(0);
             version.updated_ms = maybe_at(row, 9).value_or(0);
             model.versions.push_back(std::move(version));
           }));
  if (!tables_.contains("model_version_tags")) return {};
  for (auto& version : model.versions) {
    FETTLE_TRY(version.tags, pairs("SELECT key, value FROM model_version_tags WHERE name = ? AND version = ?",
                                   {name, version.version}));
  }
  return {};
}

Result<void> Mlflow::registered(const Take<RegisteredRecord>& take) {
  if (!tables_.contains("registered_models")) return {};
  std::vector<RegisteredRecord> all;
  FETTLE_TRY_(each(
      "SELECT name, description, creation_time, last_updated_time FROM registered_models ORDER BY name", {},
      [&](const Row& row) {
        all.push_back(
            {text_at(row, 0), text_at(row, 1), maybe_at(row, 2).value_or(0), maybe_at(row, 3).value_or(0), {}, {}, {}});
      }));
  for (auto& model : all) {
    const std::string_view name = model.name;
    if (tables_.contains("registered_model_tags")) {
      FETTLE_TRY(model.tags, pairs("SELECT key, value FROM registered_model_tags WHERE name = ?", {name}));
    }
    if (tables_.contains("registered_model_aliases"))
      FETTLE_TRY_(each("SELECT alias, CAST(version AS BIGINT) FROM registered_model_aliases WHERE name = ?", {name},
                       [&](const Row& row) { model.aliases.push_back({text_at(row, 0), row.integer(1)}); }));
    FETTLE_TRY_(load_versions(model));
    normalise(model);
    FETTLE_TRY_(take(std::move(model)));
  }
  return {};
}

}  // namespace

Result<std::unique_ptr<Source>> open_database(const std::string& url, bool any_schema) {
  FETTLE_TRY_(check_kind(url));
  FETTLE_TRY(auto session, sql::open_foreign(url));
  auto source = std::make_unique<Mlflow>(std::move(session), url);
  FETTLE_TRY_(source->probe(any_schema));
  return source;
}

}  // namespace fettle::transfer
