// Files: crash-safe writes, reads, folders. Errors name the path, the system's reason and the next step where one is
// known.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/digest.h"
#include "base/result.h"

namespace fettle::os {

[[nodiscard]] Result<std::string> read_file(const std::string& path);
// Temporary name in the same folder, fsync, rename, fsync of the folder: readers see all or nothing.
[[nodiscard]] Result<void> write_file(const std::string& path, std::string_view bytes);
// The same for a secret: only the file's owner may read it, from its first byte on.
[[nodiscard]] Result<void> write_private_file(const std::string& path, std::string_view bytes);
[[nodiscard]] Result<void> make_folders(const std::string& path);  // with those above it; new ones are durable
[[nodiscard]] Result<void> remove_all(const std::string& path);    // missing is fine
[[nodiscard]] Result<void> rename(const std::string& from, const std::string& to);
// rename() that makes the file's own bytes durable first; copies where the two lie on different file systems.
[[nodiscard]] Result<void> move_file(const std::string& from, const std::string& to);
[[nodiscard]] Result<void> sync_file(const std::string& path);
[[nodiscard]] Result<void> sync_folder(const std::string& path);
[[nodiscard]] Result<void> copy_file(const std::string& from, const std::string& to);  // durable, atomic
// The bytes of all `files`, one after the other, as the file `to`, durable and atomic; their digest.
[[nodiscard]] Result<Digest> concatenate(std::span<const std::string> files, const std::string& to);
[[nodiscard]] bool exists(const std::string& path) noexcept;
[[nodiscard]] bool is_folder(const std::string& path) noexcept;

struct FileInfo {
  std::string path;  // relative to the listed folder, '/' between parts
  std::uint64_t size = 0;
  std::int64_t mtime_ns = 0;
  std::uint64_t inode = 0;
};
[[nodiscard]] Result<FileInfo> stat_file(const std::string& path);
// Regular files below a folder, sorted by path. Symbolic links are not followed; one is an InvalidArgument.
[[nodiscard]] Result<std::vector<FileInfo>> list_files(const std::string& folder);
// Names directly inside a folder, sorted.
[[nodiscard]] Result<std::vector<std::string>> list_names(const std::string& folder);
[[nodiscard]] Result<Digest> digest_file(const std::string& path);
struct Content {
  Digest digest;
  std::uint64_t size = 0;
};
// Of the bytes of all `files`, one after the other.
[[nodiscard]] Result<Content> digest_files(std::span<const std::string> files);

class TempFolder {  // Removed with all it holds when destroyed.
 public:
  [[nodiscard]] static Result<TempFolder> create(const std::string& prefix = "fettle");
  TempFolder(TempFolder&& other) noexcept;
  TempFolder& operator=(TempFolder&& other) noexcept;
  ~TempFolder();
  [[nodiscard]] const std::string& path() const noexcept { return path_; }

 private:
  explicit TempFolder(std::string path) : path_(std::move(path)) {}
  std::string path_;
};

class MappedFile {  // Read-only memory map of a whole file.
 public:
  [[nodiscard]] static Result<MappedFile> open(const std::string& path);
  MappedFile(MappedFile&& other) noexcept;
  MappedFile& operator=(MappedFile&&) = delete;
  ~MappedFile();
  [[nodiscard]] std::string_view bytes() const noexcept { return {data_, size_}; }

 private:
  MappedFile(const char* data, std::size_t size) : data_(data), size_(size) {}
  const char* data_;
  std::size_t size_;
};

// Exclusive advisory lock on a file (flock), held while the object lives; FailedPrecondition if another process has it.
class FileLock {
 public:
  [[nodiscard]] static Result<FileLock> acquire(const std::string& path);
  FileLock(FileLock&& other) noexcept;
  FileLock& operator=(FileLock&&) = delete;
  ~FileLock();

 private:
  explicit FileLock(int fd) : fd_(fd) {}
  int fd_;
};

}  // namespace fettle::os
