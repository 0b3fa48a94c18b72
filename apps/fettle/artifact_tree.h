// A tree of artifacts that can be listed, hashed and fetched: a run's or a logged model's on a server, or a folder
// here.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace fettle::cli {

struct ArtifactFile {
  std::string path;  // below the tree's root
  std::uint64_t size = 0;
};

class ArtifactTree {
 public:
  virtual ~ArtifactTree() = default;
  [[nodiscard]] virtual Result<std::vector<ArtifactFile>> list() = 0;  // every file, by path
  // SHA-256 as hex. What the server keeps itself is told by it; other files are read.
  [[nodiscard]] virtual Result<std::string> digest(const ArtifactFile& file) = 0;
  [[nodiscard]] virtual Result<void> fetch(const ArtifactFile& file, const std::string& to) = 0;
};

// `owner`: a run's id or a logged model's ("m-..."). `below`: a folder of it, or one file; empty for all. Paths of
// files are relative to the owner.
[[nodiscard]] Result<std::unique_ptr<ArtifactTree>> open_artifacts(const std::string& server, const std::string& owner,
                                                                   const std::string& below);
// "0f3c...", "0f3c.../model", or a folder of this machine ("./model", "/tmp/model"); paths are relative to what is
// named.
[[nodiscard]] Result<std::unique_ptr<ArtifactTree>> open_named_tree(const std::string& server, const std::string& name);

// Whether `pattern` names a path: '*' and '?' stand for anything but '/', '**' for anything. Without a '/' it is held
// against the last part alone.
[[nodiscard]] bool matches(std::string_view pattern, std::string_view path);

}  // namespace fettle::cli
