// `fettle artifact list|search|show|compare|export|put`: the files of a run or a logged model.
#include <algorithm>
#include <cstdio>
#include <memory>

#include "artifact_tree.h"
#include "base/text.h"
#include "cli.h"
#include "client.h"
#include "http/client.h"
#include "os/file.h"
#include "tracked.h"

namespace fettle::cli {
namespace {

constexpr std::string_view kArtifactHelp = "Artifacts: the files of a run";
constexpr std::string_view kArtifactScheme = "mlflow-artifacts:";
constexpr std::uint64_t kMostShown = 16U << 20U;

struct ArtifactOptions : TrackedOptions {
  std::string run, path, file, pattern;
};

Result<void> list_artifacts(Output& output, const ArtifactOptions& options) {
  FETTLE_TRY(const auto tree, open_artifacts(options.server, options.run, options.path));
  FETTLE_TRY(const auto found, tree->list());
  json::Value document = json::Value::array();
  std::vector<std::vector<std::string>> rows;
  for (const auto& [path, size] : found) {
    document.push(json::Value().set("path", path).set("size", size));
    rows.push_back({path, text::human_bytes(size)});
  }
  output.document(json::Value().set("files", std::move(document)));
  if (rows.empty())
    output.line("no artifacts");
  else
    output.table({"artifact", "size"}, rows);
  return {};
}

Result<void> search_artifacts(Output& output, const ArtifactOptions& options) {
  json::Value document = json::Value::array();
  std::vector<std::vector<std::string>> rows;
  bool more = false;
  const auto take = [&](const json::Value& run) -> Result<void> {
    const auto& info = object_in(run, "info");
    FETTLE_TRY(const auto tree, open_artifacts(options.server, info.text_or("run_id"), ""));
    FETTLE_TRY(const auto files, tree->list());
    for (const auto& [path, size] : files) {
      if (!matches(options.pattern, path)) continue;
      more = options.limit > 0 && std::ssize(rows) >= options.limit;
      if (more) return fail(Code::Conflict, "enough");
      document.push(json::Value().set("run_id", info.text_or("run_id")).set("path", path).set("size", size));
      rows.push_back({info.text_or("run_id"), info.text_or("run_name"), path, text::human_bytes(size)});
    }
    return {};
  };
  FETTLE_TRY(const auto search, runs_search(options, 0));
  const auto searched = each_found(search, take);
  if (!searched && !more) return fail(searched.error());
  output.document(json::Value().set("files", std::move(document)).set("more", more));
  if (rows.empty())
    output.line("no artifacts");
  else
    output.table({"run", "name", "artifact", "size"}, rows);
  if (more) output.line("there are more; see them with --limit");
  return {};
}

// What a terminal can show: UTF-8 without control characters but tabs and ends of lines.
bool is_text(const std::string& bytes) {
  return text::is_utf8(bytes) && std::ranges::none_of(bytes, [](char c) {
           return (c >= 0 && c < 0x20 && c != '\t' && c != '\n' && c != '\r') || c == 0x7f;
         });
}

Result<std::string> text_of(ArtifactTree& tree, const ArtifactFile& file) {
  if (file.size > kMostShown) return std::string();
  FETTLE_TRY(const auto folder, os::TempFolder::create("fettle-artifact"));
  FETTLE_TRY_(tree.fetch(file, folder.path() + "/file"));
  FETTLE_TRY(auto bytes, os::read_file(folder.path() + "/file"));
  return is_text(bytes) ? std::move(bytes) : std::string();
}

Result<void> show_artifact(Output& output, const ArtifactOptions& options) {
  FETTLE_TRY(const auto tree, open_artifacts(options.server, options.run, options.path));
  FETTLE_TRY(const auto found, tree->list());
  const auto file = std::ranges::find(found, options.path, &ArtifactFile::path);
  if (file == found.end())
    return fail(Code::NotFound, text::format("'{}' of {} is {}; see `fettle artifact list {}`", options.path,
                                             options.run, found.empty() ? "not there" : "a folder", options.run));
  FETTLE_TRY(const auto digest, tree->digest(*file));
  FETTLE_TRY(const auto text, text_of(*tree, *file));
  auto document = json::Value().set("path", file->path).set("size", file->size).set("sha256", digest);
  if (!text.empty()) document.set("text", text);
  output.document(document);
  if (text.empty())
    output.line(text::format("{}\n  size    {}\n  sha256  {}", file->path, text::human_bytes(file->size), digest));
  else if (!output.json())
    std::fwrite(text.data(), 1, text.size(), stdout);
  return {};
}

std::string encoded(std::string_view path) {
  std::vector<std::string> parts;
  for (const auto& part : text::split(path, '/'))
    if (!part.empty()) parts.push_back(http::percent_encode(part));
  return text::join(parts, "/");
}

// Where this server answers for a run's files; FailedPrecondition for those that lie elsewhere.
Result<std::string> route_of(const std::string& server, const std::string& run) {
  FETTLE_TRY(const auto found, get_run(server, run));
  const auto uri = object_in(found, "info").text_or("artifact_uri");
  if (uri.starts_with(kArtifactScheme))
    return "/api/2.0/mlflow-artifacts/artifacts/" + encoded(std::string_view(uri).substr(kArtifactScheme.size()));
  return fail(Code::FailedPrecondition,
              text::format("the artifacts of run {} lie in '{}': write there yourself", run, uri));
}

Result<void> put_artifact(Output& output, const ArtifactOptions& options) {
  FETTLE_TRY(const auto route, route_of(options.server, options.run));
  std::vector<os::FileInfo> files;
  const bool folder = os::is_folder(options.file);
  if (folder) {
    FETTLE_TRY(files, os::list_files(options.file));
  } else {
    FETTLE_TRY(auto info, os::stat_file(options.file));
    info.path = options.file.substr(options.file.rfind('/') + 1);
    files.push_back(std::move(info));
  }
  std::uint64_t bytes = 0;
  for (const auto& file : files) {
    const auto path = options.path.empty() ? file.path : options.path + "/" + file.path;
    FETTLE_TRY_(client::upload(options.server, route + "/" + encoded(path),
                               folder ? options.file + "/" + file.path : options.file));
    bytes += file.size;
  }
  output.document(json::Value().set("files", static_cast<std::int64_t>(files.size())).set("bytes", bytes));
  output.line(text::format("{} files, {}", files.size(), text::human_bytes(bytes)));
  return {};
}

}  // namespace

void add_artifact_verbs(Program& program) {
  auto options = std::make_shared<ArtifactOptions>();
  const auto verb = [&](std::string_view name, std::string_view help) {
    auto out = program.verb("artifact", kArtifactHelp, name, help);
    add_server_option(out, *options);
    return out;
  };
  const auto act = [options](Verb& of, Result<void> (*work)(Output&, const ArtifactOptions&)) {
    act_on_server(of, options, work);
  };
  auto listing = verb("list", "Every file of a run, or below a folder of it");
  listing.argument("RUN", options->run, "A run's id, or a logged model's");
  listing.argument("PATH", options->path, "Folder", false).examples("  fettle artifact list 0f3c... model");
  act(listing, list_artifacts);
  auto searching = verb("search", "Files of runs by pattern");
  searching.argument(
      "PATTERN", options->pattern,
      "'*.png', 'model/*', '**/MLmodel': * stops at '/', ** does not; without '/' the file's name alone");
  add_experiment_option(searching, *options);
  searching.option("--filter", options->filter, "Only of these runs, as in MLflow: metrics.auc > 0.9");
  add_limit_option(searching, *options);
  searching.examples("  fettle artifact search '*.png' --experiment flights");
  act(searching, search_artifacts);
  auto showing = verb("show", "A text file as it is; of another its size and digest");
  showing.argument("RUN", options->run, "A run's id, or a logged model's");
  showing.argument("PATH", options->path, "File").examples("  fettle artifact show 0f3c... model/MLmodel");
  act(showing, show_artifact);
  add_artifact_compare_verb(program);
  add_artifact_export_verb(program);
  auto putting = verb("put", "Upload a file or a folder");
  putting.argument("RUN", options->run, "Its id");
  putting.argument("FILE", options->file, "What to upload");
  putting.argument("PATH", options->path, "Folder of the run to put it in; by default its root", false);
  putting.examples("  fettle artifact put 0f3c... report.html reports");
  act(putting, put_artifact);
}

}  // namespace fettle::cli
