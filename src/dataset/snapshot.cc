#include "dataset/snapshot.h"

#include <algorithm>
#include <map>
#include <optional>

#include "base/text.h"
#include "json/value.h"
#include "os/file.h"

namespace fettle::dataset {

// <project>/.fettle/datasets/<name>.json
struct Seen {  // What a working file was when it was read last.
  std::string path, digest;
  std::uint64_t size = 0;
  std::int64_t mtime_ns = 0;
  std::uint64_t inode = 0;
  std::int64_t read_ms = 0;
};
BOOST_DESCRIBE_STRUCT(Seen, (), (path, digest, size, mtime_ns, inode, read_ms))

struct Added {
  std::string digest;
  std::int64_t added_ms = 0;
};
BOOST_DESCRIBE_STRUCT(Added, (), (digest, added_ms))

struct Record {
  int format = 1;
  std::string path;            // as it was given
  std::vector<Added> history;  // newest first
  std::vector<Seen> seen;
};
BOOST_DESCRIBE_STRUCT(Record, (), (format, path, history, seen))

struct Manifest {
  std::vector<Entry> files;
  int format = 1;
};
BOOST_DESCRIBE_STRUCT(Manifest, (), (files, format))

namespace {

// A file written within this time before it was read could be written again without a new time stamp.
constexpr std::int64_t kTimeStampMs = 50;

Result<void> check_name(const std::string& name) {
  constexpr std::string_view kAllowed = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";
  if (!name.empty() && name.front() != '.' && name.find_first_not_of(kAllowed) == std::string::npos) return {};
  return fail(Code::InvalidArgument,
              text::format("'{}' cannot name data; take letters, digits, '.', '_' and '-'", name));
}

std::string below(const std::string& folder, const std::string& path) {
  return path.starts_with('/') ? path : folder + "/" + path;
}

std::string folder_of(const std::string& project) { return project + "/.fettle/datasets"; }
std::string record_path(const std::string& project, const std::string& name) {
  return text::format("{}/{}.json", folder_of(project), name);
}

Result<std::optional<Record>> find_record(const std::string& project, const std::string& name) {
  FETTLE_TRY_(check_name(name));
  const auto path = record_path(project, name);
  if (!os::exists(path)) return std::nullopt;
  FETTLE_TRY(const auto bytes, os::read_file(path));
  const auto damaged = [&](const Error& error) {
    return fail(Code::DataLoss, text::format("'{}' is damaged: {}; restore it from a copy", path, error.message));
  };
  const auto value = json::parse(bytes);
  if (!value) return damaged(value.error());
  auto record = json::from_value<Record>(*value);
  if (!record) return damaged(record.error());
  return std::optional(*std::move(record));
}

Result<std::vector<std::string>> names_in(const std::string& project) {
  std::vector<std::string> out;
  if (!os::exists(folder_of(project))) return out;
  FETTLE_TRY(const auto files, os::list_names(folder_of(project)));
  for (const auto& file : files)
    if (file.ends_with(".json")) out.push_back(file.substr(0, file.size() - 5));
  return out;
}

Result<Record> get_record(const std::string& project, const std::string& name) {
  FETTLE_TRY(auto record, find_record(project, name));
  if (record) return *std::move(record);
  FETTLE_TRY(const auto names, names_in(project));
  const auto closest = text::closest(name, names);
  return fail(Code::NotFound, text::format("there is no data '{}'{}; add it: fettle data add {} PATH", name,
                                           closest ? text::format(" (did you mean '{}'?)", *closest) : "", name));
}

// The regular files at `path`, a folder or one file, with paths as a snapshot has them.
Result<std::vector<os::FileInfo>> files_at(const std::string& path) {
  if (!os::exists(path))
    return fail(Code::NotFound, text::format("there is nothing at '{}'; put the data there or mend the path", path));
  if (!os::is_folder(path)) {
    FETTLE_TRY(auto file, os::stat_file(path));
    file.path = path.substr(path.rfind('/') + 1);
    return std::vector{file};
  }
  FETTLE_TRY(auto files, os::list_files(path));
  if (files.empty()) return fail(Code::InvalidArgument, text::format("the folder '{}' holds no files", path));
  return files;
}

std::string absolute(const std::string& source, const Entry& entry) {
  return os::is_folder(source) ? source + "/" + entry.path : source;
}

bool is_same(const os::FileInfo& now, const os::FileInfo& before) {
  return now.size == before.size && now.mtime_ns == before.mtime_ns && now.inode == before.inode;
}

bool is_unchanged(const os::FileInfo& now, const Seen& seen) {
  return now.size == seen.size && now.mtime_ns == seen.mtime_ns && now.inode == seen.inode;
}

bool is_trusted(const os::FileInfo& now, const Seen& seen) {
  return is_unchanged(now, seen) && seen.mtime_ns / 1'000'000 + kTimeStampMs < seen.read_ms;
}

std::string manifest_bytes(const std::vector<Entry>& files) {
  json::Value list = json::Value::array();
  for (const auto& file : files) {
    json::Value entry;
    entry.set("digest", file.digest).set("path", file.path).set("size", file.size);
    list.push(std::move(entry));
  }
  json::Value out;
  out.set("files", std::move(list)).set("format", 1);
  return json::dump(out);
}

Result<Digest> parse_digest(const std::string& text) {
  if (const auto digest = Digest::parse(text)) return *digest;
  return fail(Code::DataLoss, text::format("'{}' is no SHA-256 digest; restore .fettle from a copy", text));
}

Result<Snapshot> load(const blob::Store& blobs, const std::string& name, const Added& added) {
  FETTLE_TRY(const auto digest, parse_digest(added.digest));
  FETTLE_TRY(const auto bytes, blobs.get(digest));
  FETTLE_TRY(const auto value, json::parse(bytes, "manifest"));
  FETTLE_TRY(auto manifest, json::from_value<Manifest>(value, "manifest"));
  Snapshot out{.name = name, .digest = added.digest, .files = std::move(manifest.files), .added_ms = added.added_ms};
  for (const auto& file : out.files) out.bytes += file.size;
  return out;
}

std::uint64_t bytes_of(const std::vector<os::FileInfo>& files) {
  std::uint64_t out = 0;
  for (const auto& file : files) out += file.size;
  return out;
}

}  // namespace

// Adding: the state of one call.
class Adder {
 public:
  Adder(blob::Store& blobs, const Clock& clock, std::string source, const Record* before)
      : blobs_(blobs), clock_(clock), source_(std::move(source)) {
    if (before != nullptr)
      for (const auto& file : before->seen) before_.emplace(file.path, file);
  }

