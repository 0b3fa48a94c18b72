#include "pipeline/paths.h"

#include <vector>

#include "base/text.h"

namespace fettle::pipeline {

Result<std::string> normal_path(std::string_view path) {
  std::vector<std::string> parts;
  bool outside = path.starts_with('/');
  for (auto& part : text::split(path, '/')) {
    if (part.empty() || part == ".") continue;
    if (part != "..")
      parts.push_back(std::move(part));
    else if (parts.empty())
      outside = true;
    else
      parts.pop_back();
  }
  if (outside)
    return fail(Code::InvalidArgument, text::format("'{}' lies outside of the project; a step reads and writes inside "
                                                    "of it (files from elsewhere are named under data:)",
                                                    path));
  if (parts.empty()) return fail(Code::InvalidArgument, text::format("'{}' names no file or folder", path));
  return text::join(parts, "/");
}

bool overlap(std::string_view a, std::string_view b) noexcept {
  if (a.size() > b.size()) std::swap(a, b);
  return b.starts_with(a) && (a.size() == b.size() || b[a.size()] == '/');
}

}  // namespace fettle::pipeline
