// Which commit a project's files are of.
#pragma once

#include <string>

namespace fettle::cli {

struct GitState {
  std::string commit;  // 40 hex digits; empty outside of a repository, or without git
  bool dirty = false;  // tracked files differ from the commit
};

[[nodiscard]] GitState git_state(const std::string& folder);

}  // namespace fettle::cli
