// A folder of backups: each is a manifest, a dump of the tables, the objects and the events that it names.
//
//   <name>.json      manifest, written last: a backup without it is none
//   <name>.dump      rows of all tables (dump.h)
//   <name>.<key>     the server's keys: without webhooks.key the secrets in the dump cannot be opened
//   objects/         content-addressed, shared by all backups of the folder: the next one copies what is new
//   events/          segments; they only grow, so an older backup means the first `size` bytes of a file
//   lock             held while a backup is made here
//
// Dump, keys and manifest are for their owner's eyes only (mode 0600).
#pragma once

#include <array>
#include <boost/describe.hpp>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "base/result.h"
#include "blob/store.h"
#include "sql/database.h"
#include "transfer/dump.h"

namespace fettle::transfer {

struct BackupFile {
  std::string path;
  std::uint64_t size = 0;
  std::string sha256;
};
// An object is restored to where it is looked for: into the artifact store, or with the bundles, which are always in
// the data folder.
struct BackupObject {
  std::string sha256;  // its name
  std::uint64_t size = 0;
  bool artifact = false, bundle = false;  // one of them, or both
};
struct Manifest {
  std::int64_t format = 1;
  std::string program;  // version of the server
  std::int64_t created_ms = 0;
  BackupFile dump;
  std::uint64_t tables = 0, rows = 0;
  std::vector<BackupFile> keys;  // path: the file's name in the data folder
  bool artifacts = true;         // false: what only artifacts need was left out, as it was asked for
  std::uint64_t left_out = 0;    // so many objects
  std::vector<BackupObject> objects;
  std::vector<BackupFile> events;
};
inline constexpr std::array<std::string_view, 2> kKeyFiles{"webhooks.key", "url-key"};
BOOST_DESCRIBE_STRUCT(BackupFile, (), (path, size, sha256))
BOOST_DESCRIBE_STRUCT(BackupObject, (), (sha256, size, artifact, bundle))
BOOST_DESCRIBE_STRUCT(Manifest, (),
                      (format, program, created_ms, dump, tables, rows, keys, artifacts, left_out, objects, events))

// Where a backup's key lies in the folder of backups.
[[nodiscard]] std::string key_path(const std::string& folder, const Manifest& manifest, std::string_view key);

// Names of the complete backups in a folder, oldest first.
[[nodiscard]] Result<std::vector<std::string>> list_backups(const std::string& folder);
// `name` empty: the newest. NotFound if there is none.
[[nodiscard]] Result<Manifest> read_manifest(const std::string& folder, const std::string& name);
[[nodiscard]] Result<void> write_manifest(const std::string& folder, const std::string& name, const Manifest& manifest);

// Line after line of a file with their '\n'; empty at the end.
[[nodiscard]] std::function<Result<std::string>()> lines_of(const std::string& path);
// SHA-256 of the first `size` bytes; DataLoss if there are fewer.
[[nodiscard]] Result<std::string> digest_of_start(const std::string& path, std::uint64_t size);

using Step = std::function<void(std::uint64_t done, std::uint64_t total)>;
// Reads all that a backup names. What is wrong, in words; empty if it can be restored.
[[nodiscard]] Result<std::vector<std::string>> verify_backup(const std::string& folder, const Manifest& manifest,
                                                             const Step& step);
// Keys, events and objects, into a data folder that is new; artifacts into `artifacts`, unless null. REQUIRES:
// verified.
[[nodiscard]] Result<void> restore_files(const std::string& folder, const Manifest& manifest, const std::string& data,
                                         blob::Objects* artifacts, const Step& step);
// The tables, into a database that is empty, or nothing of them. `before_commit` is called once all rows are in.
[[nodiscard]] Result<DumpCount> restore_tables(const std::string& folder, const Manifest& manifest,
                                               const std::string& database, const std::vector<sql::Migrations>& modules,
                                               const std::function<Result<void>()>& before_commit);

}  // namespace fettle::transfer
