// The registry's rows as records. Private to the module.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "registry/store.h"
#include "sql/database.h"

namespace fettle::registry {

struct ModelRow {
  std::int64_t row = 0;
  Model model;
};
[[nodiscard]] Result<void> check_model_name(std::string_view name);
[[nodiscard]] Result<void> check_tag(const KeyValue& tag);
// In its canonical spelling, whatever the case; InvalidArgument with the possible ones.
[[nodiscard]] Result<std::string> stage_of(std::string_view name);

[[nodiscard]] Result<ModelRow> need_model(sql::Session& session, const std::string& name);
[[nodiscard]] Result<Model> load_model(sql::Session& session, std::int64_t row);  // with tags, aliases, latest
[[nodiscard]] Result<std::vector<Version>> load_latest(sql::Session& session, std::int64_t model);

struct VersionRow {
  std::int64_t row = 0, model = 0;
  Version version;
};
[[nodiscard]] Result<VersionRow> need_version(sql::Session& session, const std::string& model, std::int64_t version);
[[nodiscard]] Result<Version> load_version(sql::Session& session, std::int64_t row);
[[nodiscard]] Result<void> touch_model(sql::Session& session, std::int64_t row, std::int64_t now);

}  // namespace fettle::registry
