// Struct <-> JSON by description.
//
//   struct Step { std::string name; std::vector<std::string> deps; std::optional<int> retries; };
//   BOOST_DESCRIBE_STRUCT(Step, (), (name, deps, retries))
//   json::to_value(step);  json::from_value<Step>(value, "fettle.yaml: steps.train");
//
// Rules: members without optional<> and whose type has no default in the struct are still allowed to be missing: a
// missing member keeps the struct's default value. An unknown key is an error with the closest known key as a hint.
// Errors carry the path: "fettle.yaml: steps.train.deps[1]: expected text, got a number".
// Types: bool, integers, double, std::string, json::Value, std::vector<T>, std::map<std::string, T>,
// std::optional<T> (null or missing = nullopt; nullopt is not written), described structs, described enums
// (BOOST_DESCRIBE_ENUM; written as lower_snake_case text of the enumerator, e.g. RolledBack <-> "rolled_back").
#pragma once

#include "json/value.h"
