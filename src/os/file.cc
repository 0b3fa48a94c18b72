#include "os/file.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <functional>

#include "base/text.h"
#include "os/errors.h"

namespace fettle::os {
namespace {

namespace fs = std::filesystem;

class Descriptor {
 public:
  explicit Descriptor(int fd) noexcept : fd_(fd) {}
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  [[nodiscard]] int get() const noexcept { return fd_; }
  [[nodiscard]] bool ok() const noexcept { return fd_ >= 0; }

 private:
  int fd_;
};

std::string folder_of(const std::string& path) {
  const auto slash = path.rfind('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

Result<void> write_all(int fd, std::string_view bytes, const std::string& path) {
  while (!bytes.empty()) {
    const auto wrote = ::write(fd, bytes.data(), bytes.size());
    if (wrote < 0 && errno != EINTR) return system_error("write", path);
    if (wrote > 0) bytes.remove_prefix(static_cast<std::size_t>(wrote));
  }
  return {};
}

// Calls `visit` with the file's bytes, piece by piece.
Result<void> read_pieces(const std::string& path, const std::function<Result<void>(std::string_view)>& visit) {
  const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file.ok()) return system_error("read", path);
  std::string buffer(1U << 18U, '\0');
  for (;;) {
    const auto got = ::read(file.get(), buffer.data(), buffer.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return system_error("read", path);
    if (got == 0) return {};
    FETTLE_TRY_(visit({buffer.data(), static_cast<std::size_t>(got)}));
  }
}

// Fills a temporary file beside `path` by `fill(fd)`, then renames it into place durably; on any error nothing is left.
Result<void> replace_file(const std::string& path, const std::function<Result<void>(int)>& fill, ::mode_t mode = 0644) {
  std::string temporary = path + ".XXXXXX";
  const Descriptor file(::mkostemp(temporary.data(), O_CLOEXEC));
  if (!file.ok()) return system_error("create", path);
  const auto finish = [&]() -> Result<void> {
    FETTLE_TRY_(fill(file.get()));
    ::fchmod(file.get(), mode);
    if (::fsync(file.get()) != 0) return system_error("sync", path);
    if (::rename(temporary.c_str(), path.c_str()) != 0) return system_error("rename into place", path);
    return sync_folder(folder_of(path));
  };
  auto done = finish();
  if (!done) ::unlink(temporary.c_str());
  return done;
}

Result<void> list_into(const std::string& root, const std::string& relative, std::vector<FileInfo>& out) {
  const std::string folder = relative.empty() ? root : root + "/" + relative;
  FETTLE_TRY(const auto names, list_names(folder));
  for (const auto& name : names) {
    const std::string path = relative.empty() ? name : relative + "/" + name;
    struct stat info{};
    if (::lstat((root + "/" + path).c_str(), &info) != 0) return system_error("look at", root + "/" + path);
    if (S_ISDIR(info.st_mode)) {
      FETTLE_TRY_(list_into(root, path, out));
    } else if (S_ISREG(info.st_mode)) {
      FETTLE_TRY(auto file, stat_file(root + "/" + path));
      file.path = path;
      out.push_back(std::move(file));
    } else {
      return fail(Code::InvalidArgument,
                  text::format("'{}/{}' is neither a file nor a folder; links and devices are not "
                               "followed: replace it by what it points to",
                               root, path));
    }
  }
  return {};
}

}  // namespace

std::unexpected<Error> system_error(std::string_view verb, const std::string& path) {
  const int number = errno;
  auto code = Code::Internal;
  std::string_view hint;
  switch (number) {
    case ENOENT:
      code = Code::NotFound;
      break;
    case ENOTDIR:
    case EISDIR:
    case ENAMETOOLONG:
    case ELOOP:
      code = Code::InvalidArgument;
      break;
    case EACCES:
    case EPERM:
    case EROFS:
      code = Code::PermissionDenied;
      hint = "; check its owner and mode";
      break;
    case ENOSPC:
    case EDQUOT:
    case EFBIG:  // a limit on the size of files: ulimit -f
      code = Code::ResourceExhausted;
      hint = "; free space and run again";
      break;
    case EMFILE:
    case ENFILE:
      code = Code::ResourceExhausted;
      break;
    case EEXIST:
      code = Code::AlreadyExists;
      break;
    case EIO:
      code = Code::DataLoss;
      break;
    default:
      break;
  }
  std::array<char, 128> buffer{};
  const char* reason = ::strerror_r(number, buffer.data(), buffer.size());
  return fail(code, text::format("cannot {} '{}': {}{}", verb, path, reason, hint));
}

Result<std::string> read_file(const std::string& path) {
  std::string bytes;
  FETTLE_TRY_(read_pieces(path, [&](std::string_view piece) -> Result<void> {
    bytes += piece;
    return {};
  }));
  return bytes;
}

Result<void> write_file(const std::string& path, std::string_view bytes) {
  return replace_file(path, [&](int fd) { return write_all(fd, bytes, path); });
}

Result<void> write_private_file(const std::string& path, std::string_view bytes) {
  return replace_file(path, [&](int fd) { return write_all(fd, bytes, path); }, 0600);
}

Result<void> copy_file(const std::string& from, const std::string& to) {
  return replace_file(
      to, [&](int fd) { return read_pieces(from, [&](std::string_view piece) { return write_all(fd, piece, to); }); });
}

Result<Digest> concatenate(std::span<const std::string> files, const std::string& to) {
  Hasher hasher;
  FETTLE_TRY_(replace_file(to, [&](int fd) -> Result<void> {
    for (const auto& file : files)
      FETTLE_TRY_(read_pieces(file, [&](std::string_view piece) {
        hasher.add(piece);
        return write_all(fd, piece, to);
      }));
    return {};
  }));
  return hasher.finish();
}

Result<Content> digest_files(std::span<const std::string> files) {
  Hasher hasher;
  Content out;
  for (const auto& file : files)
    FETTLE_TRY_(read_pieces(file, [&](std::string_view piece) -> Result<void> {
      hasher.add(piece);
      out.size += piece.size();
      return {};
    }));
  out.digest = hasher.finish();
  return out;
}

Result<Digest> digest_file(const std::string& path) {
  FETTLE_TRY(const auto content, digest_files({&path, 1}));
  return content.digest;
}

Result<void> make_folders(const std::string& path) {
  if (is_folder(path)) return {};
  const auto above = folder_of(path);
  if (above != path) FETTLE_TRY_(make_folders(above));
  if (::mkdir(path.c_str(), 0777) != 0 && (errno != EEXIST || !is_folder(path)))
    return system_error("create folder", path);
  return sync_folder(above);
}

Result<void> remove_all(const std::string& path) {
  std::error_code error;
  fs::remove_all(path, error);
  if (!error) return {};
  errno = error.value();
  return system_error("remove", path);
}

Result<void> rename(const std::string& from, const std::string& to) {
  if (::rename(from.c_str(), to.c_str()) != 0) return system_error("rename", from);
  return sync_folder(folder_of(to));
}

Result<void> sync_file(const std::string& path) {
  const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file.ok() || ::fsync(file.get()) != 0) return system_error("sync", path);
  return {};
}

Result<void> move_file(const std::string& from, const std::string& to) {
  FETTLE_TRY_(sync_file(from));
  if (::rename(from.c_str(), to.c_str()) == 0) return sync_folder(folder_of(to));
  if (errno != EXDEV) return system_error("rename", from);
  FETTLE_TRY_(copy_file(from, to));
  return remove_all(from);
}

Result<void> sync_folder(const std::string& path) {
  const Descriptor folder(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!folder.ok() || ::fsync(folder.get()) != 0) return system_error("sync folder", path);
  return {};
}

bool exists(const std::string& path) noexcept { return ::access(path.c_str(), F_OK) == 0; }

bool is_folder(const std::string& path) noexcept {
  struct stat info{};
  return ::stat(path.c_str(), &info) == 0 && S_ISDIR(info.st_mode);
}

Result<FileInfo> stat_file(const std::string& path) {
  struct stat info{};
  if (::stat(path.c_str(), &info) != 0) return system_error("look at", path);
  return FileInfo{path, static_cast<std::uint64_t>(info.st_size),
                  std::int64_t{info.st_mtim.tv_sec} * 1'000'000'000 + info.st_mtim.tv_nsec, info.st_ino};
}

Result<std::vector<FileInfo>> list_files(const std::string& folder) {
  std::vector<FileInfo> out;
  FETTLE_TRY_(list_into(folder, "", out));
  std::ranges::sort(out, {}, &FileInfo::path);
  return out;
}

Result<std::vector<std::string>> list_names(const std::string& folder) {
  DIR* stream = ::opendir(folder.c_str());
  if (stream == nullptr) return system_error("list", folder);
  std::vector<std::string> names;
  while (const dirent* entry = ::readdir(stream)) {
    const std::string_view name = entry->d_name;
    if (name != "." && name != "..") names.emplace_back(name);
  }
  ::closedir(stream);
  std::ranges::sort(names);
  return names;
}

Result<TempFolder> TempFolder::create(const std::string& prefix) {
  std::error_code error;
  std::string path = (fs::temp_directory_path(error) / (prefix + ".XXXXXX")).string();
  if (::mkdtemp(path.data()) == nullptr) return system_error("create temporary folder", path);
  return TempFolder(std::move(path));
}
TempFolder::TempFolder(TempFolder&& other) noexcept : path_(std::exchange(other.path_, {})) {}
TempFolder& TempFolder::operator=(TempFolder&& other) noexcept {
  std::swap(path_, other.path_);
  return *this;
}
TempFolder::~TempFolder() {
  std::error_code ignored;
  if (!path_.empty()) fs::remove_all(path_, ignored);
}

Result<MappedFile> MappedFile::open(const std::string& path) {
  const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  struct stat info{};
  if (!file.ok() || ::fstat(file.get(), &info) != 0) return system_error("read", path);
  const auto size = static_cast<std::size_t>(info.st_size);
  if (size == 0) return MappedFile("", 0);
  void* data = ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, file.get(), 0);
  if (data == MAP_FAILED) return system_error("map", path);
  return MappedFile(static_cast<const char*>(data), size);
}
MappedFile::MappedFile(MappedFile&& other) noexcept
    : data_(std::exchange(other.data_, "")), size_(std::exchange(other.size_, 0)) {}
MappedFile::~MappedFile() {
  if (size_ > 0) ::munmap(const_cast<char*>(data_), size_);
}

Result<FileLock> FileLock::acquire(const std::string& path) {
  const int fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
  if (fd < 0) return system_error("lock", path);
  if (::flock(fd, LOCK_EX | LOCK_NB) == 0) return FileLock(fd);
  ::close(fd);
  return fail(Code::FailedPrecondition,
              text::format("'{}' is locked by another process; wait until it has ended and run again", path));
}
FileLock::FileLock(FileLock&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
FileLock::~FileLock() {
  if (fd_ >= 0) ::close(fd_);
}

}  // namespace fettle::os
