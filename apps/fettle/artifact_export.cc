// `fettle artifact export`: downloads a file, a folder or everything.
//
// Files come into a temporary folder beside their place first, and are renamed when all have come: a failed download
// leaves nothing, a killed one only that folder.
#include <memory>

#include "artifact_tree.h"
#include "base/rng.h"
#include "base/text.h"
#include "client.h"
#include "os/file.h"
#include "tracked.h"

namespace fettle::cli {
namespace {

struct ArtifactExportOptions : TrackedOptions {
  std::string run, path, to = ".";
  bool force = false;
};

// A path from a server never leads out of the folder that it is written into.
Result<void> check_paths(const std::vector<ArtifactFile>& files, const ArtifactExportOptions& options) {
  for (const auto& file : files) {
    for (const auto& part : text::split(file.path, '/'))
      if (part.empty() || part == "." || part == "..")
        return fail(Code::InvalidArgument,
                    text::format("the server named an artifact '{}', which is no path", file.path));
    if (const auto target = options.to + "/" + file.path; !options.force && os::exists(target))
      return fail(Code::AlreadyExists,
                  text::format("'{}' exists; give --force to replace files, or another folder", target));
  }
  return {};
}

class Incoming {  // The temporary folder, gone when this ends.
 public:
  explicit Incoming(const std::string& to) : path_(text::format("{}/.fettle-export-{}", to, random_id())) {}
  Incoming(const Incoming&) = delete;
  Incoming& operator=(const Incoming&) = delete;
  ~Incoming() { static_cast<void>(os::remove_all(path_)); }
  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  std::string path_;
};

Result<void> place(const std::string& from, const std::string& to) {
  FETTLE_TRY_(os::make_folders(to.substr(0, to.rfind('/'))));
  return os::move_file(from, to);
}

Result<void> export_artifacts(Output& output, const ArtifactExportOptions& options) {
  FETTLE_TRY(const auto tree, open_artifacts(client::server_url(options.server), options.run, options.path));
  FETTLE_TRY(const auto files, tree->list());
  if (files.empty())
    return fail(Code::NotFound, text::format("there is no artifact{} in {}; see `fettle artifact list {}`",
                                             options.path.empty() ? "" : text::format(" at '{}'", options.path),
                                             options.run, options.run));
  FETTLE_TRY_(check_paths(files, options));
  std::uint64_t total = 0, bytes = 0;
  for (const auto& file : files) total += file.size;
  const Incoming incoming(options.to);
  FETTLE_TRY_(os::make_folders(incoming.path()));
  for (std::size_t i = 0; i < files.size(); ++i) {
    FETTLE_TRY_(tree->fetch(files[i], text::format("{}/{}", incoming.path(), i)));
    bytes += files[i].size;
    if (output.terminal())
      output.progress("export", total == 0 ? 1 : static_cast<double>(bytes) / static_cast<double>(total),
                      text::human_bytes(bytes));
  }
  output.progress_done();
  std::vector<std::string> written;
  for (std::size_t i = 0; i < files.size(); ++i) {
    written.push_back(options.to + "/" + files[i].path);
    FETTLE_TRY_(place(text::format("{}/{}", incoming.path(), i), written.back()));
  }
  output.document(json::Value().set("files", json::Array(written.begin(), written.end())).set("bytes", bytes));
  output.line(text::format("{} files, {} in '{}'", files.size(), text::human_bytes(bytes), options.to));
  return {};
}

}  // namespace

void add_artifact_export_verb(Program& program) {
  auto options = std::make_shared<ArtifactExportOptions>();
  auto verb = program.verb("artifact", "", "export", "Download a file, a folder or everything");
  verb.argument("RUN", options->run, "A run's id, or a logged model's");
  verb.argument("PATH", options->path, "File or folder; by default everything", false);
  add_server_option(verb, *options);
  verb.option("--to", options->to, "Folder to write into; made if missing");
  verb.flag("--force", options->force, "Replace files that exist");
  verb.examples("  fettle artifact export 0f3c... model --to /tmp/model");
  verb.action([options](Output& output) { return export_artifacts(output, *options); });
}

}  // namespace fettle::cli
