#include "blob/store.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <cstdio>

#include "base/rng.h"
#include "base/text.h"
#include "os/file.h"

namespace fettle::blob {
namespace {

constexpr std::string_view kIncoming = "incoming-";
constexpr std::string_view kLeaving = "leaving-";
constexpr std::int64_t kNsPerMs = 1'000'000;

class FileReader final : public Reader {
 public:
  FileReader(FILE* file, std::string path) : file_(file), path_(std::move(path)) {}
  FileReader(const FileReader&) = delete;
  FileReader& operator=(const FileReader&) = delete;
  ~FileReader() override { std::fclose(file_); }

  Result<std::string> next(std::size_t limit) override {
    std::string piece(limit, '\0');
    piece.resize(std::fread(piece.data(), 1, limit, file_));
    if (piece.empty() && std::ferror(file_) != 0)
      return fail(Code::DataLoss, text::format("cannot read '{}'; look at the disk", path_));
    return piece;
  }

 private:
  FILE* file_;
  std::string path_;
};

// The digest in an object's path below the folder: "ab/cdef...".
std::optional<Digest> digest_of(std::string path) {
  std::erase(path, '/');
  return Digest::parse(path);
}

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

// Whoever put an object a moment ago may not have synced its folder yet, nor may one that was killed then.
bool Store::renew(const Digest& digest) noexcept {
  const auto path = path_of(digest);
  if (::utimensat(AT_FDCWD, path.c_str(), nullptr, 0) != 0 && !has(digest)) return false;
  return os::sync_folder(path.substr(0, path.rfind('/'))).has_value();
}

Result<void> Store::make_folder_of(const Digest& digest) {
  auto& made = made_[std::stoul(digest.hex().substr(0, 2), nullptr, 16)];
  if (made) return {};
  const auto path = path_of(digest);
  FETTLE_TRY_(os::make_folders(path.substr(0, path.rfind('/'))));
  FETTLE_TRY_(os::sync_folder(folder_));  // also if another has made it: it may not have come to this yet
  made = true;
  return {};
}

Result<Digest> Store::put(std::string_view bytes) {
  const auto digest = Digest::of(bytes);
  if (renew(digest)) return digest;
  FETTLE_TRY_(make_folder_of(digest));
  FETTLE_TRY_(os::write_file(path_of(digest), bytes));
  ::chmod(path_of(digest).c_str(), 0444);
  return digest;
}

Result<Digest> Store::put_file(const std::string& path) {
  FETTLE_TRY(const auto digest, os::digest_file(path));
  if (renew(digest)) return digest;
  FETTLE_TRY(const auto copied, copy_in({&path, 1}));  // the digest of what was copied: the file may change meanwhile
  if (copied == digest) return digest;
  return fail(Code::Conflict, text::format("'{}' changed while it was stored; add it again", path));
}

// Under a private name until the digest of what was written is known.
Result<Digest> Store::copy_in(std::span<const std::string> files) {
  const auto copy = text::format("{}/{}{}", folder_, kIncoming, random_id());
  FETTLE_TRY(const auto digest, os::concatenate(files, copy));
  ::chmod(copy.c_str(), 0444);
  auto placed = make_folder_of(digest);
  if (placed) placed = os::rename(copy, path_of(digest));
  if (!placed) {
    FETTLE_TRY_(os::remove_all(copy));
    return fail(placed.error());
  }
  return digest;
}

Result<ObjectInfo> Store::put_files(std::span<const std::string> files, Keep keep) {
  Digest digest;
  if (files.size() == 1 && keep == Keep::No) {
    FETTLE_TRY(digest, os::digest_file(files[0]));
    if (!renew(digest)) {
      FETTLE_TRY_(make_folder_of(digest));
      ::chmod(files[0].c_str(), 0444);
      FETTLE_TRY_(os::move_file(files[0], path_of(digest)));
    }
  } else {
    FETTLE_TRY(digest, copy_in(files));
  }
  FETTLE_TRY(const auto info, os::stat_file(path_of(digest)));
  return ObjectInfo{digest, info.size, info.mtime_ns / kNsPerMs};
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

Result<std::optional<ObjectInfo>> Store::find(const Digest& digest) const {
  const auto info = os::stat_file(path_of(digest));
  if (!info && info.error().code == Code::NotFound) return std::optional<ObjectInfo>();
  if (!info) return fail(info.error());
  return std::optional(ObjectInfo{digest, info->size, info->mtime_ns / kNsPerMs});
}

Result<std::unique_ptr<Reader>> Store::read(const Digest& digest, std::uint64_t offset) const {
  const auto path = path_of(digest);
  FILE* file = std::fopen(path.c_str(), "rbe");
  if (file == nullptr)
    return fail(Code::NotFound, text::format("there is no object {} in '{}'", digest.hex(), folder_));
  auto reader = std::make_unique<FileReader>(file, path);
  if (::fseeko(file, static_cast<off_t>(offset), SEEK_SET) != 0)
    return fail(Code::InvalidArgument, text::format("'{}' has no byte {}", path, offset));
  return reader;
}

Result<std::vector<Digest>> Store::list() const {
  std::vector<Digest> out;
  FETTLE_TRY_(visit([&](const ObjectInfo& info) {
    out.push_back(info.digest);
    return true;
  }));
  return out;
}

Result<void> Store::visit(const std::function<bool(const ObjectInfo&)>& each) const {
  FETTLE_TRY(const auto folders, os::list_names(folder_));
  for (const auto& folder : folders) {
    if (folder.size() != 2) continue;
    FETTLE_TRY(const auto names, os::list_names(text::format("{}/{}", folder_, folder)));
    for (const auto& name : names) {
      const auto digest = digest_of(folder + name);
      if (!digest) continue;
      FETTLE_TRY(const auto info, find(*digest));  // gone since: fine
      if (info && !each(*info)) return {};
    }
  }
  return {};
}

// Out of the way first: whoever puts these bytes from now on stores them anew, and whoever did before has renewed the
// time of the very file that is looked at here.
Result<bool> Store::remove(const Digest& digest, std::int64_t unused_since_ms) {
  const auto path = path_of(digest);
  const auto aside = text::format("{}/{}{}", folder_, kLeaving, digest.hex());
  if (const auto moved = os::rename(path, aside); !moved)
    return moved.error().code == Code::NotFound ? Result<bool>(false) : fail(moved.error());
  FETTLE_TRY(const auto info, os::stat_file(aside));
  if (info.mtime_ns / kNsPerMs >= unused_since_ms) {
    FETTLE_TRY_(os::rename(aside, path));
    return false;
  }
  FETTLE_TRY_(os::remove_all(aside));
  return true;
}

Result<void> Store::remove_leftovers() {
  FETTLE_TRY(const auto names, os::list_names(folder_));
  for (const auto& name : names) {
    const auto path = text::format("{}/{}", folder_, name);
    if (name.starts_with(kIncoming)) FETTLE_TRY_(os::remove_all(path));
    const auto digest = name.starts_with(kLeaving) ? Digest::parse(name.substr(kLeaving.size())) : std::nullopt;
    if (digest) FETTLE_TRY_(os::rename(path, path_of(*digest)));
  }
  return {};
}

}  // namespace fettle::blob
