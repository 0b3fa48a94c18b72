#include "tracking/artifact_roots.h"

#include <algorithm>

#include "base/text.h"
#include "tracking/names.h"

namespace fettle::tracking {
namespace {

constexpr std::size_t kMaxLocation = 2048;
constexpr std::string_view kProxied = "mlflow-artifacts:";
constexpr std::string_view kFile = "file:";
constexpr std::string_view kS3 = "s3://";

std::unexpected<Error> wrong_location(std::string_view location, std::string_view why) {
  return invalid_value("artifact_location", text::is_utf8(location) ? location : "not UTF-8", why);
}

// "scheme" of "scheme:rest" where it is one: letters, digits, '+', '-', '.', the first a letter and more than one (a
// single letter is a drive).
std::string scheme_of(std::string_view location) {
  const auto colon = location.find(':');
  if (colon == std::string_view::npos || colon < 2) return "";
  const auto word = location.substr(0, colon);
  const auto good = [](char c) {
    return (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') || c == '+' || c == '-' || c == '.';
  };
  return std::ranges::all_of(word, good) ? text::lower(word) : "";
}

std::string_view without_slashes(std::string_view path) {
  while (path.ends_with('/')) path.remove_suffix(1);
  return path;
}

// The absolute path in a file: URI or a plain path, with its percent-encoding undone in a URI.
Result<std::string> local_path(std::string_view location) {
  const bool is_uri = scheme_of(location) == "file";
  auto path = location;
  if (is_uri) {
    path.remove_prefix(kFile.size());
    if (path.starts_with("//")) {
      const auto slash = path.find('/', 2);
      const auto host = path.substr(2, slash == std::string_view::npos ? path.size() : slash - 2);
      if (!host.empty() && host != "localhost")
        return wrong_location(location, "it names another machine; write file:///absolute/path");
      path.remove_prefix(slash == std::string_view::npos ? path.size() : slash);
    }
  }
  if (!path.starts_with('/')) return wrong_location(location, "it is relative; write file:///absolute/path");
  while (path.starts_with('/')) path.remove_prefix(1);
  const auto plain = is_uri ? percent_decoded(path) : std::string(path);
  if (plain.empty()) return wrong_location(location, "it is the whole machine; name a folder");
  FETTLE_TRY(const auto clean, clean_artifact_path(plain));
  return "/" + clean;
}

}  // namespace

bool is_local(std::string_view location) {
  const auto scheme = scheme_of(location);
  return scheme.empty() || scheme == "file";
}

Result<std::string> clean_location(std::string_view location) {
  FETTLE_TRY_(check_length("artifact_location", location, kMaxLocation));
  const auto scheme = scheme_of(location);
  if (scheme == "runs" || scheme == "models")
    return wrong_location(location, "it refers to artifacts that lie elsewhere; name where they are to lie");
  if (location.find_first_of("#?") != std::string_view::npos)
    return wrong_location(location, "Artifact URL can't include fragments or query parameters.");
  if (is_local(location)) {
    FETTLE_TRY(const auto path, local_path(location));
    return "file://" + path;
  }
  const auto rest = location.substr(scheme.size() + 1);
  auto path = rest;
  while (path.starts_with('/')) path.remove_prefix(1);
  path = without_slashes(path);
  if (!path.empty())
    if (const auto clean = clean_artifact_path(path); !clean)
      return wrong_location(location, "'..', backslashes and control characters are not allowed in it");
  const auto slashes = rest.substr(0, rest.find_first_not_of('/'));
  return text::format("{}:{}{}", scheme, path.empty() ? "" : slashes, path);
}

Result<std::unique_ptr<ArtifactRoots>> ArtifactRoots::open(Artifacts& artifacts, std::string_view root,
                                                           const std::vector<std::string>& allowed) {
  std::unique_ptr<ArtifactRoots> out(new ArtifactRoots(artifacts));
  if (auto added = out->add(root); !added) return fail(added.error().within("--artifact-root"));
  out->root_ = out->roots_.front().location;
  for (const auto& uri : allowed)
    if (auto added = out->add(uri); !added) return fail(added.error().within("--artifact-allow"));
  return out;
}

Result<void> ArtifactRoots::add(std::string_view uri) {
  const auto question = uri.starts_with(kS3) ? uri.find('?') : std::string_view::npos;
  FETTLE_TRY(auto location, clean_location(uri.substr(0, question)));
  Root root{std::move(location), nullptr};
  if (root.location.starts_with(kFile)) {
    FETTLE_TRY(root.tree, blob::open_folder(root.location.substr(kFile.size() + 2)));
  } else if (root.location.starts_with(kS3)) {
    FETTLE_TRY(root.tree, blob::open_s3(std::string(uri)));
  } else if (!root.location.starts_with(kProxied)) {
    return wrong_location(uri, "a root is mlflow-artifacts:/, file:///folder or s3://bucket/prefix");
  }
  roots_.push_back(std::move(root));
  return {};
}

// The longest root that the location lies in.
bool ArtifactRoots::reads(std::string_view location) const {
  const auto clean = clean_location(location);
  return clean && root_of(*clean) != nullptr;
}

const ArtifactRoots::Root* ArtifactRoots::root_of(std::string_view location) const {
  const Root* best = nullptr;
  for (const auto& root : roots_) {
    const bool inside = root.tree && location.starts_with(root.location) &&
                        (location.size() == root.location.size() || location[root.location.size()] == '/');
    if (inside && (best == nullptr || root.location.size() > best->location.size())) best = &root;
  }
  return best;
}

Result<void> ArtifactRoots::check(std::string_view location) const {
  FETTLE_TRY(const auto clean, clean_location(location));
  if (!is_local(clean) || root_of(clean) != nullptr) return {};
  return wrong_location(location,
                        "it is a path of this machine outside of the folders that the server may use; leave it out, or "
                        "start the server with --artifact-allow file:///folder");
}

Result<ArtifactRoots::Place> ArtifactRoots::place_of(std::string_view uri, std::string_view path) const {
  std::string below;
  if (!path.empty()) {
    FETTLE_TRY(below, clean_artifact_path(path));
  }
  if (const auto ours = artifact_path_of(uri)) {
    const auto base = without_slashes(*ours);
    return Place{nullptr, nullptr,
                 base.empty() || below.empty() ? std::string(base) + below : text::format("{}/{}", base, below)};
  }
  FETTLE_TRY(const auto location, clean_location(uri));
  const auto* root = root_of(location);
  if (root == nullptr)
    return fail(Code::InvalidArgument,
                text::format("The artifacts at '{}' are not kept by this server; read them with a client of that "
                             "store, or start the server with --artifact-allow and their root",
                             uri));
  std::string inside = location.substr(std::min(location.size(), root->location.size() + 1));
  if (!inside.empty() && !below.empty()) inside += '/';
  return Place{root->tree.get(), root->tree.get(), inside + below};
}

Result<std::vector<ArtifactEntry>> ArtifactRoots::list(std::string_view uri, std::string_view path) const {
  FETTLE_TRY(const auto place, place_of(uri, path));
  if (place.reader == nullptr) return artifacts_.list(place.path);
  FETTLE_TRY(auto entries, place.reader->list(place.path));
  std::vector<ArtifactEntry> out;
  for (auto& entry : entries) out.push_back({std::move(entry.name), entry.is_folder, entry.size});
  return out;
}

Result<std::optional<ArtifactContent>> ArtifactRoots::find(std::string_view uri, std::string_view path) const {
  FETTLE_TRY(const auto place, place_of(uri, path));
  if (place.reader == nullptr) {
    FETTLE_TRY(const auto found, artifacts_.find(place.path));
    return found ? std::optional(artifacts_.content(*found)) : std::nullopt;
  }
  FETTLE_TRY(const auto found, place.reader->find(place.path));
  if (!found || found->is_folder) return std::optional<ArtifactContent>();
  const auto open = [place](std::uint64_t offset, std::uint64_t) -> Result<std::shared_ptr<blob::Reader>> {
    FETTLE_TRY(auto reader, place.reader->read(place.path, offset));
    return std::shared_ptr<blob::Reader>(std::move(reader));
  };
  return std::optional(ArtifactContent{found->size, text::format("{:x}-{:x}", found->size, found->modified_ms), open});
}

Result<void> ArtifactRoots::put(std::string_view uri, std::string_view path, const std::string& file) const {
  FETTLE_TRY(const auto place, place_of(uri, path));
  const std::span<const std::string> files(&file, 1);
  if (place.writer != nullptr) return place.writer->write(place.path, files);
  FETTLE_TRY_(artifacts_.put(place.path, files, blob::Keep::No));
  return {};
}

Result<void> ArtifactRoots::remove(std::string_view uri) const {
  FETTLE_TRY(const auto place, place_of(uri, ""));
  return place.writer == nullptr ? artifacts_.remove(place.path) : place.writer->remove(place.path);
}

}  // namespace fettle::tracking
