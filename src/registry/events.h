// What webhooks are told of a change in the registry, in the change's own transaction. Private to the module.
//
// A prompt is a model with a tag; its events have other names. Payloads are MLflow's.
#pragma once

#include <string>

#include "base/result.h"
#include "registry/rows.h"
#include "registry/store.h"
#include "sql/database.h"

namespace fettle::registry {

[[nodiscard]] Result<void> tell_model_created(sql::Session& session, const Model& model);
[[nodiscard]] Result<void> tell_version_created(sql::Session& session, const Version& version);
// Of a model: MLflow tells of prompts' tags only.
[[nodiscard]] Result<void> tell_model_tag(sql::Session& session, const ModelRow& model, const std::string& key,
                                          const std::string* value, std::int64_t now_ms);  // no value: deleted
[[nodiscard]] Result<void> tell_version_tag(sql::Session& session, const VersionRow& version, const std::string& key,
                                            const std::string* value, std::int64_t now_ms);
[[nodiscard]] Result<void> tell_alias(sql::Session& session, std::int64_t model, const std::string& name,
                                      const AliasChange& change);

}  // namespace fettle::registry
