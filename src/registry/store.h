// The model registry: registered models, their numbered immutable versions, and aliases, the pointers that move.
//
// Invariants: (1) a version's number is one above all numbers ever given to its model, deleted ones included;
//             (2) an alias points to a version that exists; its every move is recorded with who and when.
// Every write is one transaction, answered after its commit. Thread-safe; blocks on SQL. Errors: NotFound,
// AlreadyExists (name taken), InvalidArgument (a bad name, alias, stage or filter).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
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

struct AliasChange {  // version 0 = the alias was removed; from 0 = it was new
  std::int64_t time_ms = 0, from = 0, version = 0;
  std::string alias, actor;
};

struct Query {
  std::string filter;
  std::vector<std::string> order_by;
  std::int64_t max_results = 100;
  std::string page_token;
};

class Store {
 public:
  Store(sql::Database& database, const Clock& clock) noexcept : database_(database), clock_(clock) {}
  [[nodiscard]] static sql::Migrations migrations();

  [[nodiscard]] Result<Model> create_model(const std::string& name, const std::vector<KeyValue>& tags = {},
                                           const std::string& description = "");
  [[nodiscard]] Result<Model> get_model(const std::string& name) const;
  [[nodiscard]] Result<Model> describe_model(const std::string& name, const std::string& description);
  [[nodiscard]] Result<Model> rename_model(const std::string& name, const std::string& new_name);
  [[nodiscard]] Result<void> delete_model(const std::string& name);  // and its versions
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

  // `actor` is who asked: a person, "mlflow client", "fettle".
  [[nodiscard]] Result<void> set_alias(const std::string& model, const std::string& alias, std::int64_t version,
                                       const std::string& actor);
  [[nodiscard]] Result<void> delete_alias(const std::string& model, const std::string& alias,
                                          const std::string& actor);  // missing is fine
  // "latest" is the newest version. nullopt if the model has no such alias; NotFound if there is no such model.
  [[nodiscard]] Result<std::optional<std::int64_t>> get_alias(const std::string& model, const std::string& alias) const;
  [[nodiscard]] Result<std::vector<AliasChange>> alias_history(const std::string& model) const;  // newest first

 private:
  sql::Database& database_;
  const Clock& clock_;
};

}  // namespace fettle::registry
