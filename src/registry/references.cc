#include "registry/references.h"

#include <algorithm>

#include "base/text.h"
#include "registry/store.h"

namespace fettle::registry {
namespace {

constexpr std::string_view kBundles = "fettle:/bundles/";
constexpr std::string_view kArtifactScheme = "mlflow-artifacts:";
constexpr std::string_view kArtifactRoute = "/mlflow-artifacts/artifacts/";  // with a host, where its path has it
constexpr std::int64_t kMarginMs = 60'000;                                   // between the clocks' reading and a commit

// The first folder of a location among the server's own artifacts; empty for another.
std::string_view first_folder(std::string_view location) {
  if (!location.starts_with(kArtifactScheme)) return {};
  location.remove_prefix(kArtifactScheme.size());
  if (const auto at = location.find(kArtifactRoute); at != std::string_view::npos)
    location.remove_prefix(at + kArtifactRoute.size());
  location.remove_prefix(std::min(location.find_first_not_of('/'), location.size()));
  return location.substr(0, location.find('/'));
}

}  // namespace

void References::add_location(std::string_view location, const std::string& why) {
  for (auto& part : text::split(location, '/')) needed_.emplace(std::move(part), why);
  if (const auto colon = location.rfind(':'); colon != std::string_view::npos)  // models:m-..., however odd
    needed_.emplace(location.substr(colon + 1), why);
  if (const auto folder = first_folder(location); !folder.empty()) needed_.emplace("/" + std::string(folder), why);
  if (location.starts_with(kBundles)) bundles_.emplace(location.substr(kBundles.size()));
}

void References::add(const Version& version) {
  const auto why = text::format("version {} of model '{}' needs it", version.number, version.model);
  for (const auto id : {version.run_id, version.model_id})
    if (!id.empty()) needed_.emplace(id, why);
  add_location(version.source, why);
  add_location(version.location, why);
  if (!version.bundle.empty()) bundles_.emplace(version.bundle);
}

Result<void> References::refresh(sql::Session& session) {
  return session.query(
      "SELECT v.id, m.name, v.version, v.run_id, v.model_id, v.source, v.storage_location, coalesce(t.value, '') FROM "
      "model_versions v JOIN registered_models m ON m.id = v.model LEFT JOIN model_version_tags t ON t.version = v.id "
      "AND "
      "t.key = 'fettle.bundle' WHERE v.deleted = 0 AND (v.id > ? OR v.updated_ms >= ?)",
      {seen_, since_ms_ - kMarginMs}, [&](const sql::Row& row) {
        seen_ = std::max(seen_, row.integer(0));
        // Each text is copied before the next is asked for.
        const std::string model(row.text(1)), run(row.text(3)), logged(row.text(4)), source(row.text(5));
        const std::string location(row.text(6)), bundle(row.text(7));
        add({model, run, logged, source, location, bundle, row.integer(2)});
        return true;
      });
}

std::string References::why(const std::string& id) const {
  const auto found = needed_.find(id);
  return found == needed_.end() ? std::string() : found->second;
}

std::string References::why_folder(const std::string& name) const { return why("/" + name); }

Result<bool> was_deleted(sql::Session& session, const std::string& model, std::int64_t version,
                         std::int64_t before_ms) {
  bool out = false;
  FETTLE_TRY_(
      session.query("SELECT 1 FROM model_versions v JOIN registered_models m ON m.id = v.model WHERE m.name = ? AND "
                    "v.version = ? AND "
                    "v.deleted = 1 AND v.updated_ms < ?",
                    {std::string_view(model), version, before_ms}, [&](const sql::Row&) { return !(out = true); }));
  return out;
}

}  // namespace fettle::registry
