#include "artifact_tree.h"

#include <algorithm>

#include "base/digest.h"
#include "base/text.h"
#include "client.h"
#include "http/client.h"
#include "os/file.h"
#include "tracked.h"

namespace fettle::cli {
namespace {

bool is_flag_set(const json::Value& value, std::string_view key) {
  const auto* found = value.find(key);
  return found != nullptr && found->is_bool() && found->as_bool();
}

bool is_model(const std::string& owner) { return owner.starts_with("m-"); }

// Every file below a folder of a run or model, paths relative to the run or model.
Result<void> list_folder(const std::string& server, const std::string& owner, const std::string& folder,
                         std::vector<ArtifactFile>& out) {
  const auto at = http::percent_encode(owner), below = http::percent_encode(folder);
  const auto route = is_model(owner) ? text::format("{}/{}/artifacts/directories?artifact_directory_path={}",
                                                    mlflow_path("/logged-models"), at, below)
                                     : text::format("{}?run_id={}&path={}", mlflow_path("/artifacts/list"), at, below);
  const auto answer = client::get(server, route);
  if (!answer && answer.error().code == Code::NotFound)
    return fail(Code::NotFound, text::format("there is no {} '{}'; see `fettle run list`",
                                             is_model(owner) ? "logged model" : "run", owner));
  if (!answer) return fail(answer.error());
  for (const auto& file : list_in(&*answer, "files")) {
    const auto path = file.text_or("path");
    if (is_flag_set(file, "is_dir")) {
      FETTLE_TRY_(list_folder(server, owner, path, out));
    } else {
      out.push_back({path, static_cast<std::uint64_t>(file.int_or("file_size", 0))});
    }
  }
  return {};
}

class ServedTree final : public ArtifactTree {
 public:
  ServedTree(http::Client client, std::string server, std::string owner, std::string below, bool relative)
      : client_(std::move(client)),
        server_(std::move(server)),
        owner_(std::move(owner)),
        below_(std::move(below)),
        relative_(relative && !below_.empty()) {}

  Result<std::vector<ArtifactFile>> list() override {
    std::vector<ArtifactFile> out;
    FETTLE_TRY_(list_folder(server_, owner_, below_, out));
    if (out.empty() && !below_.empty()) FETTLE_TRY_(list_itself(out));
    if (relative_)
      for (auto& file : out) file.path = file.path.substr(below_.size() + 1);
    std::ranges::sort(out, {}, &ArtifactFile::path);
    return out;
  }
  Result<std::string> digest(const ArtifactFile& file) override {
    FETTLE_TRY(const auto head, client_.send(http::Method::Head, target_of(full(file.path))));
    for (const auto& [key, value] : head.headers) {
      if (text::lower(key) != "etag" || value.size() < 2) continue;
      if (const auto known = Digest::parse(value.substr(1, value.size() - 2))) return known->hex();
    }
    FETTLE_TRY(const auto folder, os::TempFolder::create("fettle-artifact"));
    FETTLE_TRY_(fetch(file, folder.path() + "/file"));
    FETTLE_TRY(const auto digest, os::digest_file(folder.path() + "/file"));
    return digest.hex();
  }
  Result<void> fetch(const ArtifactFile& file, const std::string& to) override {
    return client::download(client_, server_, target_of(full(file.path)), to);
  }

 private:
  [[nodiscard]] std::string full(const std::string& path) const { return relative_ ? below_ + "/" + path : path; }
  [[nodiscard]] std::string target_of(const std::string& path) const {
    if (is_model(owner_))
      return text::format("{}/{}/artifacts/files?artifact_file_path={}", mlflow_path("/logged-models"),
                          http::percent_encode(owner_), http::percent_encode(path));
    return text::format("/get-artifact?run_id={}&path={}", http::percent_encode(owner_), http::percent_encode(path));
  }
  // A file lists as nothing: it is one if the folder above it says so.
  Result<void> list_itself(std::vector<ArtifactFile>& out) {
    const auto slash = below_.rfind('/');
    std::vector<ArtifactFile> beside;
    FETTLE_TRY_(list_folder(server_, owner_, slash == std::string::npos ? "" : below_.substr(0, slash), beside));
    for (auto& file : beside)
      if (file.path == below_) {
        out.push_back(std::move(file));
        relative_ = false;
      }
    return {};
  }
  http::Client client_;
  std::string server_, owner_, below_;
  bool relative_;  // paths are relative to `below_`
};

class LocalTree final : public ArtifactTree {
 public:
  explicit LocalTree(std::string folder) : folder_(std::move(folder)) {}
  Result<std::vector<ArtifactFile>> list() override {
    FETTLE_TRY(const auto files, os::list_files(folder_));
    std::vector<ArtifactFile> out;
    for (const auto& file : files) out.push_back({file.path, file.size});
    return out;
  }
  Result<std::string> digest(const ArtifactFile& file) override {
    FETTLE_TRY(const auto digest, os::digest_file(folder_ + "/" + file.path));
    return digest.hex();
  }
  Result<void> fetch(const ArtifactFile& file, const std::string& to) override {
    return os::copy_file(folder_ + "/" + file.path, to);
  }

 private:
  std::string folder_;
};

Result<std::unique_ptr<ArtifactTree>> open_served(const std::string& server, const std::string& owner,
                                                  std::string below, bool relative) {
  while (below.ends_with('/')) below.pop_back();
  FETTLE_TRY(auto client, client::connect(server));
  return std::make_unique<ServedTree>(std::move(client), server, owner, std::move(below), relative);
}

bool glob(std::string_view pattern, std::string_view text) {
  while (!pattern.empty()) {
    if (pattern.front() == '*') {
      const bool deep = pattern.starts_with("**");
      const auto rest = pattern.substr(deep ? 2 : 1);
      for (std::size_t i = 0; i <= text.size(); ++i) {
        if (glob(rest, text.substr(i))) return true;
        if (i < text.size() && text[i] == '/' && !deep) return false;
      }
      return false;
    }
    if (text.empty() || (pattern.front() == '?' ? text.front() == '/' : text.front() != pattern.front())) return false;
    pattern.remove_prefix(1);
    text.remove_prefix(1);
  }
  return text.empty();
}

}  // namespace

bool matches(std::string_view pattern, std::string_view path) {
  return glob(pattern, pattern.contains('/') ? path : std::string_view(path).substr(path.rfind('/') + 1));
}

Result<std::unique_ptr<ArtifactTree>> open_artifacts(const std::string& server, const std::string& owner,
                                                     const std::string& below) {
  return open_served(server, owner, below, false);
}

Result<std::unique_ptr<ArtifactTree>> open_named_tree(const std::string& server, const std::string& name) {
  if (name.starts_with('.') || name.starts_with('/')) {
    if (os::is_folder(name)) return std::make_unique<LocalTree>(name);
    return fail(Code::NotFound, text::format("there is no folder '{}'", name));
  }
  const auto slash = name.find('/');
  return open_served(server, name.substr(0, slash), slash == std::string::npos ? "" : name.substr(slash + 1), true);
}

}  // namespace fettle::cli
