// Uploads in parts: each part is a file that is durable before it is acknowledged; complete() makes them one artifact.
//
// State is the folder alone, so that a restart, or a death at any moment, loses nothing that was acknowledged:
//   <folder>/<id>/upload.json     path, number of parts, when it began; written first
//   <folder>/<id>/<n>-<sha256>    part n; sent again, the later one stays
//   <folder>/<id>/done            instead of the parts: it is complete, and a repeated complete() is answered the same
// An upload that nobody touches for a day is given up. Thread-safe.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "tracking/artifacts.h"

namespace fettle::tracking {

struct UploadPart {
  std::int64_t number = 0;  // from 1
  std::string etag;         // as put_part() gave it, with or without quotes
};

class Uploads {
 public:
  static constexpr std::int64_t kLifetimeMs = kDayMs;
  static constexpr std::int64_t kMaxParts = 100'000;
  static constexpr std::uint64_t kMaxPart = std::uint64_t{5} << 30U;  // bytes

  // Gives up what is too old.
  [[nodiscard]] static Result<std::unique_ptr<Uploads>> open(std::string folder, Artifacts& artifacts,
                                                             const Clock& clock);
  // Returns the upload's id. Also gives up what is too old.
  [[nodiscard]] Result<std::string> create(std::string_view path, std::int64_t parts);
  // Takes `file`; returns the part's ETag. NotFound if there is no such upload, or it is complete.
  [[nodiscard]] Result<std::string> put_part(const std::string& id, std::int64_t number, const std::string& file);
  // InvalidArgument unless `parts` are all parts of the upload, each once, with their ETags; nothing changes then.
  // Repeated, it succeeds again.
  [[nodiscard]] Result<void> complete(const std::string& id, std::string_view path, std::vector<UploadPart> parts);
  [[nodiscard]] Result<void> abort(const std::string& id, std::string_view path);  // missing is fine
  // Gives up what is too old; how many there were.
  [[nodiscard]] Result<std::int64_t> expire(bool dry_run = false);

 private:
  Uploads(std::string folder, Artifacts& artifacts, const Clock& clock)
      : folder_(std::move(folder)), artifacts_(artifacts), clock_(clock) {}
  [[nodiscard]] std::string folder_of(const std::string& id) const { return folder_ + "/" + id; }
  [[nodiscard]] Result<std::vector<std::string>> files_of(const std::string& id, std::int64_t count,
                                                          std::vector<UploadPart> parts) const;
  std::string folder_;
  Artifacts& artifacts_;
  const Clock& clock_;
  std::mutex mutex_;  // over what is in an upload's folder; not held while parts become one artifact
};

}  // namespace fettle::tracking
