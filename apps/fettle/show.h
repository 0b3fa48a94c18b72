// The REST API's answers as words and tables for people; machines get the documents themselves.
#pragma once

#include <string>

#include "cli.h"
#include "json/value.h"

namespace fettle::cli {

[[nodiscard]] std::string date_in_words(std::int64_t ms);                  // "2001-05-07"; "-" for 0
[[nodiscard]] std::string variants_in_words(const json::Value& endpoint);  // "champion v2 95 %, challenger v3 5 %"
void print_endpoint(Output& output, const json::Value& endpoint);          // state, why, doing, variants, quality
void print_weeks(Output& output, const json::Value& windows);              // one line a week and version
void print_alerts(Output& output, const json::Value& alerts);
void print_rollout(Output& output, const json::Value& detail);  // {"rollout", "decisions", "live"}

}  // namespace fettle::cli
