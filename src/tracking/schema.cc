#include "base/clock.h"
#include "base/text.h"
#include "tracking/store.h"

namespace fettle::tracking {

// The points of a metric are in metric_series and metric_blocks as series.h says; keys are numbers, and never deleted.
// Latest values are kept with the experiment and the start of their run, so that an index can give runs in their order.
// As a column a NaN is value 0 with is_nan 1, since SQLite has no NaN. run_id and model_id are what the world sees;
// rows refer to each other by number. Stages are those of records.h, and 2 for what retention.h is removing.
// experiment_numbers knows the largest number that was ever removed.
sql::Migrations Store::migrations() {
  const auto now = system_clock().now_ms();
  const auto first_experiment = text::format(
      "INSERT INTO experiments(id, name, artifact_location, stage, created_ms, updated_ms) "
      "VALUES(0, 'Default', 'mlflow-artifacts:/0', 0, {0}, {0})",
      now);
  return {"tracking", {R"(
    CREATE TABLE experiments(id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, artifact_location TEXT NOT NULL,
                             stage INTEGER NOT NULL, created_ms INTEGER NOT NULL, updated_ms INTEGER NOT NULL);
    CREATE INDEX experiments_by_creation ON experiments(stage, created_ms DESC, id);
    CREATE TABLE experiment_numbers(one INTEGER PRIMARY KEY, largest INTEGER NOT NULL);
    INSERT INTO experiment_numbers VALUES(1, 0);
    CREATE TABLE experiment_tags(experiment INTEGER, key TEXT, value TEXT NOT NULL, PRIMARY KEY(experiment, key))
      WITHOUT ROWID;

    CREATE TABLE runs(id INTEGER PRIMARY KEY, run_id TEXT NOT NULL UNIQUE, experiment INTEGER NOT NULL,
                      name TEXT NOT NULL, user_id TEXT NOT NULL, status INTEGER NOT NULL, start_ms INTEGER NOT NULL,
                      end_ms INTEGER, stage INTEGER NOT NULL, deleted_ms INTEGER, artifact_uri TEXT NOT NULL);
    CREATE INDEX runs_by_start ON runs(experiment, stage, start_ms DESC, run_id);
    CREATE TABLE run_tags(run INTEGER, key TEXT, value TEXT NOT NULL, PRIMARY KEY(run, key)) WITHOUT ROWID;
    CREATE INDEX run_tags_by_value ON run_tags(key, substr(value, 1, 64));
    CREATE TABLE run_params(run INTEGER, key TEXT, value TEXT NOT NULL, PRIMARY KEY(run, key)) WITHOUT ROWID;
    CREATE INDEX run_params_by_value ON run_params(key, substr(value, 1, 64));

    CREATE TABLE metric_keys(id INTEGER PRIMARY KEY, key TEXT NOT NULL UNIQUE);
    CREATE TABLE metric_series(run INTEGER, key INTEGER, recent BLOB NOT NULL, PRIMARY KEY(run, key)) WITHOUT ROWID;
    CREATE TABLE metric_blocks(id INTEGER PRIMARY KEY, run INTEGER NOT NULL, key INTEGER NOT NULL,
                               first_ms INTEGER NOT NULL, first_step INTEGER NOT NULL, first_code INTEGER NOT NULL,
                               least_step INTEGER NOT NULL, most_step INTEGER NOT NULL, step_gap INTEGER NOT NULL,
                               points BLOB NOT NULL);
    CREATE INDEX metric_blocks_by_point ON metric_blocks(run, key, first_ms, first_step, first_code, least_step,
                                                         most_step, step_gap);
    CREATE TABLE latest_metrics(run INTEGER, key INTEGER, experiment INTEGER NOT NULL, start_ms INTEGER NOT NULL,
                                time_ms INTEGER NOT NULL, step INTEGER NOT NULL, value REAL NOT NULL,
                                is_nan INTEGER NOT NULL, PRIMARY KEY(run, key)) WITHOUT ROWID;
    CREATE INDEX latest_metrics_by_value ON latest_metrics(experiment, key, is_nan, value, start_ms);

    CREATE TABLE datasets(id INTEGER PRIMARY KEY, experiment INTEGER NOT NULL, name TEXT NOT NULL,
                          digest TEXT NOT NULL, source_type TEXT NOT NULL, source TEXT NOT NULL, schema TEXT,
                          profile TEXT, UNIQUE(experiment, name, digest));
    CREATE TABLE run_inputs(id INTEGER PRIMARY KEY, run INTEGER NOT NULL, dataset INTEGER NOT NULL,
                            UNIQUE(run, dataset));
    CREATE INDEX run_inputs_by_dataset ON run_inputs(dataset);
    CREATE TABLE input_tags(input INTEGER, key TEXT, value TEXT NOT NULL, PRIMARY KEY(input, key)) WITHOUT ROWID;
    CREATE TABLE run_model_inputs(id INTEGER PRIMARY KEY, run INTEGER, model TEXT, UNIQUE(run, model));
    CREATE INDEX run_model_inputs_by_model ON run_model_inputs(model);
    CREATE TABLE run_outputs(id INTEGER PRIMARY KEY, run INTEGER, model TEXT, step INTEGER NOT NULL,
                             UNIQUE(run, model));
    CREATE INDEX run_outputs_by_model ON run_outputs(model);

    CREATE TABLE logged_models(id INTEGER PRIMARY KEY, model_id TEXT NOT NULL UNIQUE, experiment INTEGER NOT NULL,
                               name TEXT NOT NULL, artifact_uri TEXT NOT NULL, type TEXT NOT NULL,
                               source_run TEXT NOT NULL, status INTEGER NOT NULL, status_message TEXT NOT NULL,
                               stage INTEGER NOT NULL, created_ms INTEGER NOT NULL, updated_ms INTEGER NOT NULL);
    CREATE INDEX logged_models_by_creation ON logged_models(experiment, stage, created_ms DESC, id);
    CREATE TABLE model_tags(model INTEGER, key TEXT, value TEXT NOT NULL, PRIMARY KEY(model, key)) WITHOUT ROWID;
    CREATE TABLE model_params(model INTEGER, key TEXT, value TEXT NOT NULL, PRIMARY KEY(model, key)) WITHOUT ROWID;
    CREATE TABLE model_metrics(model INTEGER, key INTEGER, time_ms INTEGER, step INTEGER, run_id TEXT,
                               value REAL NOT NULL, is_nan INTEGER NOT NULL, dataset_name TEXT NOT NULL,
                               dataset_digest TEXT NOT NULL, PRIMARY KEY(model, key, time_ms, step, run_id))
      WITHOUT ROWID;

    CREATE TABLE artifacts(folder TEXT, name TEXT, digest TEXT, size INTEGER NOT NULL, PRIMARY KEY(folder, name))
      WITHOUT ROWID;
    CREATE INDEX artifacts_by_digest ON artifacts(digest);
    CREATE TABLE object_removals(digest TEXT PRIMARY KEY) WITHOUT ROWID;
  )" + first_experiment}};
}

}  // namespace fettle::tracking
