#include "blob/store.h"

#include <sys/stat.h>

#include "base/text.h"
#include "os/file.h"

namespace fettle::blob {
namespace {

constexpr std::string_view kIncoming = "incoming-";

}  // namespace

Result<std::unique_ptr<Store>> Store::open(const std::string& folder) {
  FETTLE_TRY_(os::make_folders(folder));
  return std::unique_ptr<Store>(new Store(folder));
}

std::string Store::path_of(const Digest& digest) const {
  const auto hex = digest.hex();
  return text::format("{}/{}/{}", folder_, hex.substr(0, 2), hex.substr(2));
}

bool Store::has(const Digest& digest) const noexcept { return os::exists(path_of(digest)); }

Result<Digest> Store::put(std::string_view bytes) {
  const auto digest = Digest::of(bytes);
  if (has(digest)) return digest;
  FETTLE_TRY_(os::make_folders(text::format("{}/{}", folder_, digest.hex().substr(0, 2))));
  FETTLE_TRY_(os::write_file(path_of(digest), bytes));
  ::chmod(path_of(digest).c_str(), 0444);
  return digest;
}

Result<Digest> Store::put_file(const std::string& path) {
  FETTLE_TRY(const auto digest, os::digest_file(path));
  if (has(digest)) return digest;
  FETTLE_TRY_(os::make_folders(text::format("{}/{}", folder_, digest.hex().substr(0, 2))));
  // The file may change while it is read: copy under a private name and take the digest of what was copied.
  const auto copy = text::format("{}/{}{}", folder_, kIncoming, digest.hex());
  FETTLE_TRY_(os::copy_file(path, copy));
  FETTLE_TRY(const auto copied, os::digest_file(copy));
  if (copied != digest) {
    FETTLE_TRY_(os::remove_all(copy));
    return fail(Code::Conflict, text::format("'{}' changed while it was stored; add it again", path));
  }
  FETTLE_TRY_(os::rename(copy, path_of(digest)));
  ::chmod(path_of(digest).c_str(), 0444);
  return digest;
}

Result<std::string> Store::get(const Digest& digest) const {
  auto bytes = os::read_file(path_of(digest));
  if (!bytes && bytes.error().code == Code::NotFound)
    return fail(Code::NotFound, text::format("there is no object {} in '{}'", digest.hex(), folder_));
  if (bytes && Digest::of(*bytes) != digest) return verify(digest).transform([] { return std::string(); });
  return bytes;
}

Result<void> Store::verify(const Digest& digest) const {
  if (!has(digest)) return fail(Code::NotFound, text::format("there is no object {} in '{}'", digest.hex(), folder_));
  FETTLE_TRY(const auto found, os::digest_file(path_of(digest)));
  if (found == digest) return {};
  return fail(Code::DataLoss, text::format("object {} is damaged: its bytes have digest {}; restore '{}' from a copy",
                                           digest.hex(), found.hex(), path_of(digest)));
}

Result<void> Store::checkout(const Digest& digest, const std::string& path) const {
  FETTLE_TRY_(verify(digest));
  return os::copy_file(path_of(digest), path);
}

Result<std::vector<Digest>> Store::list() const {
  FETTLE_TRY(const auto files, os::list_files(folder_));
  std::vector<Digest> out;
  for (const auto& file : files) {
    std::string name = file.path;
    std::erase(name, '/');
    if (const auto digest = Digest::parse(name)) out.push_back(*digest);
  }
  return out;
}

Result<void> Store::remove_leftovers() {
  FETTLE_TRY(const auto names, os::list_names(folder_));
  for (const auto& name : names)
    if (name.starts_with(kIncoming)) FETTLE_TRY_(os::remove_all(text::format("{}/{}", folder_, name)));
  return {};
}

}  // namespace fettle::blob
