// A user's project: the folder that holds fettle.yaml, and that file's sections.
//
// Sections that other parts own stay JSON here; their owner reads them with json::from_value and puts the line in front
// of an error with config::with_line(project.document, "monitor", error).
#pragma once

#include <boost/describe.hpp>
#include <map>
#include <string>
#include <string_view>

#include "base/result.h"
#include "config/yaml.h"
#include "json/value.h"

namespace fettle::cli {

struct DataSource {
  std::string path;    // folder or file; relative to the project's folder
  std::string schema;  // schema file, relative likewise; empty for none
};
BOOST_DESCRIBE_STRUCT(DataSource, (), (path, schema))

struct Project {
  std::string folder;                            // absolute
  std::string name;                              // `project:`
  std::string endpoint;                          // empty if the file names none
  std::map<std::string, DataSource> data;        // by name
  json::Value params;                            // an object
  json::Value pipeline;                          // an object: step -> description; ${...} not yet replaced
  json::Value gates, monitor, rollout, retrain;  // objects; empty ones if the file has none
  config::Document document;                     // the whole file, with the line of every key

  // `relative` below the project's folder; an absolute path stays as it is.
  [[nodiscard]] std::string path_of(const std::string& relative) const;
};

// Reads fettle.yaml in `folder` or the nearest folder above it. NotFound if there is none; InvalidArgument with
// file and line for a broken file or a key that nobody knows.
[[nodiscard]] Result<Project> load_project(const std::string& folder = ".");

constexpr std::string_view kProjectHelp = "Folder of the project: where fettle.yaml is, or below it";

}  // namespace fettle::cli
