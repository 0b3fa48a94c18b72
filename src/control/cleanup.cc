#include "control/cleanup.h"

#include <set>
#include <unordered_map>
#include <unordered_set>

#include "base/log.h"
#include "base/text.h"
#include "bundle/bundle.h"
#include "os/file.h"
#include "registry/references.h"

namespace fettle::control {
namespace {

using tracking::Removed;

constexpr std::int64_t kNsPerMs = 1'000'000;

// Model versions, and the runs that bundles in use were made from.
class Needs final : public tracking::Referrers {
 public:
  explicit Needs(std::int64_t now_ms) : versions_(now_ms) {}
  Result<void> refresh(sql::Session& session) override { return versions_.refresh(session); }
  std::string why(const std::string& id) const override {
    auto out = versions_.why(id);
    const auto found = runs_.find(id);
    return out.empty() && found != runs_.end() ? found->second : out;
  }
  std::string why_folder(const std::string& name) const override { return versions_.why_folder(name); }

  void add_bundle(const std::string& digest, const std::string& run) {
    if (!run.empty())
      runs_.emplace(run, text::format("bundle {}, which is in use, was made from it", digest.substr(0, 12)));
  }
  [[nodiscard]] const std::set<std::string>& bundles() const { return versions_.bundles(); }

 private:
  registry::References versions_;
  std::unordered_map<std::string, std::string> runs_;
};

class Cleanup {
 public:
  Cleanup(const CleanupParts& parts, CleanupReport& report,
          const std::function<Result<void>(const CleanupReport&)>& step)
      : parts_(parts), report_(report), step_(step), needs_(parts.clock.now_ms()) {}

  Result<void> run() {
    FETTLE_TRY_(begin("bundles"));
    FETTLE_TRY_(find_bundles());
    const bool known = find_bundle_files();
    FETTLE_TRY_(begin("records"));
    FETTLE_TRY_(remove_records());
    FETTLE_TRY_(begin("objects"));
    if (known) FETTLE_TRY_(collect_objects());
    FETTLE_TRY_(begin("leftovers"));
    return remove_leftovers();
  }

 private:
  [[nodiscard]] bool dry_run() const { return report_.request.dry_run; }
  Result<void> begin(std::string what) {
    report_.doing = std::move(what);
    return step_(report_);
  }
  [[nodiscard]] std::int64_t deleted_before_ms() const { return now_ms_ - report_.request.older_than_ms; }
  void keep(std::string kind, std::string id, std::string why) {
    ++report_.kept;
    if (report_.kept_things.size() < Removed::kMostShown)
      report_.kept_things.push_back({std::move(kind), std::move(id), std::move(why)});
  }

  Result<void> find_bundles();
  Result<bool> let_go(const BundleRecord& record);
  Result<void> remove_records();
  bool find_bundle_files();
  Result<void> collect_objects();
  Result<void> collect(tracking::Artifacts& artifacts);
  Result<void> remove_leftovers();

