#include "registry/import.h"

#include <algorithm>

#include "registry/rows.h"

namespace fettle::registry {
namespace {

using sql::Session;

Result<std::int64_t> id_of(Session& session, std::string_view statement, std::initializer_list<sql::Parameter> of) {
  std::int64_t out = 0;
  FETTLE_TRY_(session.query(statement, of, [&](const sql::Row& row) {
    out = row.integer(0);
    return false;
  }));
  return out;
}

Result<void> put_moved_version(Session& session, std::int64_t model, const Version& version, bool deleted) {
  FETTLE_TRY_(session.post(
      "INSERT INTO model_versions(model, version, source, storage_location, run_id, run_link, model_id, user_id, "
      "description, stage, created_ms, updated_ms, deleted) VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
      {model, version.version, std::string_view(version.source), std::string_view(version.storage_location),
       std::string_view(version.run_id), std::string_view(version.run_link), std::string_view(version.model_id),
       std::string_view(version.user), std::string_view(version.description), std::string_view(version.stage),
       version.created_ms, version.updated_ms, std::int64_t{deleted}}));
  FETTLE_TRY(const auto row,
             id_of(session, "SELECT id FROM model_versions WHERE model = ? AND version = ?", {model, version.version}));
  for (const auto& tag : version.tags)
    FETTLE_TRY_(session.post("INSERT INTO model_version_tags(version, key, value) VALUES(?, ?, ?)",
                             {row, std::string_view(tag.key), std::string_view(tag.value)}));
  return {};
}

std::int64_t last_number(const Moved& moved) {
  std::int64_t out = 0;
  for (const auto& version : moved.versions) out = std::max(out, version.version);
  for (const auto& gone : moved.gone) out = std::max(out, gone.version);
  return out;
}

// The model's row without anything that belongs to it.
Result<std::int64_t> put_bare_model(Session& session, const Moved& moved) {
  const auto& model = moved.model;
  FETTLE_TRY_(session.post(
      "INSERT INTO registered_models(name, description, created_ms, updated_ms, last_version) VALUES(?, ?, ?, ?, ?) ON "
      "CONFLICT(name) DO UPDATE SET description = excluded.description, created_ms = excluded.created_ms, updated_ms = "
      "excluded.updated_ms, last_version = excluded.last_version",
      {std::string_view(model.name), std::string_view(model.description), model.created_ms, model.updated_ms,
       last_number(moved)}));
  FETTLE_TRY(const auto row,
             id_of(session, "SELECT id FROM registered_models WHERE name = ?", {std::string_view(model.name)}));
  for (const auto* statement :
       {"DELETE FROM model_version_tags WHERE version IN (SELECT id FROM model_versions WHERE model = ?)",
        "DELETE FROM model_versions WHERE model = ?", "DELETE FROM model_aliases WHERE model = ?",
        "DELETE FROM registered_model_tags WHERE model = ?"})
    FETTLE_TRY_(session.post(statement, {row}));
  return row;
}

Result<std::vector<std::int64_t>> version_rows(Session& session, std::int64_t model) {
  std::vector<std::int64_t> rows;
  FETTLE_TRY_(session.query("SELECT id FROM model_versions WHERE model = ? AND deleted = 0 ORDER BY version", {model},
                            [&](const sql::Row& row) {
                              rows.push_back(row.integer(0));
                              return true;
                            }));
  return rows;
}

}  // namespace

Result<std::optional<Moved>> stored_model(Session& session, const std::string& name) {
  const auto found = need_model(session, name);
  if (!found && found.error().code == Code::NotFound) return std::nullopt;
  if (!found) return fail(found.error());
  Moved out;
  FETTLE_TRY(out.model, load_model(session, found->row));
  FETTLE_TRY(const auto rows, version_rows(session, found->row));
  for (const auto row : rows) {
    FETTLE_TRY(auto version, load_version(session, row));
    out.versions.push_back(std::move(version));
  }
  FETTLE_TRY_(session.query(
      "SELECT version, created_ms, updated_ms FROM model_versions WHERE model = ? AND deleted = 1 ORDER BY version",
      {found->row}, [&](const sql::Row& row) {
        out.gone.push_back({row.integer(0), row.integer(1), row.integer(2)});
        return true;
      }));
  return out;
}

Result<void> import_model(Session& session, const Moved& moved) {
  FETTLE_TRY(const auto row, put_bare_model(session, moved));
  for (const auto& tag : moved.model.tags)
    FETTLE_TRY_(session.post("INSERT INTO registered_model_tags(model, key, value) VALUES(?, ?, ?)",
                             {row, std::string_view(tag.key), std::string_view(tag.value)}));
  for (const auto& version : moved.versions) FETTLE_TRY_(put_moved_version(session, row, version, false));
  for (const auto& gone : moved.gone) {
    Version version;
    version.version = gone.version;
    version.stage = "Deleted_Internal";
    version.created_ms = gone.created_ms;
    version.updated_ms = gone.updated_ms;
    FETTLE_TRY_(put_moved_version(session, row, version, true));
  }
  for (const auto& alias : moved.model.aliases)
    FETTLE_TRY_(session.post("INSERT INTO model_aliases(model, alias, version) VALUES(?, ?, ?)",
                             {row, std::string_view(alias.name), alias.version}));
  return {};
}

}  // namespace fettle::registry
