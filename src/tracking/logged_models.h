// Logged models: model files that a run made or used, with their own params, tags and metrics, before any registration.
//
// The same rules as Store: one transaction a write, thread-safe, deletes are soft.
#pragma once

#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "sql/database.h"
#include "tracking/records.h"

namespace fettle::tracking {

struct ModelOrder {  // one key of an ordering; a dataset restricts which metric points count
  std::string field;
  bool ascending = true;
  std::string dataset_name, dataset_digest;
};
struct ModelSearch {
  std::vector<std::string> experiments;
  std::string filter;
  std::vector<std::pair<std::string, std::string>> datasets;  // name, digest or empty: restrict metric filters
  std::vector<ModelOrder> order_by;
  std::int64_t max_results = 50;
  std::string page_token;  // must come with the query that made it
};

class LoggedModels {
 public:
  LoggedModels(sql::Database& database, const Clock& clock) noexcept : database_(database), clock_(clock) {}

  [[nodiscard]] Result<LoggedModel> create(const NewModel& model);
  [[nodiscard]] Result<LoggedModel> get(const std::string& id, bool allow_deleted = false) const;
  [[nodiscard]] Result<LoggedModel> finish(const std::string& id, ModelStatus status);
  [[nodiscard]] Result<void> remove(const std::string& id);
  [[nodiscard]] Result<void> restore(const std::string& id);  // MLflow has no call for it
  [[nodiscard]] Result<LoggedModel> set_tags(const std::string& id, const std::vector<KeyValue>& tags);
  [[nodiscard]] Result<void> delete_tag(const std::string& id, const std::string& key);
  // Adds a registered version that was made from the model to the list of {"name", "version"} that one of its tags
  // holds.
  [[nodiscard]] Result<void> note_version(const std::string& id, const std::string& name, std::int64_t version);
  [[nodiscard]] Result<void> log_params(const std::string& id, const std::vector<KeyValue>& params);
  [[nodiscard]] Result<Page<LoggedModel>> search(const ModelSearch& search) const;

 private:
  sql::Database& database_;
  const Clock& clock_;
};

}  // namespace fettle::tracking
