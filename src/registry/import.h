// Writing and reading registered models that are moved from another server: given version numbers, given times.
//
// Inside a transaction of the caller; names are not checked, the other server has accepted them. A model that exists is
// replaced whole. A deleted version keeps its number, so that it is never given again.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "registry/store.h"
#include "sql/database.h"

namespace fettle::registry {

struct Moved {
  Model model;                    // `latest` is not used
  std::vector<Version> versions;  // their aliases are the model's
  struct Gone {
    std::int64_t version = 0, created_ms = 0, updated_ms = 0;
  };
  std::vector<Gone> gone;  // deleted versions
};

[[nodiscard]] Result<std::optional<Moved>> stored_model(sql::Session& session, const std::string& name);
[[nodiscard]] Result<void> import_model(sql::Session& session, const Moved& moved);

}  // namespace fettle::registry
