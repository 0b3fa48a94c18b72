// The pipeline of a project as a graph: steps, what they read and write, and the order that follows.
//
// Invariants of a Pipeline: (1) steps stand after all steps that they wait for; among those ready, in the file's order;
// (2) every path is relative, normal and inside the project; (3) an out belongs to one step, and no out lies inside
// another, inside the data, or where Fettle keeps its own files.
#pragma once

#include <cstddef>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "config/yaml.h"
#include "json/value.h"

namespace fettle::pipeline {

// What the graph must know of a built-in step; the table of them is the program's.
struct BuiltIn {
  int version = 1;
  std::vector<std::string> sections;  // of fettle.yaml that it reads
  bool remote = false;                // its result depends on which server it talks to
};
using BuiltIns = std::map<std::string, BuiltIn, std::less<>>;

struct Step {
  std::string name;
  std::string uses;                  // a built-in step; empty: a command
  std::vector<std::string> command;  // program and arguments; empty: a built-in
  json::Value with;                  // an object, params replaced
  json::Value settings;              // an object: the sections that a built-in reads, params replaced
  std::vector<std::string> data;     // names of data snapshots
  std::vector<std::string> deps;     // files or folders
  std::vector<std::string> outs;     // files or folders, metrics among them
  std::vector<std::string> metrics;  // outs that hold one JSON object of numbers
  int version = 0;                   // of the built-in
  bool remote = false;
  bool always = false;             // runs every time
  std::vector<std::size_t> after;  // indices of the steps that it waits for, ascending
};

class Pipeline {
 public:
  // Reads `pipeline`, `params`, `data` and the built-ins' sections of a project file. InvalidArgument names file, line,
  // the path of the key, the rule broken and, for a name that does not exist, the closest that does.
  [[nodiscard]] static Result<Pipeline> create(const config::Document& document, const BuiltIns& built_ins,
                                               const std::vector<std::string>& overrides = {});
  [[nodiscard]] const std::vector<Step>& steps() const noexcept { return steps_; }
  [[nodiscard]] const json::Value& params() const noexcept { return params_; }
  // Indices, ascending, of the named steps and all that they wait for; all steps if none is named. NotFound with the
  // closest name.
  [[nodiscard]] Result<std::vector<std::size_t>> select(const std::vector<std::string>& names) const;

 private:
  std::vector<Step> steps_;
  json::Value params_;
};

}  // namespace fettle::pipeline
