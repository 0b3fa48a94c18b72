#include "os/output_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "base/rng.h"
#include "base/text.h"
#include "os/errors.h"
#include "os/file.h"

namespace fettle::os {
namespace {

constexpr ::mode_t kMode = 0644;

std::string folder_above(const std::string& path) {
  const auto slash = path.rfind('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

std::unexpected<Error> taken(const std::string& path) {
  return fail(Code::AlreadyExists, text::format("'{}' exists", path));
}

}  // namespace

Result<OutputFile> OutputFile::create(const std::string& path, Replace replace) {
  if (is_folder(path)) return fail(Code::InvalidArgument, text::format("'{}' is a folder, not a file", path));
  if (replace == Replace::No && exists(path)) return taken(path);
  const int nameless = ::open(folder_above(path).c_str(), O_TMPFILE | O_WRONLY | O_CLOEXEC, kMode);
  if (nameless >= 0) return OutputFile(nameless, path, replace);
  if (errno != EOPNOTSUPP && errno != EISDIR) return system_error("create", path);
  auto temporary = text::format("{}.{}.partial", path, random_id());
  const int named = ::open(temporary.c_str(), O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, kMode);
  if (named < 0) return system_error("create", path);
  OutputFile out(named, path, replace);
  out.temporary_ = std::move(temporary);
  return out;
}

OutputFile::OutputFile(OutputFile&& other) noexcept
    : fd_(std::exchange(other.fd_, -1)),
      path_(std::move(other.path_)),
      replace_(other.replace_),
      temporary_(std::exchange(other.temporary_, {})) {}

OutputFile::~OutputFile() {
  if (fd_ >= 0) ::close(fd_);
  if (!temporary_.empty()) ::unlink(temporary_.c_str());
}

Result<void> OutputFile::write(std::string_view bytes) {
  while (!bytes.empty()) {
    const auto wrote = ::write(fd_, bytes.data(), bytes.size());
    if (wrote < 0 && errno == EINTR) continue;
    if (wrote < 0) return system_error("write", path_);
    bytes.remove_prefix(static_cast<std::size_t>(wrote));
  }
  return {};
}

Result<void> OutputFile::publish() {
  if (::fsync(fd_) != 0) return system_error("sync", path_);
  if (temporary_.empty()) {
    const auto itself = text::format("/proc/self/fd/{}", fd_);
    auto name = replace_ == Replace::Yes ? text::format("{}.{}.partial", path_, random_id()) : path_;
    if (::linkat(AT_FDCWD, itself.c_str(), AT_FDCWD, name.c_str(), AT_SYMLINK_FOLLOW) != 0)
      return errno == EEXIST ? taken(path_) : system_error("name", path_);
    if (replace_ == Replace::No) return sync_folder(folder_above(path_));
    temporary_ = std::move(name);
  }
  if (replace_ == Replace::No) {  // link() fails where rename() would replace
    if (::link(temporary_.c_str(), path_.c_str()) != 0)
      return errno == EEXIST ? taken(path_) : system_error("name", path_);
    return sync_folder(folder_above(path_));
  }
  FETTLE_TRY_(rename(temporary_, path_));
  temporary_.clear();
  return sync_folder(folder_above(path_));
}

}  // namespace fettle::os
