#include "pipeline/workspace.h"

#include <sys/stat.h>

#include "base/text.h"
#include "json/describe.h"
#include "os/errors.h"
#include "os/file.h"

namespace fettle::pipeline {
namespace {

constexpr std::string_view kCache = ".fettle/cache";
constexpr std::int64_t kRacyNs = 50'000'000;  // coarser than the clocks of file systems in use (4 to 10 ms)

struct Member {  // one file of a stored folder
  std::string path, digest;
};
BOOST_DESCRIBE_STRUCT(Member, (), (path, digest))

bool is_folder_digest(std::string_view digest) { return digest.ends_with('/'); }

Result<Digest> parse_digest(std::string_view text) {
  if (is_folder_digest(text)) text.remove_suffix(1);
  if (const auto digest = Digest::parse(text)) return *digest;
  return fail(Code::DataLoss, text::format("'{}' is no digest", text));
}

Result<std::vector<Member>> read_members(const blob::Store& objects, const Digest& digest) {
  FETTLE_TRY(const auto bytes, objects.get(digest));
  FETTLE_TRY(const auto value, json::parse(bytes, "list of a folder"));
  return json::from_value<std::vector<Member>>(value, "list of a folder");
}

std::int64_t nanoseconds(const timespec& time) { return std::int64_t{time.tv_sec} * 1'000'000'000 + time.tv_nsec; }

std::string folder_above(const std::string& path) { return path.substr(0, path.rfind('/')); }

}  // namespace

Workspace::Workspace(std::string project, std::unique_ptr<blob::Store> objects, const Clock& clock)
    : project_(std::move(project)), objects_(std::move(objects)), clock_(&clock) {}

Result<Workspace> Workspace::open(const std::string& project, const Clock& clock) {
  FETTLE_TRY(auto objects, blob::Store::open(text::format("{}/{}/objects", project, kCache)));
  FETTLE_TRY_(os::make_folders(text::format("{}/{}/steps", project, kCache)));
  Workspace workspace(project, std::move(objects), clock);
  workspace.load_known();
  return workspace;
}

// One line a file: size, inode, mtime, ctime, time of reading, digest, path.
void Workspace::load_known() {
  const auto text = os::read_file(text::format("{}/{}/stat", project_, kCache));
  if (!text) return;
  for (std::string_view rest = *text; !rest.empty();) {
    const auto line = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(std::min(rest.size(), line.size() + 1));
    std::array<std::int64_t, 5> numbers{};
    std::size_t at = 0;
    bool whole = true;
    for (auto& number : numbers) {
      const auto end = line.find(' ', at);
      const auto value = end == std::string_view::npos ? std::nullopt : text::parse_int(line.substr(at, end - at));
      whole = whole && value.has_value();
      if (!whole) break;
      number = *value;
      at = end + 1;
    }
    if (!whole || line.size() < at + 66) continue;
    const Stamp stamp{static_cast<std::uint64_t>(numbers[0]), static_cast<std::uint64_t>(numbers[1]), numbers[2],
                      numbers[3]};
    known_.insert_or_assign(std::string(line.substr(at + 65)),
                            Known{stamp, numbers[4], std::string(line.substr(at, 64))});
  }
}

Result<void> Workspace::save() {
  if (!known_changed_) return {};
  std::string text;
  for (const auto& [path, known] : known_)
    text += text::format("{} {} {} {} {} {} {}\n", known.stamp.size, known.stamp.inode, known.stamp.mtime_ns,
                         known.stamp.ctime_ns, known.read_ns, known.digest, path);
  known_changed_ = false;
  return os::write_file(text::format("{}/{}/stat", project_, kCache), text);
}

Result<Workspace::Stamp> Workspace::stamp_of(const std::string& absolute) {
  struct ::stat status{};
  if (::lstat(absolute.c_str(), &status) != 0) return os::system_error("look at", absolute);
  if (S_ISLNK(status.st_mode))
    return fail(Code::InvalidArgument,
                text::format("'{}' is a symbolic link; a step's files must be files, so that their content is known",
                             absolute));
  return Stamp{static_cast<std::uint64_t>(status.st_size), status.st_ino, nanoseconds(status.st_mtim),
               nanoseconds(status.st_ctim)};
}

Result<std::string> Workspace::file_digest(const std::string& path) {
  const auto absolute = path_of(path);
  FETTLE_TRY(const auto stamp, stamp_of(absolute));
  const auto found = known_.find(path);
  if (found != known_.end() && found->second.stamp == stamp) {
    const auto& known = found->second;
    if (known.read_ns - std::max(stamp.mtime_ns, stamp.ctime_ns) > kRacyNs) return known.digest;
  }
  const auto read_ns = clock_->now_ms() * 1'000'000;
  FETTLE_TRY(const auto digest, os::digest_file(absolute));
  known_.insert_or_assign(path, Known{stamp, read_ns, digest.hex()});
  known_changed_ = true;
  return digest.hex();
}

Result<std::string> Workspace::folder_list(const std::string& path) {
  FETTLE_TRY(const auto files, os::list_files(path_of(path)));
  std::vector<Member> members;
  for (const auto& file : files) {
    FETTLE_TRY(auto digest, file_digest(path + "/" + file.path));
    members.push_back({file.path, std::move(digest)});
  }
  return json::dump(json::to_value(members));
}

Result<std::optional<std::string>> Workspace::digest(const std::string& path) {
  const auto absolute = path_of(path);
  if (os::is_folder(absolute)) {
    FETTLE_TRY(const auto list, folder_list(path));
    return Digest::of(list).hex() + "/";
  }
  if (!os::exists(absolute)) return std::nullopt;
  return file_digest(path);
}

Result<void> Workspace::clear(const std::string& out) {
  FETTLE_TRY_(os::remove_all(path_of(out)));
  return os::make_folders(folder_above(path_of(out)));
}

// A damaged object would stand in the way of the same content stored anew.
bool Workspace::sound(const Digest& digest) {
  const auto whole = objects_->verify(digest);
  if (!whole && whole.error().code == Code::DataLoss) return !os::remove_all(objects_->path_of(digest)).has_value();
  return whole.has_value();
}

Result<void> Workspace::keep_file(const std::string& path) {
  FETTLE_TRY(const auto expected, file_digest(path));
  FETTLE_TRY(const auto digest, parse_digest(expected));
  if (sound(digest)) return {};
  FETTLE_TRY(const auto stored, objects_->put_file(path_of(path)));
  if (stored.hex() == expected) return {};
  return fail(Code::Conflict, text::format("'{}' changed while it was stored; is its step still writing?", path));
}

Result<std::string> Workspace::keep_one(const std::string& out) {
  FETTLE_TRY(auto digest, this->digest(out));
  if (!digest)
    return fail(
        Code::FailedPrecondition,
        text::format("the step succeeded but did not write its out '{}'; write it, or take it out of outs:", out));
  if (!is_folder_digest(*digest)) {
    FETTLE_TRY_(keep_file(out));
    return *std::move(digest);
  }
  FETTLE_TRY(const auto files, os::list_files(path_of(out)));
  for (const auto& file : files) FETTLE_TRY_(keep_file(out + "/" + file.path));
  FETTLE_TRY(const auto list, folder_list(out));
  const auto listed = Digest::of(list);
  if (!sound(listed)) FETTLE_TRY_(objects_->put(list));
  return listed.hex() + "/";
}

Result<Digests> Workspace::keep(const std::string& key, const std::vector<std::string>& outs) {
  Digests digests;
  for (const auto& out : outs) {
    FETTLE_TRY(auto digest, keep_one(out));
    digests.emplace(out, std::move(digest));
  }
  FETTLE_TRY_(os::write_file(step_file(key), json::dump(json::to_value(digests)) + "\n"));
  return digests;
}

std::string Workspace::step_file(const std::string& key) const {
  return text::format("{}/{}/steps/{}.json", project_, kCache, key);
}

bool Workspace::stored(const std::string& text) const {
  const auto digest = parse_digest(text);
  if (!digest || !objects_->has(*digest)) return false;
  if (!is_folder_digest(text)) return true;
  const auto members = read_members(*objects_, *digest);
  if (!members) return false;
  for (const auto& member : *members)
    if (!stored(member.digest)) return false;
  return true;
}

std::optional<Digests> Workspace::cached(const std::string& key) const {
  const auto text = os::read_file(step_file(key));
  if (!text) return std::nullopt;
  const auto value = json::parse(*text);
  if (!value) return std::nullopt;
  auto outs = json::from_value<Digests>(*value);
  if (!outs) return std::nullopt;
  for (const auto& [path, digest] : *outs)
    if (!stored(digest)) return std::nullopt;
  return *std::move(outs);
}

Result<void> Workspace::restore_file(const std::string& absolute, const Digest& digest) {
  FETTLE_TRY_(os::make_folders(folder_above(absolute)));
  return objects_->checkout(digest, absolute);
}

Result<void> Workspace::restore(const std::string& out, const std::string& text) {
  FETTLE_TRY(const auto digest, parse_digest(text));
  FETTLE_TRY_(clear(out));
  if (!is_folder_digest(text)) return restore_file(path_of(out), digest);
  FETTLE_TRY(const auto members, read_members(*objects_, digest));
  FETTLE_TRY_(os::make_folders(path_of(out)));
  for (const auto& member : members) {
    FETTLE_TRY(const auto file, parse_digest(member.digest));
    FETTLE_TRY_(restore_file(path_of(out) + "/" + member.path, file));
  }
  return {};
}

}  // namespace fettle::pipeline
