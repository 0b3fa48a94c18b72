#include <algorithm>
#include <memory>
#include <utility>

#include "base/rng.h"
#include "base/text.h"
#include "json/value.h"
#include "tracking/names.h"
#include "tracking/rows.h"
#include "tracking/store.h"

namespace fettle::tracking {
namespace {

using sql::Session;

constexpr std::string_view kRunName = "mlflow.runName";
constexpr std::string_view kModelHistory = "mlflow.log-model.history";

Result<std::vector<KeyValue>> checked_tags(std::vector<KeyValue> tags) {
  for (std::size_t i = 0; i < tags.size(); ++i) {
    FETTLE_TRY_(check_key(text::format("tags[{}].key", i), tags[i].key));
    tags[i].value = cut(tags[i].value, kMaxTagValue);
  }
  return tags;
}

// The run's name and its tag mlflow.runName are one thing: whichever is given names it, both must agree.
Result<std::string> name_and_tag(const std::string& name, std::vector<KeyValue>& tags) {
  const auto tag = std::ranges::find(tags, kRunName, &KeyValue::key);
  if (tag != tags.end() && !name.empty() && tag->value != name)
    return fail(Code::InvalidArgument,
                text::format("Both 'run_name' argument and 'mlflow.runName' tag are specified, but with different "
                             "values (run_name='{}', mlflow.runName='{}').",
                             name, tag->value));
  if (tag != tags.end() && !tag->value.empty()) return tag->value;
  const auto chosen = name.empty() ? made_up_name(Rng::from_entropy().next()) : name;
  if (tag != tags.end())
    tag->value = chosen;
  else
    tags.push_back({std::string(kRunName), chosen});
  return chosen;
}

Result<std::int64_t> insert_run(Session& session, const RunInfo& info) {
  FETTLE_TRY(const auto experiment, experiment_number(info.experiment));
  return session.insert(
      "INSERT INTO runs(run_id, experiment, name, user_id, status, start_ms, stage, artifact_uri) "
      "VALUES(?, ?, ?, ?, ?, ?, 0, ?) RETURNING id",
      {std::string_view(info.id.str()), experiment, std::string_view(info.name), std::string_view(info.user),
       static_cast<std::int64_t>(info.status), info.start_ms, std::string_view(info.artifact_uri)});
}

std::string below(std::string location, std::string_view more) {
  while (location.ends_with('/')) location.pop_back();
  return location + std::string(more);
}

Result<void> put_tag(Session& session, std::int64_t run, const KeyValue& tag) {
  FETTLE_TRY_(put_pair(session, kRunTags, run, tag));
  if (tag.key == kRunName && !tag.value.empty())
    FETTLE_TRY_(session.post("UPDATE runs SET name = ? WHERE id = ?", {std::string_view(tag.value), run}));
  return {};
}

Result<void> put_param(Session& session, const RunRow& run, const KeyValue& param) {
  FETTLE_TRY(const auto added,
             session.execute("INSERT INTO run_params VALUES(?, ?, ?) ON CONFLICT(run, key) DO NOTHING",
                             {run.row, std::string_view(param.key), std::string_view(param.value)}));
  if (added == 1) return {};
  std::string old;
  FETTLE_TRY_(session.query("SELECT value FROM run_params WHERE run = ? AND key = ?",
                            {run.row, std::string_view(param.key)}, [&](const sql::Row& row) {
                              old = row.text(0);
                              return false;
                            }));
  if (old == param.value) return {};
  return fail(Code::InvalidArgument,
              text::format("Changing param values is not allowed. Param with key='{}' was already logged with "
                           "value='{}' for run ID='{}'. Attempted logging new value '{}'.",
                           param.key, old, run.info.id.str(), param.value));
}

// A batch that keeps the rules, in the form that it is stored in.
class RunLog {
 public:
  [[nodiscard]] static Result<std::shared_ptr<const RunLog>> create(RunId id, Batch batch) {
    FETTLE_TRY_(check_metrics(batch.metrics));
    FETTLE_TRY(batch.tags, checked_tags(std::move(batch.tags)));
    for (std::size_t i = 0; i < batch.params.size(); ++i) {
      FETTLE_TRY_(check_key(text::format("params[{}].key", i), batch.params[i].key));
      batch.params[i].value = cut(batch.params[i].value, kMaxParamValue);
    }
    return std::shared_ptr<const RunLog>(new RunLog(std::move(id), std::move(batch)));
  }

  [[nodiscard]] Result<void> put(Session& session) const {
    FETTLE_TRY(const auto run, need_active_run(session, id_));
    for (const auto& param : batch_.params) FETTLE_TRY_(put_param(session, run, param));
    FETTLE_TRY_(put_metrics(session, run, metrics_));
    for (const auto& tag : batch_.tags) FETTLE_TRY_(put_tag(session, run.row, tag));
    return {};
  }

 private:
  RunLog(RunId id, Batch batch) : id_(std::move(id)), batch_(std::move(batch)), metrics_(by_key(batch_.metrics)) {}

