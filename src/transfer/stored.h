// Records of what this server has stored, and records as this server stores them. Private to the module.
#pragma once

#include <optional>
#include <string>

#include "base/result.h"
#include "registry/import.h"
#include "sql/database.h"
#include "tracking/import.h"
#include "transfer/records.h"

namespace fettle::transfer {

// Normalised; nullopt if there is none.
[[nodiscard]] Result<std::optional<ExperimentRecord>> find_experiment_record(sql::Session& session,
                                                                             const std::string& id);
[[nodiscard]] Result<std::optional<RunRecord>> find_run_record(sql::Session& session, const std::string& id);
[[nodiscard]] Result<std::optional<ModelRecord>> find_model_record(sql::Session& session, const std::string& id);
[[nodiscard]] Result<std::optional<RegisteredRecord>> find_registered_record(sql::Session& session,
                                                                             const std::string& name);

[[nodiscard]] tracking::Experiment to_stored(const ExperimentRecord& record);
[[nodiscard]] tracking::Run to_stored(const RunRecord& record);
[[nodiscard]] tracking::LoggedModel to_stored(const ModelRecord& record);
[[nodiscard]] registry::Moved to_stored(const RegisteredRecord& record);

}  // namespace fettle::transfer
