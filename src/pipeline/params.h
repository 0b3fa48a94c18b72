// Params of a project: `--set key=value`, and `${key}` in the texts of a step.
//
// A text that is only "${key}" takes the param's value and kind; within a longer text the param is written out. Keys of
// nested params have dots: ${model.depth}. "$${" is a plain "${", for the shell.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "json/value.h"

namespace fettle::pipeline {

// Each override is "key=value". A param that is a text stays one ("--set as_of=2001"); else the value is read as YAML
// has it and must be of the param's kind. InvalidArgument for an unknown key (with the closest) or another kind.
[[nodiscard]] Result<json::Value> apply_overrides(json::Value params, const std::vector<std::string>& overrides);

// Replaces params in all texts of `value`, keys excepted. `where` begins the path of an error.
[[nodiscard]] Result<json::Value> substitute(const json::Value& value, const json::Value& params,
                                             const std::string& where);

}  // namespace fettle::pipeline
