// What an import and a comparison share: reading in chunks, and records as they are to be here. Private to the module.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "transfer/import.h"
#include "transfer/locations.h"

namespace fettle::transfer {

inline constexpr std::size_t kChunk = 200;  // records that are looked up together

template <typename Record>
inline constexpr std::string_view kKind = "";
template <>
inline constexpr std::string_view kKind<ExperimentRecord> = "experiment";
template <>
inline constexpr std::string_view kKind<ModelRecord> = "logged_model";
template <>
inline constexpr std::string_view kKind<RunRecord> = "run";
template <>
inline constexpr std::string_view kKind<RegisteredRecord> = "registered_model";

inline std::string id_of(const RegisteredRecord& record) { return record.name; }
template <typename Record>
std::string id_of(const Record& record) {
  return record.id;
}

inline Owner owner_of(const RunRecord& run) { return {run.id, "", run.experiment, run.artifact_uri}; }
inline Owner owner_of(const ModelRecord& model) { return {"", model.id, model.experiment, model.artifact_uri}; }

template <typename Record>
std::vector<std::string> ids_of(const std::vector<Record>& records) {
  std::vector<std::string> out;
  for (const auto& record : records) out.push_back(id_of(record));
  return out;
}

// Collects records into chunks of one size.
template <typename Record, typename Use>
[[nodiscard]] Result<void> in_chunks(Result<void> (Source::*read)(const Take<Record>&), Source& source, Use use) {
  std::vector<Record> chunk;
  FETTLE_TRY_((source.*read)([&](Record record) -> Result<void> {
    chunk.push_back(std::move(record));
    if (chunk.size() < kChunk) return {};
    FETTLE_TRY_(use(chunk));
    chunk.clear();
    return {};
  }));
  return chunk.empty() ? Result<void>() : use(chunk);
}

// What both an import and a comparison do with each record: ids and locations as they are here.
class Mapper {
 public:
  explicit Mapper(const ImportOptions& options) : locations_(options.artifacts) {}
  void learn(const std::string& experiment, const std::string& here) { experiments_[experiment] = here; }
  void learn_name(const std::string& model, const std::string& here) { names_[model] = here; }
  void map(ExperimentRecord& record) {
    const auto old = "mlflow-artifacts:/" + record.id;
    locations_.map(record);
    record.id = here(record.id);
    if (record.artifact_location == old) record.artifact_location = "mlflow-artifacts:/" + record.id;
  }
  void map(RegisteredRecord& record) {
    locations_.map(record);
    if (const auto found = names_.find(record.name); found != names_.end()) record.name = found->second;
  }
  template <typename Record>
  void map(Record& record) {
    record.experiment = here(record.experiment);
    locations_.map(record);
  }

 private:
  [[nodiscard]] std::string here(const std::string& experiment) const {
    const auto found = experiments_.find(experiment);
    return found == experiments_.end() ? experiment : found->second;
  }
  Locations locations_;
  std::map<std::string, std::string> experiments_, names_;
};

}  // namespace fettle::transfer
