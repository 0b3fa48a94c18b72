// The registry's rows as records. Private to the module.
#pragma once

#include <span>
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

struct VersionRow {
  std::int64_t row = 0, model = 0;
  Version version;
};
[[nodiscard]] Result<VersionRow> need_version(sql::Session& session, const std::string& model, std::int64_t version);
[[nodiscard]] Result<Version> load_version(sql::Session& session, std::int64_t row);
// Many at once, in the order of `rows`, none of which may be there twice. Deleted versions have no place here.
[[nodiscard]] Result<std::vector<Version>> load_versions(sql::Session& session, std::span<const std::int64_t> rows);
[[nodiscard]] Result<std::vector<Model>> load_models(sql::Session& session, std::span<const std::int64_t> rows);
[[nodiscard]] Result<void> touch_model(sql::Session& session, std::int64_t row, std::int64_t now);

}  // namespace fettle::registry
