#include "registry/rows.h"

#include <array>

#include "base/text.h"
#include "tracking/names.h"

namespace fettle::registry {
namespace {

using sql::Row;
using sql::Session;

constexpr std::size_t kMaxTagKey = 250;
constexpr std::size_t kMaxTagValue = 100'000;
constexpr std::size_t kMaxName = 256;
constexpr std::array<std::string_view, 4> kStages{"None", "Staging", "Production", "Archived"};

}  // namespace

Result<void> check_model_name(std::string_view name) {
  if (text::trim(name).empty())
    return fail(Code::InvalidArgument,
                "Missing value for required parameter 'name'. A registered model name cannot be empty.");
  if (name.find_first_of("/:") != std::string_view::npos || name.size() > kMaxName || !text::is_utf8(name))
    return fail(Code::InvalidArgument,
                text::format("Invalid model name: '{}'. Model name must be UTF-8, at most {} bytes and without '/' or "
                             "':'",
                             text::is_utf8(name) ? name.substr(0, kMaxName) : "?", kMaxName));
  return {};
}

Result<void> check_tag(const KeyValue& tag) {
  FETTLE_TRY_(tracking::check_key("key", tag.key));
  FETTLE_TRY_(tracking::check_length("key", tag.key, kMaxTagKey));
  return tracking::check_length("value", tag.value, kMaxTagValue);
}

Result<std::string> stage_of(std::string_view name) {
  for (const auto stage : kStages)
    if (text::lower(stage) == text::lower(name)) return std::string(stage);
  return fail(Code::InvalidArgument, text::format("Invalid Model Version stage: {}. Value must be one of None, "
                                                  "Staging, Production, Archived.",
                                                  name));
}

Result<ModelRow> need_model(Session& session, const std::string& name) {
  FETTLE_TRY_(check_model_name(name));
  std::optional<ModelRow> out;
  FETTLE_TRY_(
      session.query("SELECT id, name, description, created_ms, updated_ms FROM registered_models WHERE name = ?",
                    {std::string_view(name)}, [&](const Row& row) {
                      out.emplace();
                      out->row = row.integer(0);
                      out->model.name = row.text(1);
                      out->model.description = row.text(2);
                      out->model.created_ms = row.integer(3);
                      out->model.updated_ms = row.integer(4);
                      return false;
                    }));
  if (!out) return fail(Code::NotFound, text::format("Registered Model with name={} not found", name));
  return *std::move(out);
}

Result<VersionRow> need_version(Session& session, const std::string& model, std::int64_t version) {
  FETTLE_TRY_(check_model_name(model));
  VersionRow out;
  FETTLE_TRY_(
      session.query("SELECT v.id, v.model FROM model_versions v JOIN registered_models m ON m.id = v.model WHERE "
                    "v.deleted = 0 AND m.name = ? AND v.version = ?",
                    {std::string_view(model), version}, [&](const Row& row) {
                      out.row = row.integer(0);
                      out.model = row.integer(1);
                      return false;
                    }));
  if (out.row == 0)
    return fail(Code::NotFound, text::format("Model Version (name={}, version={}) not found", model, version));
  FETTLE_TRY(out.version, load_version(session, out.row));
  return out;
}

Result<void> touch_model(Session& session, std::int64_t row, std::int64_t now) {
  FETTLE_TRY_(session.execute("UPDATE registered_models SET updated_ms = ? WHERE id = ?", {now, row}));
  return {};
}

}  // namespace fettle::registry