  RunId id_;
  Batch batch_;
  std::vector<NewPoints> metrics_;  // of batch_
};

}  // namespace

Result<Run> Store::create_run(const NewRun& run) {
  FETTLE_TRY(auto tags, checked_tags(run.tags));
  RunInfo info;
  FETTLE_TRY(info.name, name_and_tag(run.name, tags));
  info.id = RunId(random_id());
  info.experiment = run.experiment;
  info.user = run.user;
  info.start_ms = run.start_ms;
  return write_value<Run>(database_, [&](Session& session) -> Result<Run> {
    FETTLE_TRY(const auto experiment, need_active_experiment(session, run.experiment));
    info.experiment = experiment.id;
    info.artifact_uri = below(experiment.artifact_location, text::format("/{}/artifacts", info.id.str()));
    FETTLE_TRY(const auto row, insert_run(session, info));
    FETTLE_TRY_(put_pairs(session, kRunTags, row, tags));
    return load_run(session, row);
  });
}

Result<Run> Store::run(const RunId& id) const {
  return read_value<Run>(database_, [&](Session& session) -> Result<Run> {
    FETTLE_TRY(const auto row, need_run(session, id));
    return load_run(session, row.row);
  });
}

Result<ExperimentId> Store::experiment_of(const RunId& id) const {
  return read_value<ExperimentId>(database_, [&](Session& session) -> Result<ExperimentId> {
    FETTLE_TRY(auto row, need_run(session, id));
    return std::move(row.info.experiment);
  });
}

Result<RunInfo> Store::update_run(const RunId& id, const RunUpdate& update) {
  return write_value<RunInfo>(database_, [&](Session& session) -> Result<RunInfo> {
    FETTLE_TRY(const auto run, need_active_run(session, id));
    if (update.status)
      FETTLE_TRY_(session.execute("UPDATE runs SET status = ? WHERE id = ?",
                                  {static_cast<std::int64_t>(*update.status), run.row}));
    if (update.end_ms)
      FETTLE_TRY_(session.execute("UPDATE runs SET end_ms = ? WHERE id = ?", {*update.end_ms, run.row}));
    if (update.name && !update.name->empty())
      FETTLE_TRY_(put_tag(session, run.row, {std::string(kRunName), *update.name}));
    FETTLE_TRY(auto changed, need_run(session, id));
    return std::move(changed.info);
  });
}

Result<void> Store::delete_run(const RunId& id) {
  return database_.write([&](Session& session) -> Result<void> {
    FETTLE_TRY(const auto run, need_run(session, id));
    if (run.info.stage == Stage::Deleted) return {};
    FETTLE_TRY_(session.execute("UPDATE runs SET stage = 1, deleted_ms = ? WHERE id = ?", {clock_.now_ms(), run.row}));
    return {};
  });
}

Result<void> Store::restore_run(const RunId& id) {
  return database_.write([&](Session& session) -> Result<void> {
    FETTLE_TRY(const auto run, need_run(session, id));
    FETTLE_TRY_(session.execute("UPDATE runs SET stage = 0, deleted_ms = NULL WHERE id = ?", {run.row}));
    return {};
  });
}

Result<void> Store::log(const RunId& id, Batch batch) {
  FETTLE_TRY(const auto log, RunLog::create(id, std::move(batch)));
  return database_.write([&](Session& session) { return log->put(session); });
}

void Store::log_async(const RunId& id, Batch batch, std::function<void(Result<void>)> done) {
  auto log = RunLog::create(id, std::move(batch));
  if (!log) return done(fail(std::move(log).error()));
  database_.write_async([log = *std::move(log)](Session& session) { return log->put(session); }, std::move(done));
}

Result<void> Store::delete_tag(const RunId& id, const std::string& key) {
  return database_.write([&](Session& session) -> Result<void> {
    FETTLE_TRY(const auto run, need_active_run(session, id));
    FETTLE_TRY(const auto gone,
               session.execute("DELETE FROM run_tags WHERE run = ? AND key = ?", {run.row, std::string_view(key)}));
    if (gone == 0) return fail(Code::NotFound, text::format("No tag with name: {} in run with id {}", key, id.str()));
    return {};
  });
}

Result<void> Store::log_model_history(const RunId& id, const std::string& model_json) {
  FETTLE_TRY(auto model, json::parse(model_json, "model_json"));
  for (const auto* key : {"artifact_path", "flavors", "utc_time_created", "run_id"})
    if (model.find(key) == nullptr)
      return fail(Code::InvalidArgument,
                  text::format("Invalid value for parameter 'model_json': missing mandatory field '{}'", key));
  return database_.write([&](Session& session) -> Result<void> {
    FETTLE_TRY(const auto run, need_active_run(session, id));
    FETTLE_TRY(const auto tags, load_pairs(session, kRunTags, run.row));
    const auto tag = std::ranges::find(tags, kModelHistory, &KeyValue::key);
    json::Value history = json::Value::array();
    if (tag != tags.end())
      if (auto old = json::parse(tag->value); old && old->is_array()) history = *std::move(old);
    history.push(model);
    return put_pair(session, kRunTags, run.row, {std::string(kModelHistory), json::dump(history)});
  });
}

}  // namespace fettle::tracking