  Result<void> add(const os::FileInfo& file) {
    const auto known = before_.find(file.path);
    if (known != before_.end() && is_trusted(file, known->second) && is_stored(known->second.digest))
      seen.push_back(known->second);
    else
      FETTLE_TRY_(read(file));
    files.push_back({.path = file.path, .digest = seen.back().digest, .size = file.size});
    return {};
  }

  std::vector<Entry> files;
  std::vector<Seen> seen;
  std::size_t hashed = 0;

 private:
  bool is_stored(const std::string& digest) const {
    const auto parsed = Digest::parse(digest);
    return parsed && blobs_.has(*parsed);
  }

  Result<void> read(const os::FileInfo& file) {
    const auto path = absolute(source_, {.path = file.path});
    const auto now_ms = clock_.now_ms();
    FETTLE_TRY(const auto digest, blobs_.put_file(path));
    FETTLE_TRY(const auto after, os::stat_file(path));
    if (!is_same(after, file))
      return fail(Code::Conflict, text::format("'{}' changed while it was added; add it again", path));
    seen.push_back({file.path, digest.hex(), file.size, file.mtime_ns, file.inode, now_ms});
    ++hashed;
    return {};
  }

  blob::Store& blobs_;
  const Clock& clock_;
  std::string source_;
  std::map<std::string, Seen> before_;
};

namespace {

std::size_t count_new(const std::vector<Entry>& files, const std::optional<Snapshot>& before) {
  if (!before) return files.size();
  return static_cast<std::size_t>(std::ranges::count_if(files, [&](const Entry& file) {
    return std::ranges::find(before->files, file.digest, &Entry::digest) == before->files.end();
  }));
}

// --- verifying ---

std::optional<std::string> object_problem(const blob::Store& blobs, const std::string& digest_text) {
  const auto digest = parse_digest(digest_text);
  if (!digest) return digest.error().message;
  if (const auto verified = blobs.verify(*digest); !verified) return verified.error().message;
  return std::nullopt;
}

// Says whether somebody changed a working file, or the disk did.
std::optional<std::string> file_problem(const std::string& path, const Entry& entry, const Seen* seen) {
  const auto now = os::stat_file(path);
  if (!now)
    return text::format("the working file is gone ({}); bring it back: fettle data checkout", now.error().message);
  const auto digest = os::digest_file(path);
  if (!digest) return digest.error().message;
  if (digest->hex() == entry.digest) return std::nullopt;
  if (seen != nullptr && is_unchanged(*now, *seen))
    return text::format(
        "the bytes of '{}' changed but its size and time did not: it is damaged; bring it back: "
        "fettle data checkout",
        path);
  return text::format("'{}' is not what the snapshot holds; if that was meant, add it: fettle data add", path);
}

class Verifier {
 public:
  Verifier(const blob::Store& blobs, const Datasets::Progress& progress, std::uint64_t total)
      : blobs_(blobs), progress_(progress), total_(total) {}

