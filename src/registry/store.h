// The model registry: registered models, their numbered immutable versions, and aliases, the pointers that move
// (aliases.h). Each change is told to webhooks in its own transaction.
//
// Invariant: a version's number is one above all numbers ever given to its model, deleted ones included.
// Every write is one transaction, answered after its commit. Thread-safe; blocks on SQL. Errors: NotFound,
// AlreadyExists (name taken), InvalidArgument (a bad name, alias, stage or filter).
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "registry/aliases.h"
#include "sql/database.h"
#include "tracking/records.h"

namespace fettle::registry {

using tracking::KeyValue;
using tracking::Page;

struct Alias {
  std::string name;
  std::int64_t version = 0;
};

struct Version {
  std::string model;
  std::int64_t version = 0;
  std::string source;            // where its files are; an artifact URI or "fettle:/bundles/<digest>"
  std::string storage_location;  // the same, "models:/" references resolved
  std::string run_id, run_link, model_id, user, description;
  std::string stage = "None";  // None, Staging, Production, Archived
  std::int64_t created_ms = 0, updated_ms = 0;
  std::vector<KeyValue> tags;
  std::vector<std::string> aliases;
  // The value of a tag, empty if it has none: tag("fettle.bundle").
  [[nodiscard]] std::string tag(std::string_view key) const;
};

struct Model {
  std::string name, description;
  std::int64_t created_ms = 0, updated_ms = 0;
  std::vector<KeyValue> tags;
  std::vector<Alias> aliases;
  std::vector<Version> latest;  // the newest version of each stage
};

struct NewVersion {
  std::string model, source;
  std::string storage_location;  // empty: source
  std::string run_id, run_link, model_id, user, description;
  std::vector<KeyValue> tags;
};

struct Query {
  std::string filter;
  std::vector<std::string> order_by;
  std::int64_t max_results = 100;
  std::string page_token;
  std::optional<tracking::Scope> scope;  // of registered models; none: everything
};

class Store {
 public:
  Store(sql::Database& database, const Clock& clock) noexcept
      : database_(database), clock_(clock), aliases_(database, clock) {}
  // Needs those of notify, too.
  [[nodiscard]] static sql::Migrations migrations();
  // Called after each commit that changed something, on the caller's thread. Set before the first use.
  void on_change(const std::function<void()>& told) {
    told_ = told;
    aliases_.on_change(told);
  }
  [[nodiscard]] Aliases& aliases() noexcept { return aliases_; }

  [[nodiscard]] Result<Model> create_model(const std::string& name, const std::vector<KeyValue>& tags = {},
                                           const std::string& description = "");
  [[nodiscard]] Result<Model> get_model(const std::string& name) const;
  [[nodiscard]] Result<Model> describe_model(const std::string& name, const std::string& description);
  [[nodiscard]] Result<Model> rename_model(const std::string& name, const std::string& new_name);
  // With its versions. This, a new name and delete_version are refused (PermissionDenied) where a protected alias would
  // go.
  [[nodiscard]] Result<void> delete_model(const std::string& name);
  [[nodiscard]] Result<Page<Model>> search_models(const Query& query) const;
  [[nodiscard]] Result<std::vector<Model>> list_models() const;  // by name
  [[nodiscard]] Result<void> set_model_tag(const std::string& name, const KeyValue& tag);
  [[nodiscard]] Result<void> delete_model_tag(const std::string& name, const std::string& key);
  [[nodiscard]] Result<std::vector<Version>> latest_versions(const std::string& name,
                                                             const std::vector<std::string>& stages) const;

  [[nodiscard]] Result<Version> create_version(const NewVersion& version);
  [[nodiscard]] Result<std::int64_t> create_version(const std::string& model, const std::string& source,
                                                    const std::string& run_id, const std::vector<KeyValue>& tags);
  [[nodiscard]] Result<Version> get_version(const std::string& model, std::int64_t version) const;
  [[nodiscard]] Result<std::vector<Version>> list_versions(const std::string& model) const;  // newest first
  [[nodiscard]] Result<Page<Version>> search_versions(const Query& query) const;
  [[nodiscard]] Result<Version> describe_version(const std::string& model, std::int64_t version,
                                                 const std::string& description);
  // `archive`: other versions in that stage (Staging or Production) become Archived.
  [[nodiscard]] Result<Version> move_to_stage(const std::string& model, std::int64_t version, const std::string& stage,
                                              bool archive);
  [[nodiscard]] Result<void> delete_version(const std::string& model, std::int64_t version);
  [[nodiscard]] Result<void> set_version_tag(const std::string& model, std::int64_t version, const KeyValue& tag);
  [[nodiscard]] Result<void> delete_version_tag(const std::string& model, std::int64_t version, const std::string& key);

 private:
  template <typename T>
  [[nodiscard]] Result<T> told(Result<T> result) const {
    if (result && told_) told_();
    return result;
  }
  sql::Database& database_;
  const Clock& clock_;
  Aliases aliases_;
  std::function<void()> told_;
};

}  // namespace fettle::registry
