// `fettle data add|verify|list|show|checkout|diff`: named data and its snapshots (dataset/snapshot.h).
#include <algorithm>
#include <map>
#include <memory>

#include "base/clock.h"
#include "base/text.h"
#include "cli.h"
#include "dataset/snapshot.h"
#include "os/file.h"
#include "project.h"

namespace fettle::cli {
namespace {

constexpr std::string_view kNoun = "Data as immutable snapshots";
constexpr std::string_view kName = "Name of the data, as in fettle.yaml under data:";

struct Options {
  std::string project = ".";
  std::string name, path, snapshot, other, folder;
};

// The project's folder: where fettle.yaml is, or the folder itself where there is none yet.
Result<std::string> folder_of(const Options& options) {
  auto project = load_project(options.project);
  if (project) return std::move(project->folder);
  if (project.error().code == Code::NotFound && os::is_folder(options.project)) return options.project;
  return fail(project.error());
}

Result<dataset::Datasets> open(const Options& options) {
  FETTLE_TRY(const auto folder, folder_of(options));
  return dataset::Datasets::open(folder);
}

Result<std::string> path_of(const Options& options) {
  if (!options.path.empty()) return options.path;
  FETTLE_TRY(const auto project, load_project(options.project));
  if (const auto found = project.data.find(options.name); found != project.data.end()) return found->second.path;
  std::vector<std::string> names;
  for (const auto& [name, source] : project.data) names.push_back(name);
  const auto closest = text::closest(options.name, names);
  return fail(Code::NotFound,
              text::format("fettle.yaml has no data '{}'{}; add it there, or give its path", options.name,
                           closest ? text::format(" (did you mean '{}'?)", *closest) : ""));
}

std::function<void(std::uint64_t, std::uint64_t)> bar(Output& output, std::string what) {
  return [&output, what = std::move(what)](std::uint64_t done, std::uint64_t total) {
    const double fraction = total == 0 ? 1 : static_cast<double>(done) / static_cast<double>(total);
    output.progress(what, fraction, text::human_bytes(done));
  };
}

std::string brief(const std::string& digest) { return digest.substr(0, 12); }

std::string counted(std::size_t number, std::string_view noun) {
  return text::format("{} {}{}", text::human_count(number), noun, number == 1 ? "" : "s");
}

Result<void> add(const Options& options, Output& output) {
  FETTLE_TRY(const auto path, path_of(options));
  FETTLE_TRY(auto datasets, open(options));
  const auto report = datasets.add(options.name, path, bar(output, "adding " + options.name));
  output.progress_done();
  if (!report) return fail(report.error());
  output.document(json::to_value(*report));
  const auto& snapshot = report->snapshot;
  const auto size = text::format("{}, {}", counted(snapshot.files.size(), "file"), text::human_bytes(snapshot.bytes));
  output.line(text::format(
      "{} {} ({}): {}", options.name, brief(snapshot.digest), size,
      report->unchanged ? "unchanged" : text::format("snapshot added, {} new", counted(report->new_files, "file"))));
  return {};
}

json::Value to_json(const dataset::Damage& damage, const std::string& name) {
  auto out = json::to_value(damage);
  return out.set("name", name);
}

Result<std::vector<std::string>> names_of(const Options& options, const dataset::Datasets& datasets) {
  if (!options.name.empty()) return std::vector{options.name};
  return datasets.names();
}

Result<void> verify(const Options& options, Output& output) {
  FETTLE_TRY(const auto datasets, open(options));
  FETTLE_TRY(const auto names, names_of(options, datasets));
  json::Value found = json::Value::array();
  std::vector<std::vector<std::string>> rows;
  for (const auto& name : names) {
    const auto damages = datasets.verify(name, bar(output, "verifying " + name));
    output.progress_done();
    if (!damages) return fail(damages.error());
    for (const auto& damage : *damages) {
      found.push(to_json(damage, name));
      rows.push_back({name, damage.path, damage.problem});
    }
  }
  output.document(json::Value().set("verified", json::to_value(names)).set("damages", found));
  if (rows.empty()) {
    output.line(text::format("{} whole", counted(names.size(), "data set")));
    return {};
  }
  output.table({"data", "file", "problem"}, rows);
  return fail(Code::DataLoss, text::format("{} damaged or changed: {}", counted(rows.size(), "file"), rows[0][1]));
}

Result<void> list(const Options& options, Output& output) {
  FETTLE_TRY(const auto datasets, open(options));
  FETTLE_TRY(const auto names, datasets.names());
  json::Value found = json::Value::array();
  std::vector<std::vector<std::string>> rows;
  for (const auto& name : names) {
    FETTLE_TRY(const auto history, datasets.history(name));
    const auto& newest = history.front();
    json::Value entry;
    entry.set("name", name).set("digest", newest.digest).set("files", static_cast<std::int64_t>(newest.files.size()));
    entry.set("bytes", newest.bytes).set("snapshots", static_cast<std::int64_t>(history.size()));
    found.push(entry.set("added_ms", newest.added_ms));
    rows.push_back({name, brief(newest.digest), std::to_string(newest.files.size()), text::human_bytes(newest.bytes),
                    std::to_string(history.size()), text::rfc3339(newest.added_ms).substr(0, 19)});
  }
  output.document(json::Value().set("data", found));
  if (rows.empty())
    output.line("no data yet; add some: fettle data add NAME");
  else
    output.table({"name", "snapshot", "files", "size", "snapshots", "added"}, rows);
  return {};
}

Result<void> show(const Options& options, Output& output) {
  FETTLE_TRY(const auto datasets, open(options));
  FETTLE_TRY(const auto snapshot, datasets.get(options.name, options.snapshot));
  FETTLE_TRY(const auto history, datasets.history(options.name));
  json::Value before = json::Value::array();
  for (const auto& one : history)
    before.push(json::Value().set("digest", one.digest).set("added_ms", one.added_ms).set("bytes", one.bytes));
  output.document(json::to_value(snapshot).set("history", before));
  output.line(text::format("{} {}\n", options.name, snapshot.digest));
  std::vector<std::vector<std::string>> rows;
  for (const auto& file : snapshot.files) rows.push_back({file.path, text::human_bytes(file.size), brief(file.digest)});
  output.table({"file", "size", "digest"}, rows);
  output.line("");
  rows.clear();
  for (const auto& one : history)
    rows.push_back({brief(one.digest), text::rfc3339(one.added_ms).substr(0, 19), text::human_bytes(one.bytes)});
  output.table({"snapshot", "added", "size"}, rows);
  return {};
}

Result<void> checkout(const Options& options, Output& output) {
  FETTLE_TRY(const auto datasets, open(options));
  FETTLE_TRY(const auto snapshot, datasets.get(options.name, options.snapshot));
  auto folder = options.folder;
  if (folder.empty()) {
    FETTLE_TRY(const auto project, folder_of(options));
    FETTLE_TRY(const auto source, datasets.source(options.name));
    folder = source.starts_with('/') ? source : project + "/" + source;
    // Data added as one file goes back beside its name.
    if (snapshot.files.size() == 1 && folder.ends_with("/" + snapshot.files[0].path) && !os::is_folder(folder))
      folder = folder.substr(0, folder.rfind('/'));
  }
  FETTLE_TRY_(datasets.checkout(snapshot, folder));
  output.document(json::Value().set("digest", snapshot.digest).set("folder", folder));
  output.line(text::format("{} of {} {} in '{}'", counted(snapshot.files.size(), "file"), options.name,
                           brief(snapshot.digest), folder));
  return {};
}

std::map<std::string, std::string> digests_of(const dataset::Snapshot& snapshot) {
  std::map<std::string, std::string> out;
  for (const auto& file : snapshot.files) out.emplace(file.path, file.digest);
  return out;
}

// "added", "removed" or "changed" for each file that differs.
std::vector<std::vector<std::string>> differences(const dataset::Snapshot& before, const dataset::Snapshot& after) {
  const auto old_files = digests_of(before), new_files = digests_of(after);
  std::map<std::string, std::string> out;
  for (const auto& [path, digest] : old_files)
    if (!new_files.contains(path)) out[path] = "removed";
  for (const auto& [path, digest] : new_files) {
    const auto old = old_files.find(path);
    if (old == old_files.end())
      out[path] = "added";
    else if (old->second != digest)
      out[path] = "changed";
  }
  std::vector<std::vector<std::string>> rows;
  for (const auto& [path, change] : out) rows.push_back({change, path});
  return rows;
}

Result<void> diff(const Options& options, Output& output) {
  FETTLE_TRY(const auto datasets, open(options));
  FETTLE_TRY(const auto history, datasets.history(options.name));
  if (options.snapshot.empty() && history.size() < 2)
    return fail(Code::FailedPrecondition,
                text::format("'{}' has one snapshot: there is nothing to compare", options.name));
  FETTLE_TRY(const auto before, options.snapshot.empty() ? Result<dataset::Snapshot>(history[1])
                                                         : datasets.get(options.name, options.snapshot));
  FETTLE_TRY(const auto after, datasets.get(options.name, options.other));
  const auto rows = differences(before, after);
  json::Value files = json::Value::array();
  for (const auto& row : rows) files.push(json::Value().set("change", row[0]).set("path", row[1]));
  output.document(json::Value().set("before", before.digest).set("after", after.digest).set("files", files));
  output.line(text::format("{} -> {}", brief(before.digest), brief(after.digest)));
  if (rows.empty())
    output.line("no file differs");
  else
    output.table({"change", "file"}, rows);
  return {};
}

std::shared_ptr<Options> common(Verb& verb, bool name_required) {
  auto options = std::make_shared<Options>();
  verb.option("--project", options->project, kProjectHelp);
  verb.argument("NAME", options->name, kName, name_required);
  return options;
}

void add_add(Program& program) {
  auto verb = program.verb("data", kNoun, "add", "Snapshot a file or folder; unchanged files are not read again");
  auto options = common(verb, true);
  verb.argument("PATH", options->path, "File or folder; by default what fettle.yaml says", false);
  verb.examples("  fettle data add flights\n  fettle data add flights data/flights");
  verb.action([options](Output& output) { return add(*options, output); });
}

void add_verify(Program& program) {
  auto verb = program.verb("data", kNoun, "verify", "Read all stored objects and working files; name each damaged one");
  auto options = common(verb, false);
  verb.examples("  fettle data verify\n  fettle data verify flights --json");
  verb.action([options](Output& output) { return verify(*options, output); });
}

void add_list_and_show(Program& program) {
  auto verb = program.verb("data", kNoun, "list", "List the project's data");
  auto options = std::make_shared<Options>();
  verb.option("--project", options->project, kProjectHelp).examples("  fettle data list");
  verb.action([options](Output& output) { return list(*options, output); });
  auto one = program.verb("data", kNoun, "show", "Show a snapshot's files and the history");
  auto shown = common(one, true);
  one.argument("SNAPSHOT", shown->snapshot, "First digits of a digest; by default the newest", false);
  one.examples("  fettle data show flights\n  fettle data show flights 3fa8");
  one.action([shown](Output& output) { return show(*shown, output); });
}

void add_checkout_and_diff(Program& program) {
  auto verb = program.verb("data", kNoun, "checkout", "Write a snapshot's files, each verified");
  auto options = common(verb, true);
  verb.argument("SNAPSHOT", options->snapshot, "First digits of a digest; by default the newest", false);
  verb.option("--into", options->folder, "Folder to write into; by default where the data was added from");
  verb.examples("  fettle data checkout flights\n  fettle data checkout flights 3fa8 --into /tmp/flights");
  verb.action([options](Output& output) { return checkout(*options, output); });
  auto compare = program.verb("data", kNoun, "diff", "Files that differ between two snapshots");
  auto two = common(compare, true);
  compare.argument("BEFORE", two->snapshot, "First digits of a digest; by default the one before the newest", false);
  compare.argument("AFTER", two->other, "First digits of a digest; by default the newest", false);
  compare.examples("  fettle data diff flights\n  fettle data diff flights 3fa8 91cc");
  compare.action([two](Output& output) { return diff(*two, output); });
}

}  // namespace

void add_data_verbs(Program& program) {
  add_add(program);
  add_verify(program);
  add_list_and_show(program);
  add_checkout_and_diff(program);
}

}  // namespace fettle::cli
