#include "restore.h"

#include "base/text.h"
#include "json/value.h"
#include "os/file.h"
#include "transfer/backup.h"
#include "wiring.h"

namespace fettle::cli {
namespace {

Result<void> check_empty(const std::string& data) {
  if (!os::exists(data)) return {};
  FETTLE_TRY(const auto names, os::list_names(data));
  if (names.empty()) return {};
  return fail(Code::FailedPrecondition,
              text::format("'{}' is not empty; give --data a folder that is missing or empty", data));
}

transfer::Step shown(Output& output, std::string_view what) {
  return [&output, what = std::string(what)](std::uint64_t done, std::uint64_t total) {
    output.progress(what, static_cast<double>(done) / static_cast<double>(total));
  };
}

Result<void> take_name(const std::string& partial, const std::string& data) {
  FETTLE_TRY_(os::remove_all(data));
  return os::rename(partial, data);
}

// With PostgreSQL, the folder takes its name when the tables are about to be committed, else after SQLite's file is
// whole in it: a restore that fails or is killed leaves no server that seems whole.
Result<transfer::DumpCount> fill(const std::string& data, const RestoreOptions& options,
                                 const transfer::Manifest& manifest, Output& output) {
  const auto partial = data + ".restoring";
  FETTLE_TRY_(os::remove_all(partial));
  FETTLE_TRY_(os::make_folders(partial));
  std::unique_ptr<blob::Objects> artifacts;
  if (!options.artifact_store.empty()) {
    FETTLE_TRY(artifacts, open_artifact_store(options.artifact_store));
  }
  FETTLE_TRY_(
      transfer::restore_files(options.backups, manifest, partial, artifacts.get(), shown(output, "restored objects")));
  FETTLE_TRY(const auto url, database_url(partial, options.database));
  if (options.database.empty()) {
    FETTLE_TRY(auto count,
               transfer::restore_tables(options.backups, manifest, url, migrations(), [] { return Result<void>(); }));
    FETTLE_TRY_(take_name(partial, data));
    return count;
  }
  auto count =
      transfer::restore_tables(options.backups, manifest, url, migrations(), [&] { return take_name(partial, data); });
  if (!count) static_cast<void>(os::rename(data, partial));
  return count;
}

}  // namespace

Result<void> restore(const RestoreOptions& options, Output& output) {
  auto data = options.data;
  while (data.size() > 1 && data.ends_with('/')) data.pop_back();
  FETTLE_TRY_(check_empty(data));
  if (!options.database.empty()) {
    FETTLE_TRY(const auto url, database_url(data, options.database));
    FETTLE_TRY_(sql::Database::check_empty(url));
  }
  FETTLE_TRY(const auto manifest, transfer::read_manifest(options.backups, options.name));
  FETTLE_TRY(const auto wrong, transfer::verify_backup(options.backups, manifest, shown(output, "verified objects")));
  output.progress_done();
  if (!wrong.empty())
    return fail(Code::DataLoss,
                text::format("the backup is damaged, nothing was written: {}", text::join(wrong, "; ")));
  FETTLE_TRY(const auto count, fill(data, options, manifest, output));
  output.progress_done();
  output.document(json::Value()
                      .set("data", data)
                      .set("rows", count.rows)
                      .set("objects", manifest.objects.size())
                      .set("left_out", manifest.left_out));
  auto more = options.artifact_store.empty() ? "" : " --artifact-store '" + options.artifact_store + "'";
  if (!options.database.empty()) more += " --database URL";  // which may hold a password
  output.line(text::format("{} rows and {} objects are restored; start with: fettle server --data {}{}",
                           text::human_count(count.rows), text::human_count(manifest.objects.size()), data, more));
  if (!manifest.artifacts)
    output.line(
        text::format("the backup was made with --no-artifacts: {} objects must still lie in the artifact store "
                     "that the server is started with",
                     text::human_count(manifest.left_out)));
  return {};
}

}  // namespace fettle::cli
