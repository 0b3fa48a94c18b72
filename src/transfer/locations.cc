#include "transfer/locations.h"

#include <algorithm>

#include "base/text.h"
#include "os/file.h"

namespace fettle::transfer {
namespace {

constexpr std::string_view kProxied = "mlflow-artifacts:";
constexpr std::string_view kFile = "file:";

bool has_scheme(std::string_view uri) {
  const auto colon = uri.find(':');
  if (colon == std::string_view::npos || colon < 2) return false;  // "C:\x" is a path
  return std::ranges::all_of(uri.substr(0, colon), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '+' || c == '-' ||
           c == '.';
  });
}

std::string decoded(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    int value = 0;
    if (text[i] == '%' && i + 2 < text.size() &&
        std::ranges::all_of(text.substr(i + 1, 2), [](unsigned char c) { return std::isxdigit(c) != 0; })) {
      value = std::stoi(std::string(text.substr(i + 1, 2)), nullptr, 16);
      out += static_cast<char>(value);
      i += 2;
    } else {
      out += text[i];
    }
  }
  return out;
}

std::string without_end(std::string_view uri) {
  while (uri.size() > 1 && uri.ends_with('/')) uri.remove_suffix(1);
  return std::string(uri);
}

class LocalFiles final : public Files {
 public:
  LocalFiles(std::string proxied, std::string root) : proxied_(std::move(proxied)), root_(std::move(root)) {}

  Result<std::vector<SourceFile>> list(const Owner& owner) override {
    std::vector<SourceFile> out;
    FETTLE_TRY(const auto folder, folder_of(owner));
    if (!os::is_folder(folder)) return out;
    FETTLE_TRY(const auto files, os::list_files(folder));
    for (const auto& file : files) out.push_back({file.path, file.size});
    return out;
  }
  Result<std::string> fetch(const Owner& owner, const SourceFile& file) override {
    FETTLE_TRY(const auto folder, folder_of(owner));
    return folder + "/" + file.path;
  }

 private:
  // Beside its run in the folder, whatever the URI says: the folder may have been moved.
  [[nodiscard]] std::string beside(const Owner& owner) const {
    if (root_.empty()) return {};
    for (const auto* trash : {"", "/.trash"}) {
      const auto below = root_ + trash + "/" + owner.experiment;
      auto folder = (owner.model.empty() ? below + "/" + owner.run : below + "/models/" + owner.model) + "/artifacts";
      if (os::is_folder(folder)) return folder;
    }
    return {};
  }
  [[nodiscard]] Result<std::string> folder_of(const Owner& owner) const {
    switch (place_of(owner.uri)) {
      case Place::Elsewhere:
        return fail(Code::Unimplemented, text::format("'{}' is left where it is", owner.uri));
      case Place::Local: {
        const auto path = local_path(owner.uri);
        if (os::is_folder(path)) return path;
        const auto found = beside(owner);
        return found.empty() ? path : found;
      }
      case Place::Proxied:
        break;
    }
    if (proxied_.empty())
      return fail(Code::FailedPrecondition,
                  text::format("'{}' lies behind the MLflow server; name the folder that it keeps artifacts in with "
                               "--artifacts-destination, or give --artifacts leave",
                               owner.uri));
    return proxied_ + "/" + proxied_path(owner.uri).value_or("");
  }
  std::string proxied_, root_;
};

}  // namespace

Place place_of(std::string_view uri) {
  if (uri.starts_with(kProxied)) return Place::Proxied;
  return uri.starts_with(kFile) || !has_scheme(uri) ? Place::Local : Place::Elsewhere;
}

std::string local_path(std::string_view uri) {
  if (!uri.starts_with(kFile)) return std::string(uri);
  uri.remove_prefix(kFile.size());
  if (uri.starts_with("//")) {
    const auto slash = uri.find('/', 2);
    uri.remove_prefix(slash == std::string_view::npos ? uri.size() : slash);
  }
  return decoded(uri);
}

std::optional<std::string> proxied_path(std::string_view uri) {
  if (!uri.starts_with(kProxied)) return std::nullopt;
  uri.remove_prefix(kProxied.size());
  if (uri.starts_with("//")) {
    const auto slash = uri.find('/', 2);
    uri.remove_prefix(slash == std::string_view::npos ? uri.size() : slash);
    constexpr std::string_view kRoute = "/mlflow-artifacts/artifacts/";
    if (const auto at = uri.find(kRoute); at != std::string_view::npos) uri.remove_prefix(at + kRoute.size());
  }
  while (uri.starts_with('/')) uri.remove_prefix(1);
  return std::string(uri);
}

bool Locations::stays(const std::string& uri) const {
  return place_of(uri) == Place::Elsewhere && !(copying_ == Copying::WithS3 && uri.starts_with("s3:"));
}

std::string Locations::moved(const std::string& uri, const std::string& to) {
  if (copying_ == Copying::None) return uri;
  if (const auto path = proxied_path(uri)) return "mlflow-artifacts:/" + *path;
  if (stays(uri)) return uri;
  if (follow(uri) != to) prefixes_.insert_or_assign(without_end(local_path(uri)), to);
  return to;
}

std::string Locations::follow(const std::string& uri) const {
  if (copying_ == Copying::None) return uri;
  if (const auto path = proxied_path(uri)) return "mlflow-artifacts:/" + *path;
  if (stays(uri)) return uri;
  const auto path = without_end(local_path(uri));
  for (auto prefix = path;;) {
    if (const auto found = prefixes_.find(prefix); found != prefixes_.end())
      return found->second + path.substr(prefix.size());
    const auto slash = prefix.rfind('/');
    if (slash == std::string::npos || slash == 0) return uri;
    prefix.resize(slash);
  }
}

void Locations::map(ExperimentRecord& record) {
  record.artifact_location = moved(record.artifact_location, "mlflow-artifacts:/" + record.id);
}
void Locations::map(RunRecord& record) {
  record.artifact_uri =
      moved(record.artifact_uri, text::format("mlflow-artifacts:/{}/{}/artifacts", record.experiment, record.id));
}
void Locations::map(ModelRecord& record) {
  record.artifact_uri = moved(record.artifact_uri,
                              text::format("mlflow-artifacts:/{}/models/{}/artifacts", record.experiment, record.id));
}
void Locations::map(RegisteredRecord& record) {
  for (auto& version : record.versions) {
    version.source = follow(version.source);
    version.storage_location = follow(version.storage_location);
  }
}

std::unique_ptr<Files> local_files(std::string proxied, std::string root) {
  return std::make_unique<LocalFiles>(std::move(proxied), std::move(root));
}

}  // namespace fettle::transfer