  void object(const Entry& entry) {
    if (checked_.contains(entry.digest)) return advance(entry.size);
    checked_.emplace(entry.digest, true);
    if (auto problem = object_problem(blobs_, entry.digest)) report(entry, *std::move(problem));
    advance(entry.size);
  }

  void working_file(const std::string& source, const Entry& entry, const Seen* seen) {
    if (auto problem = file_problem(absolute(source, entry), entry, seen)) report(entry, *std::move(problem));
    advance(entry.size);
  }

  void report(const Entry& entry, std::string problem) {
    damages.push_back({.path = entry.path, .digest = entry.digest, .problem = std::move(problem)});
  }

  std::vector<Damage> damages;

 private:
  void advance(std::uint64_t bytes) {
    done_ += bytes;
    if (progress_) progress_(done_, total_);
  }

  const blob::Store& blobs_;
  const Datasets::Progress& progress_;
  std::uint64_t total_, done_ = 0;
  std::map<std::string, bool> checked_;
};

// The snapshots whose manifests can be read, and the damage of those that cannot.
struct Loaded {
  std::vector<Snapshot> snapshots;
  std::vector<Damage> damages;
  bool newest = false;  // the first of them is the newest

  std::uint64_t bytes() const {
    std::uint64_t out = newest ? snapshots.front().bytes : 0;
    for (const auto& snapshot : snapshots) out += snapshot.bytes;
    return out;
  }
};

Loaded load_all(const blob::Store& blobs, const std::string& name, const std::vector<Added>& history) {
  Loaded out;
  for (const auto& added : history) {
    auto snapshot = load(blobs, name, added);
    if (!snapshot) {
      out.damages.push_back({.path = "(manifest)", .digest = added.digest, .problem = snapshot.error().message});
      continue;
    }
    out.newest = out.newest || &added == &history.front();
    out.snapshots.push_back(*std::move(snapshot));
  }
  return out;
}

}  // namespace

Datasets::Datasets(std::string project, std::shared_ptr<blob::Store> blobs, const Clock& clock)
    : project_(std::move(project)), blobs_(std::move(blobs)), clock_(&clock) {}

Result<Datasets> Datasets::open(const std::string& project_folder, const Clock& clock) {
  if (!os::is_folder(project_folder))
    return fail(Code::NotFound, text::format("the project folder '{}' does not exist", project_folder));
  FETTLE_TRY(auto blobs, blob::Store::open(project_folder + "/.fettle/blobs"));
  return Datasets(project_folder, std::move(blobs), clock);
}

Result<AddReport> Datasets::add(const std::string& name, const std::string& path, const Progress& progress) {
  FETTLE_TRY_(check_name(name));
  auto source = below(project_, path);
  while (source.size() > 1 && source.ends_with('/')) source.pop_back();
  FETTLE_TRY(const auto files, files_at(source));
  FETTLE_TRY_(os::make_folders(folder_of(project_)));
  FETTLE_TRY(const auto lock, os::FileLock::acquire(folder_of(project_) + "/lock"));
  FETTLE_TRY(auto record, find_record(project_, name));
  Adder adder(*blobs_, *clock_, source, record ? &*record : nullptr);
  std::uint64_t done = 0;
  const auto total = bytes_of(files);
  for (const auto& file : files) {
    FETTLE_TRY_(adder.add(file));
    done += file.size;
    if (progress) progress(done, total);
  }
  return finish(name, path, record, adder);
}

// The manifest becomes an object, then the history names it.
Result<AddReport> Datasets::finish(const std::string& name, const std::string& path,
                                   const std::optional<Record>& before, Adder& adder) {
  FETTLE_TRY(const auto digest, blobs_->put(manifest_bytes(adder.files)));
  AddReport out{.hashed = adder.hashed};
  std::optional<Snapshot> newest;
  if (before && !before->history.empty()) {
    FETTLE_TRY(newest, load(*blobs_, name, before->history.front()));
  }
  out.new_files = count_new(adder.files, newest);
  out.unchanged = newest && newest->digest == digest.hex();
  auto record = before.value_or(Record{});
  if (!out.unchanged) record.history.insert(record.history.begin(), {digest.hex(), clock_->now_ms()});
  if (!out.unchanged || adder.hashed > 0 || record.path != path) {
    record.path = path;
    record.seen = std::move(adder.seen);
    FETTLE_TRY_(os::write_file(record_path(project_, name), json::dump_pretty(json::to_value(record))));
  }
  FETTLE_TRY(out.snapshot, load(*blobs_, name, record.history.front()));
  return out;
}

Result<std::vector<Snapshot>> Datasets::history(const std::string& name) const {
  FETTLE_TRY(const auto record, get_record(project_, name));
  std::vector<Snapshot> out;
  for (const auto& added : record.history) {
    FETTLE_TRY(auto snapshot, load(*blobs_, name, added));
    out.push_back(std::move(snapshot));
  }
  return out;
}

Result<std::vector<std::string>> Datasets::names() const { return names_in(project_); }

Result<std::string> Datasets::source(const std::string& name) const {
  return get_record(project_, name).transform([](Record record) { return std::move(record.path); });
}

Result<Snapshot> Datasets::get(const std::string& name, const std::string& digest_prefix) const {
  FETTLE_TRY(const auto record, get_record(project_, name));
  std::optional<Added> found;
  for (const auto& added : record.history) {
    if (!added.digest.starts_with(digest_prefix) || (found && found->digest == added.digest)) continue;
    if (found && !digest_prefix.empty())
      return fail(Code::InvalidArgument,
                  text::format("several snapshots of '{}' begin with '{}'; give more digits", name, digest_prefix));
    if (!found) found = added;
  }
  if (found) return load(*blobs_, name, *found);
  return fail(Code::NotFound, text::format("no snapshot of '{}' begins with '{}'; see: fettle data show {}", name,
                                           digest_prefix, name));
}

Result<std::vector<Damage>> Datasets::verify(const std::string& name, const Progress& progress) const {
  FETTLE_TRY(const auto record, get_record(project_, name));
  const auto loaded = load_all(*blobs_, name, record.history);
  Verifier verifier(*blobs_, progress, loaded.bytes());
  verifier.damages = loaded.damages;
  for (const auto& snapshot : loaded.snapshots)
    for (const auto& file : snapshot.files) verifier.object(file);
  if (!loaded.newest) return std::move(verifier.damages);
  for (const auto& file : loaded.snapshots.front().files) {
    const auto seen = std::ranges::find(record.seen, file.path, &Seen::path);
    verifier.working_file(below(project_, record.path), file, seen == record.seen.end() ? nullptr : &*seen);
  }
  return std::move(verifier.damages);
}

Result<void> Datasets::checkout(const Snapshot& snapshot, const std::string& folder) const {
  for (const auto& file : snapshot.files) {
    const auto parts = text::split(file.path, '/');
    if (file.path.starts_with('/') || std::ranges::find(parts, "..") != parts.end())
      return fail(Code::DataLoss, text::format("the manifest names '{}', which leads out of the folder", file.path));
    FETTLE_TRY(const auto digest, parse_digest(file.digest));
    const auto path = folder + "/" + file.path;
    if (os::exists(path)) {
      FETTLE_TRY(const auto there, os::digest_file(path));
      if (there == digest) continue;
    }
    FETTLE_TRY_(os::make_folders(path.substr(0, path.rfind('/'))));
    FETTLE_TRY_(blobs_->checkout(digest, path));
  }
  return {};
}

}  // namespace fettle::dataset
