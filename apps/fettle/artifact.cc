// `fettle artifact list|get|put`: the files of a run that this server keeps.
#include <memory>

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

struct ArtifactOptions {
  std::string server, run, path, file, to;
};
struct Found {
  std::string path;
  std::uint64_t size = 0;
};

Result<void> list_below(const std::string& server, const std::string& run, const std::string& folder,
                        std::vector<Found>& out) {
  FETTLE_TRY(const auto answer,
             client::get(server, text::format("{}?run_id={}&path={}", mlflow_path("/artifacts/list"),
                                              http::percent_encode(run), http::percent_encode(folder))));
  for (const auto& file : list_in(&answer, "files")) {
    const auto* is_folder = file.find("is_dir");
    if (is_folder != nullptr && is_folder->is_bool() && is_folder->as_bool()) {
      FETTLE_TRY_(list_below(server, run, file.text_or("path"), out));
    } else {
      out.push_back({file.text_or("path"), static_cast<std::uint64_t>(file.int_or("file_size", 0))});
    }
  }
  return {};
}

Result<void> list_artifacts(Output& output, const ArtifactOptions& options) {
  const auto server = client::server_url(options.server);
  std::vector<Found> found;
  FETTLE_TRY_(list_below(server, options.run, options.path, found));
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

std::string encoded(std::string_view path) {
  std::vector<std::string> parts;
  for (const auto& part : text::split(path, '/'))
    if (!part.empty()) parts.push_back(http::percent_encode(part));
  return text::join(parts, "/");
}

// Where this server answers for a run's files; FailedPrecondition for those that lie elsewhere.
Result<std::string> route_of(const std::string& server, const std::string& run) {
  FETTLE_TRY(const auto found, get_run(server, run));
  const auto uri = found.find("info")->text_or("artifact_uri");
  if (uri.starts_with(kArtifactScheme))
    return "/api/2.0/mlflow-artifacts/artifacts/" + encoded(std::string_view(uri).substr(kArtifactScheme.size()));
  return fail(Code::FailedPrecondition,
              text::format("the artifacts of run {} lie in '{}': write there yourself", run, uri));
}

// A path from a server never leads out of the folder that it is written into.
Result<std::string> target_of(const std::string& to, const std::string& path) {
  for (const auto& part : text::split(path, '/'))
    if (part.empty() || part == "." || part == "..")
      return fail(Code::InvalidArgument, text::format("the server named an artifact '{}', which is no path", path));
  return to + "/" + path;
}

Result<void> get_artifacts(Output& output, const ArtifactOptions& options) {
  const auto server = client::server_url(options.server);
  std::vector<Found> found;
  FETTLE_TRY_(list_below(server, options.run, options.path, found));
  if (found.empty() && !options.path.empty()) found.push_back({options.path, 0});  // one file lists as nothing
  const auto to = options.to.empty() ? std::string(".") : options.to;
  std::vector<std::string> written;
  for (const auto& file : found) {
    FETTLE_TRY(const auto path, target_of(to, file.path));
    FETTLE_TRY_(os::make_folders(path.substr(0, path.rfind('/'))));
    FETTLE_TRY_(client::download(server,
                                 text::format("/get-artifact?run_id={}&path={}", http::percent_encode(options.run),
                                              http::percent_encode(file.path)),
                                 path));
    output.line(path);
    written.push_back(path);
  }
  output.document(json::Value().set("files", json::Array(written.begin(), written.end())));
  return {};
}

Result<void> put_artifact(Output& output, const ArtifactOptions& options) {
  const auto server = client::server_url(options.server);
  FETTLE_TRY(const auto route, route_of(server, options.run));
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
    FETTLE_TRY_(
        client::upload(server, route + "/" + encoded(path), folder ? options.file + "/" + file.path : options.file));
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
    out.argument("RUN", options->run, "Its id");
    out.option("--server", options->server, client::kServerHelp);
    return out;
  };
  auto listing = verb("list", "Every file of a run, or below a folder of it");
  listing.argument("PATH", options->path, "Folder", false).examples("  fettle artifact list 0f3c... model");
  listing.action([options](Output& output) { return list_artifacts(output, *options); });
  auto getting = verb("get", "Download a file, a folder or everything");
  getting.argument("PATH", options->path, "File or folder; by default everything", false);
  getting.option("--to", options->to, "Folder to write into; by default here");
  getting.examples("  fettle artifact get 0f3c... model --to /tmp/model");
  getting.action([options](Output& output) { return get_artifacts(output, *options); });
  auto putting = verb("put", "Upload a file or a folder");
  putting.argument("FILE", options->file, "What to upload");
  putting.argument("PATH", options->path, "Folder of the run to put it in; by default its root", false);
  putting.examples("  fettle artifact put 0f3c... report.html reports");
  putting.action([options](Output& output) { return put_artifact(output, *options); });
}

}  // namespace fettle::cli
