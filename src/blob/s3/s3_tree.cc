// A bucket as a tree, through Arrow's S3 filesystem. Built into libfettle-s3.so; blob/s3_library.cc loads it.
//
// Uploads are multipart and send one part at a time, downloads read ahead one piece, so that an object of any size
// passes through a few megabytes of memory.
#include <arrow/filesystem/s3fs.h>
#include <arrow/io/interfaces.h>
#include <arrow/util/uri.h>

#include <algorithm>
#include <cstdio>
#include <mutex>

#include "base/text.h"
#include "blob/tree.h"

namespace fettle::blob {
namespace {

namespace fs = arrow::fs;

constexpr std::int64_t kReadAhead = 4 << 20;
constexpr std::size_t kWritePiece = 1 << 20;
constexpr double kConnectSeconds = 3;
constexpr std::int64_t kAttempts = 3;

// Arrow tells S3's refusals in words only.
Error error_of(const arrow::Status& status, const std::string& what) {
  const auto& text = status.message();
  const auto says = [&](std::string_view word) { return text.find(word) != std::string::npos; };
  auto code = Code::Unavailable;
  std::string_view hint = "; try again";
  if (says("ACCESS_DENIED") || says("403") || says("InvalidAccessKeyId") || says("SignatureDoesNotMatch") ||
      says("INVALID_ACCESS_KEY_ID") || says("SIGNATURE_DOES_NOT_MATCH")) {
    code = Code::PermissionDenied;
    hint = "; check AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY or AWS_PROFILE, and the policy of the bucket";
  } else if (says("NO_SUCH_BUCKET") || says("NoSuchBucket")) {
    code = Code::NotFound;
    hint = "; create the bucket, or name another";
  } else if (status.IsInvalid()) {
    code = Code::InvalidArgument;
    hint = "";
  }
  return {code, text::format("S3: cannot {}: {}{}", what, text.substr(0, 400), hint)};
}

std::unexpected<Error> failed(const arrow::Status& status, const std::string& what) {
  return fail(error_of(status, what));
}

// AWS's library: started with the first tree, ended with the last tree or reader, since it does not survive until the
// destructors of the process's statics. It cannot be started twice.
class Library {
 public:
  static arrow::Result<std::shared_ptr<Library>> get() {
    static std::mutex mutex;
    static std::weak_ptr<Library> running;
    const std::lock_guard lock(mutex);
    if (auto library = running.lock()) return library;
    fs::S3GlobalOptions options = fs::S3GlobalOptions::Defaults();
    options.log_level = fs::S3LogLevel::Off;
    ARROW_RETURN_NOT_OK(fs::InitializeS3(options));
    auto library = std::make_shared<Library>();
    running = library;
    return library;
  }
  Library() = default;
  Library(const Library&) = delete;
  Library& operator=(const Library&) = delete;
  ~Library() { static_cast<void>(fs::FinalizeS3()); }
};

class S3Reader final : public Reader {
 public:
  S3Reader(std::shared_ptr<Library> library, std::shared_ptr<arrow::io::RandomAccessFile> file, std::string path,
           std::int64_t at, std::int64_t size)
      : library_(std::move(library)), file_(std::move(file)), path_(std::move(path)), at_(at), size_(size) {}

  Result<std::string> next(std::size_t limit) override {
    if (used_ == buffer_.size()) FETTLE_TRY_(refill(limit));
    auto piece = buffer_.substr(used_, limit);
    used_ += piece.size();
    return piece;
  }

 private:
  Result<void> refill(std::size_t limit) {
    const auto want = std::min(size_ - at_, std::max<std::int64_t>(kReadAhead, static_cast<std::int64_t>(limit)));
    buffer_.resize(static_cast<std::size_t>(want));
    used_ = 0;
    if (want == 0) return {};
    const auto got = file_->ReadAt(at_, want, buffer_.data());
    if (!got.ok()) return failed(got.status(), text::format("read '{}'", path_));
    buffer_.resize(static_cast<std::size_t>(*got));
    at_ += *got;
    return {};
  }

  std::shared_ptr<Library> library_;
  std::shared_ptr<arrow::io::RandomAccessFile> file_;
  std::string path_;
  std::int64_t at_, size_;
  std::string buffer_;
  std::size_t used_ = 0;
};

class S3Tree final : public Tree {
 public:
  S3Tree(std::shared_ptr<Library> library, std::shared_ptr<fs::S3FileSystem> store, std::string root)
      : library_(std::move(library)), store_(std::move(store)), root_(std::move(root)) {}

  Result<std::optional<TreeEntry>> find(const std::string& path) const override {
    const auto info = store_->GetFileInfo(at(path));
    if (!info.ok()) return failed(info.status(), text::format("look at '{}'", at(path)));
    if (info->type() == fs::FileType::NotFound) return std::optional<TreeEntry>();
    return std::optional(entry_of(*info));
  }

  Result<std::vector<TreeEntry>> list(const std::string& folder) const override {
    fs::FileSelector selector;
    selector.base_dir = at(folder);
    selector.allow_not_found = true;
    const auto infos = store_->GetFileInfo(selector);
    std::vector<TreeEntry> out;
    if (!infos.ok()) {
      // A file where a folder was asked for.
      if (const auto found = find(folder); found && *found && !(*found)->is_folder) return out;
      return failed(infos.status(), text::format("list '{}'", at(folder)));
    }
    for (const auto& info : *infos) out.push_back(entry_of(info));
    std::ranges::sort(out, {}, &TreeEntry::name);
    return out;
  }

