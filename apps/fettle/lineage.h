// One model version in words: where it comes from, who approved it, where it is used.
#pragma once

#include <optional>
#include <string>

#include "base/result.h"
#include "cli.h"
#include "json/value.h"

namespace fettle::cli {

struct VersionName {
  std::string model, alias;  // alias empty: the version
  std::int64_t version = 0;
};
// "flights@champion" or "flights/3"; nullopt for a model's bare name.
[[nodiscard]] std::optional<VersionName> parse_version_name(const std::string& text);

// Its lineage, as the server tells it. InvalidArgument for a model's bare name.
[[nodiscard]] Result<json::Value> get_version(const std::string& server, const std::string& name);
[[nodiscard]] Result<void> show_version(Output& output, const std::string& server, VersionName name);

}  // namespace fettle::cli
