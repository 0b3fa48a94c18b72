// Which runs, logged models, artifact folders and bundles the versions of registered models need: for those who remove.
//
// A version needs what its run_id, model_id, source, storage_location and tag fettle.bundle name, however the location
// is spelled: each part of its path counts. Deleted versions need nothing. Not thread-safe.
#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>

#include "base/result.h"
#include "sql/database.h"

namespace fettle::registry {

class References {
 public:
  explicit References(std::int64_t now_ms) noexcept : since_ms_(now_ms) {}
  // Reads all versions at first, then those that came since; inside a transaction or snapshot.
  [[nodiscard]] Result<void> refresh(sql::Session& session);
  // "version 3 of 'flights' needs it"; empty if none does. `id`: of a run or logged model.
  [[nodiscard]] std::string why(const std::string& id) const;
  [[nodiscard]] std::string why_folder(const std::string& name) const;  // a folder at the artifacts' top
  [[nodiscard]] const std::set<std::string>& bundles() const noexcept { return bundles_; }  // digests

 private:
  struct Version {
    std::string_view model, run_id, model_id, source, location, bundle;
    std::int64_t number = 0;
  };
  void add(const Version& version);
  void add_location(std::string_view location, const std::string& why);

  std::int64_t since_ms_;
  std::int64_t seen_ = 0;                                // largest row
  std::unordered_map<std::string, std::string> needed_;  // id, or "/" and a folder's name -> why
  std::set<std::string> bundles_;
};

// Whether that version was deleted before this time; its number stays known as long as its model is there.
[[nodiscard]] Result<bool> was_deleted(sql::Session& session, const std::string& model, std::int64_t version,
                                       std::int64_t before_ms);

}  // namespace fettle::registry
