// Named data of a project as immutable, content-addressed snapshots.
//
// A snapshot's manifest is canonical JSON, {"files": [{"digest", "path", "size"}, ...], "format": 1}: files sorted by
// path, no clock, no name. Its SHA-256 is the snapshot's digest, so equal content has one digest wherever it lies.
// Manifests and files are objects in <project>/.fettle/blobs; <project>/.fettle/datasets/<name>.json holds the history,
// newest first.
//
// Invariants: (1) a snapshot enters the history only after all of its objects are durable; (2) nothing that is in the
// history is ever changed. One process adds at a time (a lock file); readers need no lock.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "blob/store.h"
#include "json/describe.h"

namespace fettle::dataset {

struct Entry {  // One file of a snapshot; `path` is relative to the data's folder, '/' between parts.
  std::string path;
  std::string digest;
  std::uint64_t size = 0;
};
BOOST_DESCRIBE_STRUCT(Entry, (), (path, digest, size))

struct Snapshot {
  std::string name, digest;
  std::vector<Entry> files;
  std::uint64_t bytes = 0;    // of all files
  std::int64_t added_ms = 0;  // when it was added last
};
BOOST_DESCRIBE_STRUCT(Snapshot, (), (name, digest, files, bytes, added_ms))

struct AddReport {
  Snapshot snapshot;
  std::size_t new_files = 0, hashed = 0;  // of content that the newest snapshot did not have; read at all
  bool unchanged = false;                 // the newest snapshot was this one already
};
BOOST_DESCRIBE_STRUCT(AddReport, (), (snapshot, new_files, hashed, unchanged))

struct Damage {
  std::string path, digest, problem;  // `path` as in the snapshot; `problem` says what is damaged and what to do
};
BOOST_DESCRIBE_STRUCT(Damage, (), (path, digest, problem))

struct Record;  // the file of one name
class Adder;

class Datasets {  // Of one project folder. Thread-safe.
 public:
  using Damage = dataset::Damage;
  using Progress = std::function<void(std::uint64_t done_bytes, std::uint64_t total_bytes)>;

  [[nodiscard]] static Result<Datasets> open(const std::string& project_folder, const Clock& clock = system_clock());
  // Snapshots a file or a folder (`path` relative to the project). Files unchanged since last time (size, mtime, inode)
  // are not read again. NotFound if there is nothing at `path`, InvalidArgument for an empty folder or a symbolic link.
  [[nodiscard]] Result<AddReport> add(const std::string& name, const std::string& path, const Progress& progress = {});
  [[nodiscard]] Result<std::vector<Snapshot>> history(const std::string& name) const;  // newest first; NotFound
  [[nodiscard]] Result<std::vector<std::string>> names() const;                        // sorted
  // The newest, or the one whose digest begins so; InvalidArgument if several do.
  [[nodiscard]] Result<Snapshot> get(const std::string& name, const std::string& digest_prefix = "") const;
  // Reads every stored object of all snapshots and the working files of the newest, and names each damaged one.
  [[nodiscard]] Result<std::vector<Damage>> verify(const std::string& name, const Progress& progress = {}) const;
  // Writes the snapshot's files into a folder, each verified. A file that is there with the same bytes is left alone;
  // other files of the folder stay.
  [[nodiscard]] Result<void> checkout(const Snapshot& snapshot, const std::string& folder) const;
  // Where the data of this name was added from, as it was given.
  [[nodiscard]] Result<std::string> source(const std::string& name) const;

 private:
  Datasets(std::string project, std::shared_ptr<blob::Store> blobs, const Clock& clock);
  [[nodiscard]] Result<AddReport> finish(const std::string& name, const std::string& path,
                                         const std::optional<Record>& before, Adder& adder);
  std::string project_;
  std::shared_ptr<blob::Store> blobs_;
  const Clock* clock_;
};

}  // namespace fettle::dataset