  Result<std::unique_ptr<Reader>> read(const std::string& path, std::uint64_t offset) const override {
    const auto info = store_->GetFileInfo(at(path));
    if (!info.ok()) return failed(info.status(), text::format("look at '{}'", at(path)));
    if (info->type() != fs::FileType::File)
      return fail(Code::NotFound, text::format("S3: there is no object '{}'", at(path)));
    auto file = store_->OpenInputFile(*info);
    if (!file.ok()) return failed(file.status(), text::format("read '{}'", at(path)));
    return std::make_unique<S3Reader>(library_, *file, at(path), static_cast<std::int64_t>(offset), info->size());
  }

  Result<void> write(const std::string& path, std::span<const std::string> files) override {
    const auto stream = store_->OpenOutputStream(at(path));
    if (!stream.ok()) return failed(stream.status(), text::format("write '{}'", at(path)));
    for (const auto& file : files) {
      if (auto sent = send(file, **stream); !sent) {
        static_cast<void>((*stream)->Abort());
        return sent;
      }
    }
    if (const auto closed = (*stream)->Close(); !closed.ok())
      return failed(closed, text::format("write '{}'", at(path)));
    return {};
  }

  Result<void> remove(const std::string& path) override {
    if (path.empty()) return fail(Code::InvalidArgument, "Invalid path: the root stays");
    FETTLE_TRY(const auto found, find(path));
    if (!found) return {};
    const auto gone = found->is_folder ? store_->DeleteDir(at(path)) : store_->DeleteFile(at(path));
    if (!gone.ok()) return failed(gone, text::format("remove '{}'", at(path)));
    return {};
  }

 private:
  [[nodiscard]] std::string at(const std::string& path) const { return path.empty() ? root_ : root_ + "/" + path; }

  static TreeEntry entry_of(const fs::FileInfo& info) {
    const bool is_file = info.type() == fs::FileType::File;
    const auto since = info.mtime().time_since_epoch().count() / 1'000'000;
    return {info.base_name(), !is_file, is_file ? static_cast<std::uint64_t>(info.size()) : 0, is_file ? since : 0};
  }

  static Result<void> send(const std::string& path, arrow::io::OutputStream& to) {
    const std::unique_ptr<FILE, int (*)(FILE*)> file(std::fopen(path.c_str(), "rbe"), std::fclose);
    if (!file) return fail(Code::NotFound, text::format("cannot read '{}'", path));
    std::string piece(kWritePiece, '\0');
    while (const auto got = std::fread(piece.data(), 1, piece.size(), file.get())) {
      const auto wrote = to.Write(piece.data(), static_cast<std::int64_t>(got));
      if (!wrote.ok()) return failed(wrote, "write");
    }
    if (std::ferror(file.get()) != 0) return fail(Code::DataLoss, text::format("cannot read '{}'", path));
    return {};
  }

  std::shared_ptr<Library> library_;
  std::shared_ptr<fs::S3FileSystem> store_;
  std::string root_;  // "bucket/prefix"
};

Result<std::unique_ptr<Tree>> open_tree(const std::string& uri) {
  auto library = Library::get();
  if (!library.ok()) return failed(library.status(), "start AWS's library");
  if (uri.substr(0, uri.find('?')).find('@') != std::string::npos)
    return fail(Code::InvalidArgument,
                "an s3: URI may not hold credentials; give them as AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or "
                "AWS_PROFILE");
  std::string root;
  auto options = fs::S3Options::FromUri(uri, &root);
  if (!options.ok()) return failed(options.status(), text::format("use '{}'", uri));
  options->allow_delayed_open = true;  // small objects in one request
  options->background_writes = false;  // parts that wait to be sent would pile up in memory
  options->connect_timeout = kConnectSeconds;
  options->retry_strategy = fs::S3RetryStrategy::GetAwsStandardRetryStrategy(kAttempts);
  auto store = fs::S3FileSystem::Make(*options);
  if (!store.ok()) return failed(store.status(), text::format("use '{}'", uri));
  while (root.ends_with('/')) root.pop_back();
  auto tree = std::make_unique<S3Tree>(*library, *store, root);
  const auto bucket = root.substr(0, root.find('/'));
  const auto found = (*store)->GetFileInfo(bucket);
  if (!found.ok()) return failed(found.status(), text::format("use bucket '{}'", bucket));
  if (found->type() == fs::FileType::NotFound)
    return fail(Code::FailedPrecondition,
                text::format("S3: bucket '{}' does not exist, or these credentials may not see it; create it", bucket));
  FETTLE_TRY_(tree->list(""));
  return tree;
}

}  // namespace
}  // namespace fettle::blob

// The only symbol of the library.
extern "C" __attribute__((visibility("default"))) fettle::blob::Tree* fettle_open_s3(const std::string& uri,
                                                                                     fettle::Error& error);
extern "C" fettle::blob::Tree* fettle_open_s3(const std::string& uri, fettle::Error& error) {
  auto tree = fettle::blob::open_tree(uri);
  if (tree) return tree->release();
  error = std::move(tree).error();
  return nullptr;
}
