#include <algorithm>

#include "base/text.h"
#include "registry/alias_rows.h"
#include "registry/events.h"
#include "registry/rows.h"
#include "registry/store.h"
#include "tracking/names.h"
#include "tracking/transaction.h"

namespace fettle::registry {
namespace {

using sql::Session;
using tracking::read_value;
using tracking::write_value;

Result<void> put_version_tag(Session& session, std::int64_t version, const KeyValue& tag) {
  FETTLE_TRY_(session.execute(
      "INSERT INTO model_version_tags VALUES(?, ?, ?) ON CONFLICT(version, key) DO UPDATE SET value = excluded.value",
      {version, std::string_view(tag.key), std::string_view(tag.value)}));
  return {};
}

Result<std::int64_t> next_number(Session& session, std::int64_t model, std::int64_t now) {
  FETTLE_TRY_(session.execute(
      "UPDATE registered_models SET last_version = last_version + 1, updated_ms = ? WHERE id = ?", {now, model}));
  std::int64_t number = 0;
  FETTLE_TRY_(
      session.query("SELECT last_version FROM registered_models WHERE id = ?", {model}, [&](const sql::Row& row) {
        number = row.integer(0);
        return false;
      }));
  return number;
}

Result<std::int64_t> insert_version(Session& session, std::int64_t model, const NewVersion& version, std::int64_t now) {
  FETTLE_TRY(const auto number, next_number(session, model, now));
  const auto& location = version.storage_location.empty() ? version.source : version.storage_location;
  return session.insert(
      "INSERT INTO model_versions(model, version, source, storage_location, run_id, run_link, model_id, user_id, "
      "description, stage, created_ms, updated_ms) VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, 'None', ?, ?) RETURNING id",
      {model, number, std::string_view(version.source), std::string_view(location), std::string_view(version.run_id),
       std::string_view(version.run_link), std::string_view(version.model_id), std::string_view(version.user),
       std::string_view(version.description), now, now});
}

Result<void> archive_others(Session& session, const VersionRow& version, const std::string& stage, std::int64_t now) {
  FETTLE_TRY_(session.execute(
      "UPDATE model_versions SET stage = 'Archived', updated_ms = ? WHERE model = ? AND stage = ? AND version <> ?",
      {now, version.model, std::string_view(stage), version.version.version}));
  return {};
}

}  // namespace

std::string Version::tag(std::string_view key) const {
  const auto found = std::ranges::find(tags, key, &KeyValue::key);
  return found == tags.end() ? std::string() : found->value;
}

Result<Version> Store::create_version(const NewVersion& version) {
  for (const auto& tag : version.tags) FETTLE_TRY_(check_tag(tag));
  return told(write_value<Version>(database_, [&](Session& session) -> Result<Version> {
    FETTLE_TRY(const auto model, need_model(session, version.model));
    FETTLE_TRY(const auto row, insert_version(session, model.row, version, clock_.now_ms()));
    for (const auto& tag : version.tags) FETTLE_TRY_(put_version_tag(session, row, tag));
    FETTLE_TRY(auto made, load_version(session, row));
    FETTLE_TRY_(tell_version_created(session, made));
    return made;
  }));
}

Result<std::int64_t> Store::create_version(const std::string& model, const std::string& source,
                                           const std::string& run_id, const std::vector<KeyValue>& tags) {
  NewVersion version;
  version.model = model;
  version.source = source;
  version.run_id = run_id;
  version.tags = tags;
  FETTLE_TRY(const auto made, create_version(version));
  return made.version;
}

Result<Version> Store::get_version(const std::string& model, std::int64_t version) const {
  return read_value<Version>(database_, [&](Session& session) -> Result<Version> {
    FETTLE_TRY(auto found, need_version(session, model, version));
    return std::move(found.version);
  });
}

Result<std::vector<Version>> Store::list_versions(const std::string& model) const {
  return read_value<std::vector<Version>>(database_, [&](Session& session) -> Result<std::vector<Version>> {
    FETTLE_TRY(const auto found, need_model(session, model));
    std::vector<std::int64_t> rows;
    FETTLE_TRY_(session.query("SELECT id FROM model_versions WHERE model = ? AND deleted = 0 ORDER BY version DESC",
                              {found.row}, [&](const sql::Row& row) {
                                rows.push_back(row.integer(0));
                                return true;
                              }));
    return load_versions(session, rows);
  });
}

Result<Version> Store::describe_version(const std::string& model, std::int64_t version,
                                        const std::string& description) {
  return write_value<Version>(database_, [&](Session& session) -> Result<Version> {
    FETTLE_TRY(const auto found, need_version(session, model, version));
    FETTLE_TRY_(session.execute("UPDATE model_versions SET description = ?, updated_ms = ? WHERE id = ?",
                                {std::string_view(description), clock_.now_ms(), found.row}));
    return load_version(session, found.row);
  });
}

Result<Version> Store::move_to_stage(const std::string& model, std::int64_t version, const std::string& stage,
                                     bool archive) {
  FETTLE_TRY(const auto canonical, stage_of(stage));
  if (archive && canonical != "Staging" && canonical != "Production")
    return fail(Code::InvalidArgument,
                text::format("Model version transition cannot archive existing model versions because '{}' is not an "
                             "Active stage. Valid stages are Staging, Production",
                             stage));
  return write_value<Version>(database_, [&](Session& session) -> Result<Version> {
    FETTLE_TRY(const auto found, need_version(session, model, version));
    const auto now = clock_.now_ms();
    if (archive) FETTLE_TRY_(archive_others(session, found, canonical, now));
    FETTLE_TRY_(session.execute("UPDATE model_versions SET stage = ?, updated_ms = ? WHERE id = ?",
                                {std::string_view(canonical), now, found.row}));
    FETTLE_TRY_(touch_model(session, found.model, now));
    return load_version(session, found.row);
  });
}

// The row stays, so that its number is never given again, but nothing of its content does.
Result<void> Store::delete_version(const std::string& model, std::int64_t version) {
  return told(database_.write([&](Session& session) -> Result<void> {
    FETTLE_TRY(const auto found, need_version(session, model, version));
    const auto now = clock_.now_ms();
    FETTLE_TRY_(check_unprotected(session, model, found.version.aliases,
                                  text::format("deleting version {} of '{}'", version, model)));
    FETTLE_TRY(const auto owner, need_model(session, model));
    for (const auto& alias : found.version.aliases)
      FETTLE_TRY_(apply_change(session, owner, {now, version, 0, alias, "fettle", "the version was deleted", {}, {}}));
    FETTLE_TRY_(session.execute("DELETE FROM model_version_tags WHERE version = ?", {found.row}));
    FETTLE_TRY_(session.execute(
        "UPDATE model_versions SET deleted = 1, stage = 'Deleted_Internal', source = '', storage_location = '', run_id "
        "= '', run_link = '', model_id = '', user_id = '', description = '', updated_ms = ? WHERE id = ?",
        {now, found.row}));
    return touch_model(session, found.model, now);
  }));
}

Result<void> Store::set_version_tag(const std::string& model, std::int64_t version, const KeyValue& tag) {
  FETTLE_TRY_(check_tag(tag));
  return told(database_.write([&](Session& session) -> Result<void> {
    FETTLE_TRY(const auto found, need_version(session, model, version));
    FETTLE_TRY_(put_version_tag(session, found.row, tag));
    return tell_version_tag(session, found, tag.key, &tag.value, clock_.now_ms());
  }));
}

Result<void> Store::delete_version_tag(const std::string& model, std::int64_t version, const std::string& key) {
  return told(database_.write([&](Session& session) -> Result<void> {
    FETTLE_TRY(const auto found, need_version(session, model, version));
    FETTLE_TRY_(session.execute("DELETE FROM model_version_tags WHERE version = ? AND key = ?",
                                {found.row, std::string_view(key)}));
    return tell_version_tag(session, found, key, nullptr, clock_.now_ms());
  }));
}

}  // namespace fettle::registry
