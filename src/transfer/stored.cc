#include "transfer/stored.h"

namespace fettle::transfer {
namespace {

using tracking::KeyValue;

std::vector<Pair> pairs_of(const std::vector<KeyValue>& pairs) {
  std::vector<Pair> out;
  for (const auto& [key, value] : pairs) out.push_back({key, value});
  return out;
}
std::vector<KeyValue> key_values(const std::vector<Pair>& pairs) {
  std::vector<KeyValue> out;
  for (const auto& [key, value] : pairs) out.push_back({key, value});
  return out;
}

tracking::Stage stage_of(bool deleted) { return deleted ? tracking::Stage::Deleted : tracking::Stage::Active; }

ExperimentRecord record_of(const tracking::Experiment& from) {
  ExperimentRecord out{from.id.str(),   from.name,       from.artifact_location, from.stage == tracking::Stage::Deleted,
                       from.created_ms, from.updated_ms, pairs_of(from.tags)};
  normalise(out);
  return out;
}

RunRecord record_of(const tracking::Run& from) {
  RunRecord out;
  out.id = from.info.id.str();
  out.experiment = from.info.experiment.str();
  out.name = from.info.name;
  out.user = from.info.user;
  out.artifact_uri = from.info.artifact_uri;
  out.status = static_cast<std::int64_t>(from.info.status);
  out.start_ms = from.info.start_ms;
  out.end_ms = from.info.end_ms;
  out.deleted = from.info.stage == tracking::Stage::Deleted;
  out.params = pairs_of(from.params);
  out.tags = pairs_of(from.tags);
  for (const auto& [set, tags] : from.datasets)
    out.datasets.push_back(
        {set.name, set.digest, set.source_type, set.source, set.schema, set.profile, pairs_of(tags)});
  out.model_inputs = from.model_inputs;
  for (const auto& [model, step] : from.outputs) out.outputs.push_back({model, step});
  normalise(out);
  return out;
}

ModelRecord record_of(const tracking::LoggedModel& from) {
  ModelRecord out;
  out.id = from.id;
  out.experiment = from.experiment.str();
  out.name = from.name;
  out.artifact_uri = from.artifact_uri;
  out.type = from.type;
  out.source_run = from.source_run;
  out.status_message = from.status_message;
  out.status = static_cast<std::int64_t>(from.status);
  out.deleted = from.stage == tracking::Stage::Deleted;
  out.created_ms = from.created_ms;
  out.updated_ms = from.updated_ms;
  out.params = pairs_of(from.params);
  out.tags = pairs_of(from.tags);
  for (const auto& point : from.metrics)
    out.metrics.push_back(
        {point.key, point.value, point.time_ms, point.step, point.run_id, point.dataset_name, point.dataset_digest});
  normalise(out);
  return out;
}

VersionRecord record_of(const registry::Version& from) {
  VersionRecord out;
  out.version = from.version;
  out.source = from.source;
  out.storage_location = from.storage_location;
  out.run_id = from.run_id;
  out.run_link = from.run_link;
  out.model_id = from.model_id;
  out.user = from.user;
  out.description = from.description;
  out.stage = from.stage;
  out.created_ms = from.created_ms;
  out.updated_ms = from.updated_ms;
  out.tags = pairs_of(from.tags);
  return out;
}

RegisteredRecord record_of(const registry::Moved& from) {
  RegisteredRecord out{from.model.name,
                       from.model.description,
                       from.model.created_ms,
                       from.model.updated_ms,
                       pairs_of(from.model.tags),
                       {},
                       {}};
  for (const auto& [alias, version] : from.model.aliases) out.aliases.push_back({alias, version});
  for (const auto& version : from.versions) out.versions.push_back(record_of(version));
  for (const auto& gone : from.gone) {
    VersionRecord version;
    version.version = gone.version;
    version.deleted = true;
    version.created_ms = gone.created_ms;
    version.updated_ms = gone.updated_ms;
    out.versions.push_back(std::move(version));
  }
  normalise(out);
  return out;
}

registry::Version version_of(const std::string& model, const VersionRecord& record) {
  registry::Version out;
  out.model = model;
  out.version = record.version;
  out.source = record.source;
  out.storage_location = record.storage_location;
  out.run_id = record.run_id;
  out.run_link = record.run_link;
  out.model_id = record.model_id;
  out.user = record.user;
  out.description = record.description;
  out.stage = record.stage;
  out.created_ms = record.created_ms;
  out.updated_ms = record.updated_ms;
  out.tags = key_values(record.tags);
  return out;
}

template <typename Stored>
auto as_record(const Result<std::optional<Stored>>& stored) -> Result<std::optional<decltype(record_of(**stored))>> {
  if (!stored) return fail(stored.error());
  if (!*stored) return std::nullopt;
  return record_of(**stored);
}

}  // namespace

Result<std::optional<ExperimentRecord>> find_experiment_record(sql::Session& session, const std::string& id) {
  return as_record(tracking::stored_experiment(session, id));
}
Result<std::optional<RunRecord>> find_run_record(sql::Session& session, const std::string& id) {
  return as_record(tracking::stored_run(session, id));
}
Result<std::optional<ModelRecord>> find_model_record(sql::Session& session, const std::string& id) {
  return as_record(tracking::stored_model(session, id));
}
Result<std::optional<RegisteredRecord>> find_registered_record(sql::Session& session, const std::string& name) {
  return as_record(registry::stored_model(session, name));
}

tracking::Experiment to_stored(const ExperimentRecord& record) {
  return {ExperimentId(record.id), record.name,       record.artifact_location, stage_of(record.deleted),
          record.created_ms,       record.updated_ms, key_values(record.tags)};
}

tracking::Run to_stored(const RunRecord& record) {
  tracking::Run out;
  out.info = {RunId(record.id),
              ExperimentId(record.experiment),
              record.name,
              record.user,
              static_cast<tracking::RunStatus>(record.status),
              record.start_ms,
              record.end_ms,
              stage_of(record.deleted),
              record.artifact_uri};
  out.params = key_values(record.params);
  out.tags = key_values(record.tags);
  for (const auto& set : record.datasets)
    out.datasets.push_back(
        {{set.name, set.digest, set.source_type, set.source, set.schema, set.profile}, key_values(set.tags)});
  out.model_inputs = record.model_inputs;
  for (const auto& output : record.outputs) out.outputs.push_back({output.model_id, output.step});
  return out;
}

tracking::LoggedModel to_stored(const ModelRecord& record) {
  tracking::LoggedModel out;
  out.id = record.id;
  out.experiment = ExperimentId(record.experiment);
  out.name = record.name;
  out.artifact_uri = record.artifact_uri;
  out.type = record.type;
  out.source_run = record.source_run;
  out.status_message = record.status_message;
  out.status = static_cast<tracking::ModelStatus>(record.status);
  out.stage = stage_of(record.deleted);
  out.created_ms = record.created_ms;
  out.updated_ms = record.updated_ms;
  out.params = key_values(record.params);
  out.tags = key_values(record.tags);
  for (const auto& point : record.metrics)
    out.metrics.push_back({point.key, point.value, point.time_ms, point.step, record.id, point.dataset_name,
                           point.dataset_digest, point.run_id});
  return out;
}

registry::Moved to_stored(const RegisteredRecord& record) {
  registry::Moved out;
  out.model.name = record.name;
  out.model.description = record.description;
  out.model.created_ms = record.created_ms;
  out.model.updated_ms = record.updated_ms;
  out.model.tags = key_values(record.tags);
  for (const auto& [alias, version] : record.aliases) out.model.aliases.push_back({alias, version});
  for (const auto& version : record.versions) {
    if (version.deleted)
      out.gone.push_back({version.version, version.created_ms, version.updated_ms});
    else
      out.versions.push_back(version_of(record.name, version));
  }
  return out;
}

}  // namespace fettle::transfer
