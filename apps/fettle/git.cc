#include "git.h"

#include <string_view>

#include "base/text.h"
#include "os/process.h"

namespace fettle::cli {

GitState git_state(const std::string& folder) {
  const auto head = os::run({.argv = {"git", "rev-parse", "HEAD"}, .folder = folder, .environment = {}});
  if (!head || head->code != 0) return {};
  const auto status = os::run({.argv = {"git", "status", "--porcelain", "--untracked-files=no", "--", "."},
                               .folder = folder,
                               .environment = {{"GIT_OPTIONAL_LOCKS", "0"}}});
  return {std::string(text::trim(head->output)), status && !text::trim(status->output).empty()};
}

}  // namespace fettle::cli
