// Registered models and versions with all that belongs to them, many at a time: one statement a table.
#include <algorithm>
#include <array>

#include "base/text.h"
#include "registry/rows.h"
#include "tracking/by_row.h"
#include "tracking/query.h"

namespace fettle::registry {
namespace {

using sql::Row;
using sql::Session;
using tracking::ByRow;
using tracking::query_any_of;

constexpr std::array<std::string_view, 4> kInStages{"None", "Staging", "Production", "Archived"};

Version version_of(const Row& row) {
  Version out;
  out.model = row.text(1);
  out.version = row.integer(2);
  out.source = row.text(3);
  out.storage_location = row.text(4);
  out.run_id = row.text(5);
  out.run_link = row.text(6);
  out.model_id = row.text(7);
  out.user = row.text(8);
  out.description = row.text(9);
  out.stage = row.text(10);
  out.created_ms = row.integer(11);
  out.updated_ms = row.integer(12);
  return out;
}

Result<void> load_version_parts(Session& session, ByRow<Version>& versions) {
  FETTLE_TRY_(query_any_of(session,
                           "SELECT v.id, m.name, v.version, v.source, v.storage_location, v.run_id, v.run_link, "
                           "v.model_id, v.user_id, v.description, v.stage, v.created_ms, v.updated_ms FROM "
                           "model_versions v JOIN registered_models m ON m.id = v.model WHERE v.id IN ",
                           versions.rows(), "",
                           [&](const Row& row) { versions.at(row.integer(0)) = version_of(row); }));
  FETTLE_TRY_(
      query_any_of(session, "SELECT version, key, value FROM model_version_tags WHERE version IN ", versions.rows(),
                   " ORDER BY version, key", [&](const Row& row) {
                     versions.at(row.integer(0)).tags.push_back({std::string(row.text(1)), std::string(row.text(2))});
                   }));
  return query_any_of(session,
                      "SELECT v.id, a.alias FROM model_versions v JOIN model_aliases a ON a.model = v.model AND "
                      "a.version = v.version WHERE v.id IN ",
                      versions.rows(), " ORDER BY v.id, a.alias",
                      [&](const Row& row) { versions.at(row.integer(0)).aliases.emplace_back(row.text(1)); });
}

// The newest version of each stage, found from the top of an index however many versions there are.
Result<void> load_latest(Session& session, ByRow<Model>& models) {
  std::string newest;
  for (const auto stage : kInStages)
    newest += text::format(
        ", (SELECT v.id FROM model_versions v WHERE v.model = m.id AND v.deleted = 0 AND v.stage = '{}' ORDER BY "
        "v.version DESC LIMIT 1)",
        stage);
  std::vector<std::pair<std::int64_t, std::int64_t>> found;  // model, version
  FETTLE_TRY_(query_any_of(session, text::format("SELECT m.id{} FROM registered_models m WHERE m.id IN ", newest),
                           models.rows(), "", [&](const Row& row) {
                             for (int column = 1; column <= std::ssize(kInStages); ++column)
                               if (!row.is_null(column)) found.emplace_back(row.integer(0), row.integer(column));
                           }));
  std::vector<std::int64_t> rows;
  for (const auto& [model, version] : found) rows.push_back(version);
  FETTLE_TRY(auto versions, load_versions(session, rows));
  for (std::size_t i = 0; i < found.size(); ++i) models.at(found[i].first).latest.push_back(std::move(versions[i]));
  for (auto& model : models.items()) std::ranges::sort(model.latest, {}, &Version::version);
  return {};
}

Result<void> load_model_parts(Session& session, ByRow<Model>& models) {
  FETTLE_TRY_(query_any_of(session,
                           "SELECT id, name, description, created_ms, updated_ms FROM registered_models WHERE id IN ",
                           models.rows(), "", [&](const Row& row) {
                             auto& model = models.at(row.integer(0));
                             model.name = row.text(1);
                             model.description = row.text(2);
                             model.created_ms = row.integer(3);
                             model.updated_ms = row.integer(4);
                           }));
  FETTLE_TRY_(
      query_any_of(session, "SELECT model, key, value FROM registered_model_tags WHERE model IN ", models.rows(),
                   " ORDER BY model, key", [&](const Row& row) {
                     models.at(row.integer(0)).tags.push_back({std::string(row.text(1)), std::string(row.text(2))});
                   }));
  FETTLE_TRY_(query_any_of(session, "SELECT model, alias, version FROM model_aliases WHERE model IN ", models.rows(),
                           " ORDER BY model, alias", [&](const Row& row) {
                             models.at(row.integer(0)).aliases.push_back({std::string(row.text(1)), row.integer(2)});
                           }));
  return load_latest(session, models);
}

}  // namespace

Result<std::vector<Version>> load_versions(Session& session, std::span<const std::int64_t> rows) {
  return tracking::load_in_order<Version>(
      rows, [&](ByRow<Version>& versions) { return load_version_parts(session, versions); });
}

Result<std::vector<Model>> load_models(Session& session, std::span<const std::int64_t> rows) {
  return tracking::load_in_order<Model>(rows, [&](ByRow<Model>& models) { return load_model_parts(session, models); });
}

Result<Version> load_version(Session& session, std::int64_t row) {
  FETTLE_TRY(auto versions, load_versions(session, std::span(&row, 1)));
  return std::move(versions.front());
}

Result<Model> load_model(Session& session, std::int64_t row) {
  FETTLE_TRY(auto models, load_models(session, std::span(&row, 1)));
  return std::move(models.front());
}

}  // namespace fettle::registry
