#include "restore.h"

#include "base/text.h"
#include "blob/store.h"
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

Result<transfer::DumpCount> fill(const std::string& data, const RestoreOptions& options,
                                 const transfer::Manifest& manifest, Output& output) {
  FETTLE_TRY_(os::make_folders(data));
  const auto modules = migrations();
  FETTLE_TRY(const auto database, sql::Database::open(data + "/fettle.db", modules));
  FETTLE_TRY(const auto blobs, blob::Store::open(data + "/blobs"));
  return transfer::restore_backup(options.backups, manifest, *database, modules, *blobs, data + "/events",
                                  shown(output, "restored objects"));
}

}  // namespace

Result<void> restore(const RestoreOptions& options, Output& output) {
  auto data = options.data;
  while (data.size() > 1 && data.ends_with('/')) data.pop_back();
  FETTLE_TRY_(check_empty(data));
  FETTLE_TRY(const auto manifest, transfer::read_manifest(options.backups, options.name));
  FETTLE_TRY(const auto wrong, transfer::verify_backup(options.backups, manifest, shown(output, "verified objects")));
  output.progress_done();
  if (!wrong.empty())
    return fail(Code::DataLoss,
                text::format("the backup is damaged, nothing was written: {}", text::join(wrong, "; ")));
  const auto partial = data + ".restoring";
  FETTLE_TRY_(os::remove_all(partial));
  FETTLE_TRY(const auto count, fill(partial, options, manifest, output));
  output.progress_done();
  FETTLE_TRY_(os::remove_all(data));
  FETTLE_TRY_(os::rename(partial, data));
  output.document(json::Value().set("data", data).set("rows", count.rows).set("objects", manifest.objects.size()));
  output.line(text::format("'{}' holds {} rows and {} objects; start it with: fettle server --data {}", data,
                           text::human_count(count.rows), text::human_count(manifest.objects.size()), data));
  return {};
}

}  // namespace fettle::cli
