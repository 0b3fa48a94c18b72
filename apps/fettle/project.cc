#include "project.h"

#include <unistd.h>

#include <climits>
#include <cstdlib>
#include <memory>
#include <optional>

#include "base/text.h"
#include "os/errors.h"
#include "os/file.h"

namespace fettle::cli {
namespace {

constexpr std::string_view kFile = "fettle.yaml";

struct ProjectText {  // the file's sections
  std::string project, endpoint;
  std::map<std::string, DataSource> data;
  json::Value params, pipeline, gates, monitor, rollout, retrain;
};
BOOST_DESCRIBE_STRUCT(ProjectText, (), (project, endpoint, data, params, pipeline, gates, monitor, rollout, retrain))

Result<std::string> absolute(const std::string& folder) {
  const std::unique_ptr<char, decltype(&std::free)> path(::realpath(folder.c_str(), nullptr), &std::free);
  if (!path) return os::system_error("open folder", folder);
  return std::string(path.get());
}

Result<std::string> find_folder(const std::string& start) {
  FETTLE_TRY(const auto first, absolute(start));
  for (auto here = first;; here = here.substr(0, here.rfind('/'))) {
    if (os::exists(text::format("{}/{}", here, kFile))) return here;
    if (here.empty()) break;
  }
  return fail(Code::NotFound, text::format("there is no {} in '{}' or above it; go to a project's folder, or name it "
                                           "with --project",
                                           kFile, first));
}

Result<void> check_section(const config::Document& document, std::string_view name, json::Value& section) {
  if (section.is_null()) section = json::Value::object();
  if (section.is_object()) return {};
  return fail(config::located(document, {Code::InvalidArgument, text::format("{}: expected a mapping", name)}));
}

Result<ProjectText> read(const config::Document& document) {
  auto text = json::from_value<ProjectText>(document.root);
  if (!text) return fail(config::located(document, text.error()));
  if (text->project.empty())
    return fail(Code::InvalidArgument,
                text::format("{}: 'project' is missing; give the project a name: 'project: NAME'", document.name));
  for (const auto& [name, source] : text->data)
    if (source.path.empty())
      return fail(config::located(document, {Code::InvalidArgument, text::format("data.{}: 'path' is missing", name)}));
  return text;
}

}  // namespace

std::string Project::path_of(const std::string& relative) const {
  return relative.starts_with('/') ? relative : text::format("{}/{}", folder, relative);
}

Result<Project> load_project(const std::string& start) {
  Project project;
  FETTLE_TRY(project.folder, find_folder(start));
  FETTLE_TRY(const auto bytes, os::read_file(project.path_of(std::string(kFile))));
  FETTLE_TRY(project.document, config::parse_yaml(bytes, kFile));
  FETTLE_TRY(auto text, read(project.document));
  for (auto [name, section] : {std::pair{"params", &text.params},
                               {"pipeline", &text.pipeline},
                               {"gates", &text.gates},
                               {"monitor", &text.monitor},
                               {"rollout", &text.rollout},
                               {"retrain", &text.retrain}})
    FETTLE_TRY_(check_section(project.document, name, *section));
  project.name = std::move(text.project);
  project.endpoint = std::move(text.endpoint);
  project.data = std::move(text.data);
  project.params = std::move(text.params);
  project.pipeline = std::move(text.pipeline);
  project.gates = std::move(text.gates);
  project.monitor = std::move(text.monitor);
  project.rollout = std::move(text.rollout);
  project.retrain = std::move(text.retrain);
  return project;
}

}  // namespace fettle::cli
