// Things side by side: where their values differ, as a table for people and a document for machines.
//
//   {"a": id, "b": id, ..., "differ": [{"key", "a"?, "b"?, ...}], "same": [...]}   a value that is not there is left
//   out
#pragma once

#include <map>
#include <string>
#include <vector>

#include "base/result.h"
#include "cli.h"
#include "json/value.h"

namespace fettle::cli {

using Values = std::map<std::string, std::string>;  // by "params.depth", "metrics.auc", "code.commit"

struct Compared {
  std::string id, words;  // what it was asked by, what else a person knows it by
  Values values;
  std::map<std::string, std::string> pictures;  // by key, shown to people beside the value
};
// InvalidArgument unless there are two to 26.
[[nodiscard]] Result<void> check_comparable(const std::vector<std::string>& names, std::string_view noun);
// `all`: what is the same, too. The document is the comparison's own; add to it before it is given to `output`.
[[nodiscard]] json::Value compared_document(const std::vector<Compared>& things);
void print_comparison(const Output& output, const std::vector<Compared>& things, bool all);

}  // namespace fettle::cli
