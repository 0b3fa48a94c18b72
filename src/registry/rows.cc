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

Result<std::vector<KeyValue>> load_tags(Session& session, std::string_view statement, std::int64_t owner) {
  std::vector<KeyValue> out;
  FETTLE_TRY_(session.query(statement, {owner}, [&](const Row& row) {
    out.push_back({std::string(row.text(0)), std::string(row.text(1))});
    return true;
  }));
  return out;
}

VersionRow version_of(const Row& row) {
  Version out;
  out.model = row.text(2);
  out.version = row.integer(3);
  out.source = row.text(4);
  out.storage_location = row.text(5);
  out.run_id = row.text(6);
  out.run_link = row.text(7);
  out.model_id = row.text(8);
  out.user = row.text(9);
  out.description = row.text(10);
  out.stage = row.text(11);
  out.created_ms = row.integer(12);
  out.updated_ms = row.integer(13);
  return {row.integer(0), row.integer(1), std::move(out)};
}

Result<void> load_version_parts(Session& session, VersionRow& row) {
  FETTLE_TRY(row.version.tags,
             load_tags(session, "SELECT key, value FROM model_version_tags WHERE version = ? ORDER BY key", row.row));
  return session.query("SELECT alias FROM model_aliases WHERE model = ? AND version = ? ORDER BY alias",
                       {row.model, row.version.version}, [&](const Row& alias) {
                         row.version.aliases.emplace_back(alias.text(0));
                         return true;
                       });
}

Result<std::optional<VersionRow>> find_version(Session& session, std::string_view condition,
                                               std::initializer_list<sql::Parameter> values) {
  std::optional<VersionRow> out;
  FETTLE_TRY_(session.query(
      text::format(
          "SELECT v.id, v.model, m.name, v.version, v.source, v.storage_location, v.run_id, v.run_link, "
          "v.model_id, v.user_id, v.description, v.stage, v.created_ms, v.updated_ms FROM model_versions v JOIN "
          "registered_models m ON m.id = v.model WHERE v.deleted = 0 AND {}",
          condition),
      values, [&](const Row& row) {
        out = version_of(row);
        return false;
      }));
  if (out) FETTLE_TRY_(load_version_parts(session, *out));
  return out;
}

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

Result<std::vector<Version>> load_latest(Session& session, std::int64_t model) {
  std::vector<std::int64_t> rows;
  FETTLE_TRY_(
      session.query("SELECT id FROM model_versions WHERE model = ? AND version IN (SELECT max(version) FROM "
                    "model_versions WHERE model = "
                    "? AND deleted = 0 GROUP BY stage) ORDER BY version",
                    {model, model}, [&](const Row& row) {
                      rows.push_back(row.integer(0));
                      return true;
                    }));
  std::vector<Version> out;
  for (const auto row : rows) {
    FETTLE_TRY(auto version, load_version(session, row));
    out.push_back(std::move(version));
  }
  return out;
}

Result<Model> load_model(Session& session, std::int64_t row) {
  std::string name;
  FETTLE_TRY_(session.query("SELECT name FROM registered_models WHERE id = ?", {row}, [&](const Row& found) {
    name = found.text(0);
    return false;
  }));
  FETTLE_TRY(auto out, need_model(session, name));
  FETTLE_TRY(out.model.tags,
             load_tags(session, "SELECT key, value FROM registered_model_tags WHERE model = ? ORDER BY key", row));
  FETTLE_TRY_(session.query("SELECT alias, version FROM model_aliases WHERE model = ? ORDER BY alias", {row},
                            [&](const Row& alias) {
                              out.model.aliases.push_back({std::string(alias.text(0)), alias.integer(1)});
                              return true;
                            }));
  FETTLE_TRY(out.model.latest, load_latest(session, row));
  return std::move(out.model);
}

Result<VersionRow> need_version(Session& session, const std::string& model, std::int64_t version) {
  FETTLE_TRY_(check_model_name(model));
  FETTLE_TRY(auto found, find_version(session, "m.name = ? AND v.version = ?", {std::string_view(model), version}));
  if (!found)
    return fail(Code::NotFound, text::format("Model Version (name={}, version={}) not found", model, version));
  return *std::move(found);
}

Result<Version> load_version(Session& session, std::int64_t row) {
  FETTLE_TRY(auto found, find_version(session, "v.id = ?", {row}));
  if (!found) return fail(Code::NotFound, "the model version is gone");
  return std::move(found->version);
}

Result<void> touch_model(Session& session, std::int64_t row, std::int64_t now) {
  FETTLE_TRY_(session.execute("UPDATE registered_models SET updated_ms = ? WHERE id = ?", {now, row}));
  return {};
}

}  // namespace fettle::registry
