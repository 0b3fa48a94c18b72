// YAML files as JSON values, with the line of every key, so that errors can say "fettle.yaml:12: ...".
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "base/result.h"
#include "json/describe.h"

namespace fettle::config {

struct Document {
  std::string name;  // file name, for messages
  json::Value root;
  std::map<std::string, int> lines;  // "steps.train.deps[1]" -> line, from 1
};

// YAML 1.2 core scalars: quoted text stays text; true/false, integers, floats, null by their form. Duplicate keys,
// tabs, aliases bombs (over 200,000 nodes) are InvalidArgument with line and column.
[[nodiscard]] Result<Document> parse_yaml(std::string_view text, std::string_view name);
[[nodiscard]] Result<Document> load_yaml(const std::string& path);

// The same error with "<file>:<line>: " in front, found from the longest path in the message that has a line.
[[nodiscard]] Error with_line(const Document& document, const std::string& path, Error error);

// For errors that begin with the path of a key ("steps.train: unknown key 'dep'; ..."): the line of that key in front.
[[nodiscard]] Error located(const Document& document, const Error& error);

[[nodiscard]] std::string dump_yaml(const json::Value& value);  // block style, keys in order

}  // namespace fettle::config
