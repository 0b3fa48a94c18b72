// A folder of this machine as a tree. Every part of a path is opened from the folder above it and never through a
// symbolic link, so that nothing outside is reached, whatever others change meanwhile.
#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "base/rng.h"
#include "base/text.h"
#include "blob/tree.h"
#include "os/errors.h"
#include "os/file.h"

namespace fettle::blob {
namespace {

constexpr std::size_t kPiece = 1U << 20U;

class Handle {
 public:
  explicit Handle(int fd) noexcept : fd_(fd) {}
  Handle(Handle&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Handle& operator=(Handle&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~Handle() {
    if (fd_ >= 0) ::close(fd_);
  }
  [[nodiscard]] int get() const noexcept { return fd_; }
  [[nodiscard]] bool ok() const noexcept { return fd_ >= 0; }

 private:
  int fd_;
};

std::unexpected<Error> path_error(std::string_view verb, const std::string& path) {
  const int number = errno;
  if (number == ELOOP || number == ENOTDIR)
    return fail(
        Code::InvalidArgument,
        text::format("Invalid path: '{}' leads through a file or a symbolic link, which is not followed", path));
  errno = number;
  return os::system_error(verb, path);
}

struct Place {
  std::string folder, name;
};
Result<Place> place_of(const std::string& path) {
  const auto parts = text::split(path, '/');
  const auto wrong = [](const std::string& part) {
    return part.empty() || part == "." || part == ".." || part.find('\0') != std::string::npos;
  };
  if (!path.empty() && std::ranges::any_of(parts, wrong))
    return fail(Code::InvalidArgument, "Invalid path: it has an empty part, '.', '..' or NUL");
  const auto slash = path.rfind('/');
  if (slash == std::string::npos) return Place{"", path};
  return Place{path.substr(0, slash), path.substr(slash + 1)};
}

TreeEntry entry_of(std::string name, const struct stat& info) {
  const bool is_folder = S_ISDIR(info.st_mode);
  return {std::move(name), is_folder, is_folder ? 0 : static_cast<std::uint64_t>(info.st_size),
          std::int64_t{info.st_mtim.tv_sec} * 1000 + info.st_mtim.tv_nsec / 1'000'000};
}

class HandleReader final : public Reader {
 public:
  HandleReader(Handle file, std::string path, std::uint64_t offset)
      : file_(std::move(file)), path_(std::move(path)), at_(static_cast<off_t>(offset)) {}
  Result<std::string> next(std::size_t limit) override {
    std::string piece(limit, '\0');
    const auto got = ::pread(file_.get(), piece.data(), limit, at_);
    if (got < 0) return path_error("read", path_);
    piece.resize(static_cast<std::size_t>(got));
    at_ += got;
    return piece;
  }

 private:
  Handle file_;
  std::string path_;
  off_t at_;
};

class FolderTree final : public Tree {
 public:
  explicit FolderTree(Handle root) : root_(std::move(root)) {}

  Result<std::optional<TreeEntry>> find(const std::string& path) const override {
    FETTLE_TRY(const auto place, place_of(path));
    const auto& [folder, name] = place;
    const auto above = open_folder_at(folder, false);
    if (!above && above.error().code == Code::NotFound) return std::optional<TreeEntry>();
    if (!above) return fail(above.error());
    struct stat info{};
    if (::fstatat(above->get(), name.empty() ? "." : name.c_str(), &info, AT_SYMLINK_NOFOLLOW) != 0) {
      if (errno == ENOENT) return std::optional<TreeEntry>();
      return path_error("look at", path);
    }
    if (!S_ISREG(info.st_mode) && !S_ISDIR(info.st_mode)) {
      errno = ELOOP;
      return path_error("look at", path);
    }
    return std::optional(entry_of(name, info));
  }

  Result<std::vector<TreeEntry>> list(const std::string& folder) const override {
    std::vector<TreeEntry> out;
    FETTLE_TRY(const auto found, find(folder));
    if (!found || !found->is_folder) return out;
    FETTLE_TRY(auto handle, open_folder_at(folder, false));
    const int copy = ::openat(handle.get(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR* stream = copy < 0 ? nullptr : ::fdopendir(copy);
    if (stream == nullptr) return path_error("list", folder);
    while (const dirent* entry = ::readdir(stream)) {
      const std::string_view name = entry->d_name;
      struct stat info{};
      if (name == "." || name == ".." || ::fstatat(handle.get(), entry->d_name, &info, AT_SYMLINK_NOFOLLOW) != 0)
        continue;
      if (S_ISREG(info.st_mode) || S_ISDIR(info.st_mode)) out.push_back(entry_of(std::string(name), info));
    }
    ::closedir(stream);
    std::ranges::sort(out, {}, &TreeEntry::name);
    return out;
  }

  Result<std::unique_ptr<Reader>> read(const std::string& path, std::uint64_t offset) const override {
    FETTLE_TRY(const auto place, place_of(path));
    const auto& [folder, name] = place;
    FETTLE_TRY(const auto above, open_folder_at(folder, false));
    Handle file(::openat(above.get(), name.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
    struct stat info{};
    if (!file.ok()) return path_error("read", path);
    if (::fstat(file.get(), &info) != 0 || !S_ISREG(info.st_mode))
      return fail(Code::NotFound, text::format("'{}' is no file", path));
    return std::make_unique<HandleReader>(std::move(file), path, offset);
  }

  Result<void> write(const std::string& path, std::span<const std::string> files) override {
    FETTLE_TRY(const auto place, place_of(path));
    const auto& [folder, name] = place;
    if (name.empty()) return fail(Code::InvalidArgument, "Invalid path: the root is a folder");
    FETTLE_TRY(const auto above, open_folder_at(folder, true));
    const auto temporary = ".incoming-" + random_id();
    Handle file(::openat(above.get(), temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644));
    if (!file.ok()) return path_error("create", path);
    auto done = fill(file, files, path);
    if (done && ::renameat(above.get(), temporary.c_str(), above.get(), name.c_str()) != 0)
      done = path_error("rename into place", path);
    if (done && ::fsync(above.get()) != 0) done = path_error("sync", path);
    if (!done) ::unlinkat(above.get(), temporary.c_str(), 0);
    return done;
  }

  Result<void> remove(const std::string& path) override {
    FETTLE_TRY(const auto place, place_of(path));
    const auto& [folder, name] = place;
    if (name.empty()) return fail(Code::InvalidArgument, "Invalid path: the root stays");
    const auto above = open_folder_at(folder, false);
    if (!above) return above.error().code == Code::NotFound ? Result<void>() : fail(above.error());
    return remove_at(above->get(), name, path);
  }

 private:
  // The folder at `path`, part by part; made where missing if `make`.
  [[nodiscard]] Result<Handle> open_folder_at(const std::string& path, bool make) const {
    Handle at(::openat(root_.get(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!at.ok()) return path_error("open", path);
    if (path.empty()) return at;
    for (const auto& part : text::split(path, '/')) {
      if (make && ::mkdirat(at.get(), part.c_str(), 0755) == 0) ::fsync(at.get());
      Handle next(::openat(at.get(), part.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
      if (!next.ok()) return path_error("open", path);
      at = std::move(next);
    }
    return at;
  }

  static Result<void> fill(const Handle& file, std::span<const std::string> files, const std::string& path) {
    for (const auto& source : files) {
      Handle opened(::open(source.c_str(), O_RDONLY | O_CLOEXEC));
      if (!opened.ok()) return path_error("read", source);
      HandleReader from(std::move(opened), source, 0);
      for (;;) {
        FETTLE_TRY(const auto piece, from.next(kPiece));
        if (piece.empty()) break;
        FETTLE_TRY_(write_all(file, piece, path));
      }
    }
    if (::fsync(file.get()) != 0) return path_error("sync", path);
    return {};
  }

  static Result<void> write_all(const Handle& file, std::string_view bytes, const std::string& path) {
    while (!bytes.empty()) {
      const auto wrote = ::write(file.get(), bytes.data(), bytes.size());
      if (wrote < 0 && errno != EINTR) return path_error("write", path);
      if (wrote > 0) bytes.remove_prefix(static_cast<std::size_t>(wrote));
    }
    return {};
  }

  static Result<void> remove_at(int folder, const std::string& name, const std::string& path) {
    if (::unlinkat(folder, name.c_str(), 0) == 0 || errno == ENOENT) return {};
    if (errno != EISDIR && errno != EPERM) return path_error("remove", path);
    Handle inside(::openat(folder, name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    if (!inside.ok()) return path_error("remove", path);
    const int copy = ::openat(inside.get(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR* stream = copy < 0 ? nullptr : ::fdopendir(copy);
    if (stream == nullptr) return path_error("remove", path);
    std::vector<std::string> names;
    while (const dirent* entry = ::readdir(stream)) names.emplace_back(entry->d_name);
    ::closedir(stream);
    for (const auto& child : names)
      if (child != "." && child != "..") FETTLE_TRY_(remove_at(inside.get(), child, path + "/" + child));
    if (::unlinkat(folder, name.c_str(), AT_REMOVEDIR) != 0) return path_error("remove", path);
    return {};
  }

  Handle root_;
};

}  // namespace

Result<std::unique_ptr<Tree>> open_folder(const std::string& folder) {
  FETTLE_TRY_(os::make_folders(folder));
  Handle root(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!root.ok()) return path_error("open", folder);
  return std::make_unique<FolderTree>(std::move(root));
}

}  // namespace fettle::blob
