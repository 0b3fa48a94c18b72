// The project's folder as the pipeline sees it: digests of files, and a cache that holds every step's outs.
//
// <project>/.fettle/cache/objects  content of outs, by digest; a folder is an object that lists its files
// <project>/.fettle/cache/steps    <key>.json: the outs that a step with this key gave
// <project>/.fettle/cache/stat     digests of files already read, with size, inode and times
//
// Invariants: (1) steps/<key>.json exists only after all objects that it names are durable; (2) a remembered digest is
// used only while size, inode, mtime and ctime stand as they were, and never for a file changed so shortly before it
// was read that a later change could have left the same times (the "racy" files of git's index). One process at a time:
// RunLock. Not thread-safe.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "blob/store.h"
#include "pipeline/lock.h"

namespace fettle::pipeline {

class Workspace {
 public:
  [[nodiscard]] static Result<Workspace> open(const std::string& project, const Clock& clock = system_clock());

  // Digest of a file or folder; nullopt if there is nothing of that name. All paths are relative to the project.
  [[nodiscard]] Result<std::optional<std::string>> digest(const std::string& path);
  [[nodiscard]] std::string path_of(const std::string& path) const { return project_ + "/" + path; }

  // Makes room for an out: nothing is there, and the folder above it is.
  [[nodiscard]] Result<void> clear(const std::string& out);
  // Stores outs that a step wrote, under its key. FailedPrecondition names an out that is missing.
  [[nodiscard]] Result<Digests> keep(const std::string& key, const std::vector<std::string>& outs);
  // What a step with this key gave, if all of it is still stored.
  [[nodiscard]] std::optional<Digests> cached(const std::string& key) const;
  // Puts a stored out back. DataLoss if what is stored is damaged: the step must run anew, which heals it.
  [[nodiscard]] Result<void> restore(const std::string& out, const std::string& digest);
  // Remembers digests for the next run. Losing them costs time, nothing else.
  [[nodiscard]] Result<void> save();

 private:
  struct Stamp {
    std::uint64_t size = 0, inode = 0;
    std::int64_t mtime_ns = 0, ctime_ns = 0;
    bool operator==(const Stamp&) const = default;
  };
  struct Known {
    Stamp stamp;
    std::int64_t read_ns = 0;  // when the reading began
    std::string digest;
  };

  Workspace(std::string project, std::unique_ptr<blob::Store> objects, const Clock& clock);
  void load_known();
  [[nodiscard]] static Result<Stamp> stamp_of(const std::string& absolute);
  [[nodiscard]] Result<std::string> file_digest(const std::string& path);
  [[nodiscard]] Result<std::string> folder_list(const std::string& path);  // canonical list of a folder's files
  [[nodiscard]] Result<std::string> keep_one(const std::string& out);
  [[nodiscard]] Result<void> keep_file(const std::string& path);
  [[nodiscard]] Result<void> restore_file(const std::string& absolute, const Digest& digest);
  [[nodiscard]] bool sound(const Digest& digest);  // stored and whole; a damaged object is removed
  [[nodiscard]] bool stored(const std::string& digest) const;
  [[nodiscard]] std::string step_file(const std::string& key) const;

  std::string project_;
  std::unique_ptr<blob::Store> objects_;
  const Clock* clock_;
  std::map<std::string, Known> known_;
  bool known_changed_ = false;
};

}  // namespace fettle::pipeline