  const CleanupParts& parts_;
  CleanupReport& report_;
  const std::function<Result<void>(const CleanupReport&)>& step_;
  std::int64_t now_ms_ = parts_.clock.now_ms();
  Needs needs_;
  std::set<std::string> bundles_;               // in use
  std::unordered_set<std::string> in_bundles_;  // digests of their manifests and files
  Removed removed_;
};

Result<void> Cleanup::find_bundles() {
  FETTLE_TRY_(parts_.database.read([&](sql::Session& session) { return needs_.refresh(session); }));
  bundles_ = needs_.bundles();
  FETTLE_TRY(const auto endpoints, parts_.records.endpoints());
  for (const auto& endpoint : endpoints)
    for (const auto& variant : endpoint.variants) bundles_.insert(variant.bundle);
  FETTLE_TRY(const auto records, parts_.records.bundles());
  for (const auto& record : records) {
    FETTLE_TRY(const bool gone, let_go(record));
    report_.bundles += gone ? 1 : 0;
    if (gone) continue;
    bundles_.insert(record.digest);
    needs_.add_bundle(record.digest, record.run_id);
  }
  return {};
}

// A bundle goes with its version, unless it is still served or another version names it.
Result<bool> Cleanup::let_go(const BundleRecord& record) {
  bool deleted = false;
  FETTLE_TRY_(parts_.database.read([&](sql::Session& session) -> Result<void> {
    FETTLE_TRY(deleted, registry::was_deleted(session, record.model, record.version, deleted_before_ms()));
    return {};
  }));
  if (!deleted || needs_.bundles().contains(record.digest)) return false;
  const bool served = bundles_.contains(record.digest);
  if (dry_run() && !served) return true;
  FETTLE_TRY(const bool forgotten, served ? Result<bool>(false) : parts_.loop.forget_bundle(record.digest));
  if (!forgotten)
    keep("bundle", record.digest,
         text::format("its version {} of model '{}' is deleted, but it is still served", record.version, record.model));
  if (forgotten) FETTLE_TRY_(os::remove_all(parts_.cache + "/" + record.digest));
  return forgotten;
}

Result<void> Cleanup::remove_records() {
  tracking::Retention retention(parts_.database, parts_.artifacts, parts_.roots, needs_);
  const auto told = [&] {
    report_.experiments = removed_.experiments;
    report_.runs = removed_.runs;
    report_.logged_models = removed_.logged_models;
    report_.artifacts = removed_.artifacts;
    return step_(report_);
  };
  FETTLE_TRY_(retention.remove(deleted_before_ms(), dry_run(), removed_, told));
  FETTLE_TRY_(told());
  for (auto& kept : removed_.shown) keep(kept.kind, kept.id, kept.why);
  report_.kept += removed_.kept - std::ssize(removed_.shown);
  return {};
}

// False if nobody knows what a bundle needs.
bool Cleanup::find_bundle_files() {
  for (const auto& hex : bundles_) {
    const auto digest = Digest::parse(hex);
    if (!digest) continue;
    in_bundles_.insert(hex);
    const auto manifest = bundle::read(parts_.blobs, *digest);
    if (!manifest && manifest.error().code == Code::NotFound) continue;  // it was never sent here
    if (!manifest) {
      report_.objects_stay = text::format("bundle {}: {}", hex.substr(0, 12), manifest.error().message);
      return false;
    }
    for (const auto& file : manifest->files) in_bundles_.insert(file.digest);
    needs_.add_bundle(hex, manifest->provenance.run_id);
  }
  return true;
}

Result<void> Cleanup::collect_objects() {
  FETTLE_TRY_(collect(parts_.artifacts));
  if (parts_.remote == nullptr) return {};
  tracking::Artifacts local(parts_.database, parts_.blobs);  // bundles alone, and artifacts of before
  return collect(local);
}

Result<void> Cleanup::collect(tracking::Artifacts& artifacts) {
  const auto objects = report_.objects;
  const auto bytes = report_.bytes;
  tracking::Collection collection;
  const auto count = [&] {
    report_.objects = objects + static_cast<std::int64_t>(collection.objects);
    report_.bytes = bytes + static_cast<std::int64_t>(collection.bytes);
    return step_(report_);
  };
  tracking::Collecting what;
  what.unused_since_ms = now_ms_ - report_.request.unused_for_ms;
  what.also_used = [this](const Digest& digest) { return in_bundles_.contains(digest.hex()); };
  what.dry_run = dry_run();
  what.unlinked = removed_.unlinked;
  what.guard = parts_.guard;
  what.step = count;
  const auto done = artifacts.collect(what, collection);
  FETTLE_TRY_(count());
  FETTLE_TRY_(done);
  if (collection.ended_early) report_.objects_stay = "a backup is being fetched; run this again when it has ended";
  return {};
}

Result<void> Cleanup::remove_leftovers() {
  FETTLE_TRY(report_.uploads, parts_.uploads.expire(dry_run()));
  FETTLE_TRY(const auto names, os::list_names(parts_.spool));
  for (const auto& name : names) {
    const auto file = os::stat_file(parts_.spool + "/" + name);  // most are gone in a moment
    if (!file || file->mtime_ns / kNsPerMs >= now_ms_ - kDayMs) continue;
    ++report_.spooled;
    if (!dry_run()) FETTLE_TRY_(os::remove_all(parts_.spool + "/" + name));
  }
  return {};
}

}  // namespace

Result<void> clean_up(const CleanupParts& parts, CleanupReport& report,
                      const std::function<Result<void>(const CleanupReport&)>& step) {
  return Cleanup(parts, report, step).run();
}

}  // namespace fettle::control
