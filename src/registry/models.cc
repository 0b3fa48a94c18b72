#include <algorithm>

#include "base/text.h"
#include "registry/alias_rows.h"
#include "registry/events.h"
#include "registry/rows.h"
#include "registry/store.h"
#include "tracking/transaction.h"

namespace fettle::registry {
namespace {

using sql::Session;
using tracking::read_value;
using tracking::write_value;

Result<void> check_free(Session& session, const std::string& name) {
  const auto taken = need_model(session, name);
  if (taken) return fail(Code::AlreadyExists, text::format("Registered Model (name={}) already exists.", name));
  if (taken.error().code != Code::NotFound) return fail(taken.error());
  return {};
}

Result<void> put_model_tag(Session& session, std::int64_t model, const KeyValue& tag) {
  FETTLE_TRY_(session.execute(
      "INSERT INTO registered_model_tags VALUES(?, ?, ?) ON CONFLICT(model, key) DO UPDATE SET value = excluded.value",
      {model, std::string_view(tag.key), std::string_view(tag.value)}));
  return {};
}

Result<std::vector<std::string>> aliases_of(Session& session, std::int64_t model) {
  std::vector<std::string> out;
  FETTLE_TRY_(session.query("SELECT alias FROM model_aliases WHERE model = ?", {model}, [&](const sql::Row& row) {
    out.emplace_back(row.text(0));
    return true;
  }));
  return out;
}

// Protections are by name: a new one must not lose any.
Result<void> check_rename(Session& session, const ModelRow& model, const std::string& new_name) {
  FETTLE_TRY(auto aliases, aliases_of(session, model.row));
  std::vector<std::string> lost;
  for (auto& alias : aliases) {
    FETTLE_TRY(const bool kept, is_protected(session, new_name, alias));
    if (!kept) lost.push_back(std::move(alias));
  }
  return check_unprotected(session, model.model.name, lost, text::format("the new name '{}'", new_name));
}

}  // namespace

sql::Migrations Store::migrations() {
  return {"registry", {R"(
    CREATE TABLE registered_models(id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, description TEXT NOT NULL,
                                   created_ms INTEGER NOT NULL, updated_ms INTEGER NOT NULL,
                                   last_version INTEGER NOT NULL DEFAULT 0);
    CREATE TABLE registered_model_tags(model INTEGER, key TEXT, value TEXT NOT NULL, PRIMARY KEY(model, key))
      WITHOUT ROWID;
    CREATE TABLE model_versions(id INTEGER PRIMARY KEY, model INTEGER NOT NULL, version INTEGER NOT NULL,
                                source TEXT NOT NULL, storage_location TEXT NOT NULL, run_id TEXT NOT NULL,
                                run_link TEXT NOT NULL, model_id TEXT NOT NULL, user_id TEXT NOT NULL,
                                description TEXT NOT NULL, stage TEXT NOT NULL, created_ms INTEGER NOT NULL,
                                updated_ms INTEGER NOT NULL, deleted INTEGER NOT NULL DEFAULT 0,
                                UNIQUE(model, version));
    CREATE INDEX model_versions_by_stage ON model_versions(model, deleted, stage, version);
    CREATE INDEX model_versions_by_update ON model_versions(updated_ms DESC);
    CREATE INDEX model_versions_by_run ON model_versions(run_id);
    CREATE TABLE model_version_tags(version INTEGER, key TEXT, value TEXT NOT NULL, PRIMARY KEY(version, key))
      WITHOUT ROWID;
    CREATE TABLE model_aliases(model INTEGER, alias TEXT, version INTEGER NOT NULL, PRIMARY KEY(model, alias))
      WITHOUT ROWID;
    CREATE TABLE alias_changes(id INTEGER PRIMARY KEY, model INTEGER NOT NULL, alias TEXT NOT NULL,
                               old INTEGER NOT NULL, version INTEGER NOT NULL, actor TEXT NOT NULL,
                               reason TEXT NOT NULL, approved_by TEXT NOT NULL, request TEXT NOT NULL,
                               time_ms INTEGER NOT NULL);
    CREATE INDEX alias_changes_by_model ON alias_changes(model, id);
    CREATE TABLE alias_protections(model TEXT, alias TEXT, set_by TEXT NOT NULL, time_ms INTEGER NOT NULL,
                                   PRIMARY KEY(model, alias));
    CREATE TABLE alias_requests(id TEXT PRIMARY KEY, model INTEGER NOT NULL, alias TEXT NOT NULL, old INTEGER NOT NULL,
                                version INTEGER NOT NULL, time_ms INTEGER NOT NULL, requested_by TEXT NOT NULL,
                                reason TEXT NOT NULL, state TEXT NOT NULL, decided_by TEXT NOT NULL,
                                decision_reason TEXT NOT NULL, decided_ms INTEGER NOT NULL);
    CREATE INDEX alias_requests_by_model ON alias_requests(model, state);
  )"}};
}

Result<Model> Store::create_model(const std::string& name, const std::vector<KeyValue>& tags,
                                  const std::string& description) {
  FETTLE_TRY_(check_model_name(name));
  for (const auto& tag : tags) FETTLE_TRY_(check_tag(tag));
  return told(write_value<Model>(database_, [&](Session& session) -> Result<Model> {
    FETTLE_TRY_(check_free(session, name));
    const auto now = clock_.now_ms();
    FETTLE_TRY(const auto row,
               session.insert("INSERT INTO registered_models(name, description, created_ms, updated_ms) "
                              "VALUES(?, ?, ?, ?) RETURNING id",
                              {std::string_view(name), std::string_view(description), now, now}));
    for (const auto& tag : tags) FETTLE_TRY_(put_model_tag(session, row, tag));
    FETTLE_TRY(auto made, load_model(session, row));
    FETTLE_TRY_(tell_model_created(session, made));
    return made;
  }));
}

Result<Model> Store::get_model(const std::string& name) const {
  return read_value<Model>(database_, [&](Session& session) -> Result<Model> {
    FETTLE_TRY(const auto found, need_model(session, name));
    return load_model(session, found.row);
  });
}

Result<Model> Store::describe_model(const std::string& name, const std::string& description) {
  return write_value<Model>(database_, [&](Session& session) -> Result<Model> {
    FETTLE_TRY(const auto found, need_model(session, name));
    FETTLE_TRY_(session.execute("UPDATE registered_models SET description = ?, updated_ms = ? WHERE id = ?",
                                {std::string_view(description), clock_.now_ms(), found.row}));
    return load_model(session, found.row);
  });
}

Result<Model> Store::rename_model(const std::string& name, const std::string& new_name) {
  FETTLE_TRY_(check_model_name(new_name));
  return write_value<Model>(database_, [&](Session& session) -> Result<Model> {
    FETTLE_TRY(const auto found, need_model(session, name));
    if (name == new_name) return load_model(session, found.row);
    FETTLE_TRY_(check_free(session, new_name));
    FETTLE_TRY_(check_rename(session, found, new_name));
    FETTLE_TRY_(session.execute("UPDATE registered_models SET name = ?, updated_ms = ? WHERE id = ?",
                                {std::string_view(new_name), clock_.now_ms(), found.row}));
    return load_model(session, found.row);
  });
}

Result<void> Store::delete_model(const std::string& name) {
  return database_.write([&](Session& session) -> Result<void> {
    FETTLE_TRY(const auto found, need_model(session, name));
    FETTLE_TRY(const auto aliases, aliases_of(session, found.row));
    FETTLE_TRY_(check_unprotected(session, name, aliases, text::format("deleting model '{}'", name)));
    for (const auto* statement :
         {"DELETE FROM model_version_tags WHERE version IN (SELECT id FROM model_versions WHERE model = ?)",
          "DELETE FROM model_versions WHERE model = ?", "DELETE FROM model_aliases WHERE model = ?",
          "DELETE FROM alias_changes WHERE model = ?", "DELETE FROM alias_requests WHERE model = ?",
          "DELETE FROM registered_model_tags WHERE model = ?", "DELETE FROM registered_models WHERE id = ?"})
      FETTLE_TRY_(session.execute(statement, {found.row}));
    return {};
  });
}

Result<void> Store::set_model_tag(const std::string& name, const KeyValue& tag) {
  FETTLE_TRY_(check_tag(tag));
  return told(database_.write([&](Session& session) -> Result<void> {
    FETTLE_TRY(const auto found, need_model(session, name));
    FETTLE_TRY_(put_model_tag(session, found.row, tag));
    return tell_model_tag(session, found, tag.key, &tag.value, clock_.now_ms());
  }));
}

Result<void> Store::delete_model_tag(const std::string& name, const std::string& key) {
  return told(database_.write([&](Session& session) -> Result<void> {
    FETTLE_TRY(const auto found, need_model(session, name));
    FETTLE_TRY_(tell_model_tag(session, found, key, nullptr, clock_.now_ms()));
    FETTLE_TRY_(session.execute("DELETE FROM registered_model_tags WHERE model = ? AND key = ?",
                                {found.row, std::string_view(key)}));
    return {};
  }));
}

Result<std::vector<Version>> Store::latest_versions(const std::string& name,
                                                    const std::vector<std::string>& stages) const {
  std::vector<std::string> wanted;
  for (const auto& stage : stages) {
    FETTLE_TRY(auto canonical, stage_of(stage));
    wanted.push_back(std::move(canonical));
  }
  return read_value<std::vector<Version>>(database_, [&](Session& session) -> Result<std::vector<Version>> {
    FETTLE_TRY(const auto found, need_model(session, name));
    FETTLE_TRY(auto model, load_model(session, found.row));
    if (!wanted.empty())
      std::erase_if(model.latest,
                    [&](const Version& version) { return !std::ranges::contains(wanted, version.stage); });
    return std::move(model.latest);
  });
}

}  // namespace fettle::registry
