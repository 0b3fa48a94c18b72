#include "transfer/bucket.h"

#include <map>

#include "base/text.h"
#include "blob/tree.h"
#include "os/output_file.h"

namespace fettle::transfer {
namespace {

constexpr std::string_view kS3Scheme = "s3://";
constexpr std::size_t kReadPiece = 1U << 20U;

struct S3Place {
  std::string bucket, path;
};

S3Place s3_place(std::string_view uri) {
  uri.remove_prefix(kS3Scheme.size());
  while (uri.ends_with('/')) uri.remove_suffix(1);
  const auto slash = uri.find('/');
  if (slash == std::string_view::npos) return {std::string(uri), ""};
  return {std::string(uri.substr(0, slash)), std::string(uri.substr(slash + 1))};
}

class BucketFiles final : public Files {
 public:
  BucketFiles(std::unique_ptr<Files> others, std::string endpoint, std::string folder)
      : others_(std::move(others)), endpoint_(std::move(endpoint)), folder_(std::move(folder)) {}

  Result<std::vector<SourceFile>> list(const Owner& owner) override {
    if (!owner.uri.starts_with(kS3Scheme)) return others_->list(owner);
    const auto place = s3_place(owner.uri);
    FETTLE_TRY(const auto* tree, tree_of(place.bucket));
    std::vector<SourceFile> out;
    FETTLE_TRY_(list_below(*tree, place.path, "", out));
    return out;
  }

  Result<std::string> fetch(const Owner& owner, const SourceFile& file) override {
    if (!owner.uri.starts_with(kS3Scheme)) return others_->fetch(owner, file);
    const auto place = s3_place(owner.uri);
    FETTLE_TRY(const auto* tree, tree_of(place.bucket));
    FETTLE_TRY(const auto reader, tree->read(joined(place.path, file.path), 0));
    auto to = folder_ + "/object";
    FETTLE_TRY(auto out, os::OutputFile::create(to, os::Replace::Yes));
    for (;;) {
      FETTLE_TRY(const auto piece, reader->next(kReadPiece));
      if (piece.empty()) break;
      FETTLE_TRY_(out.write(piece));
    }
    FETTLE_TRY_(out.publish());
    return to;
  }

 private:
  static std::string joined(const std::string& folder, const std::string& name) {
    return folder.empty() ? name : name.empty() ? folder : folder + "/" + name;
  }
  static Result<void> list_below(const blob::Tree& tree, const std::string& root, const std::string& folder,
                                 std::vector<SourceFile>& out) {
    FETTLE_TRY(const auto entries, tree.list(joined(root, folder)));
    for (const auto& entry : entries) {
      const auto path = joined(folder, entry.name);
      if (entry.is_folder) {
        FETTLE_TRY_(list_below(tree, root, path, out));
      } else {
        out.push_back({path, entry.size});
      }
    }
    return {};
  }
  Result<blob::Tree*> tree_of(const std::string& bucket) {
    auto& tree = trees_[bucket];
    if (!tree) {
      FETTLE_TRY(tree, blob::open_s3(std::string(kS3Scheme) + bucket + query()));
    }
    return tree.get();
  }
  [[nodiscard]] std::string query() const {
    const auto scheme = endpoint_.find("://");
    if (scheme == std::string::npos) return "";
    auto host = endpoint_.substr(scheme + 3);
    while (host.ends_with('/')) host.pop_back();
    return text::format("?endpoint_override={}&scheme={}", host, endpoint_.substr(0, scheme));
  }

  std::unique_ptr<Files> others_;
  std::string endpoint_, folder_;
  std::map<std::string, std::unique_ptr<blob::Tree>> trees_;
};

}  // namespace

std::unique_ptr<Files> with_buckets(std::unique_ptr<Files> others, std::string endpoint, std::string folder) {
  return std::make_unique<BucketFiles>(std::move(others), std::move(endpoint), std::move(folder));
}

}  // namespace fettle::transfer
