// Persistence of the control plane's records: one table a kind, key columns beside the record as JSON.
//
// All changes of one decision are put in one transaction, so that an action and its record are never apart.
// Thread-safe (sql::Database is).
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "control/records.h"
#include "event/log.h"
#include "monitor/alerts.h"
#include "sql/database.h"

namespace fettle::control {

struct Checkpoint {                                   // From where the event log is read again after a restart.
  event::Cursor cursor;                               // everything before it is in closed windows
  std::map<std::string, std::int64_t> watermarks_ms;  // latest event time by endpoint
};

struct Change {  // One line of "what changed", for people.
  std::int64_t time_ms = 0, event_ms = 0;
  std::string kind;  // "deploy", "rollout_started", "advance", "promote", "rollback", "alert", "retrain"
  std::string endpoint, id, text;
};
BOOST_DESCRIBE_STRUCT(Change, (), (time_ms, event_ms, kind, endpoint, id, text))

struct BundleRecord {
  std::string digest, model, run_id;
  std::int64_t version = 0, created_ms = 0;
};
BOOST_DESCRIBE_STRUCT(BundleRecord, (), (digest, model, run_id, version, created_ms))

struct VerdictRecord {
  std::string id, run_id, status;
  std::int64_t created_ms = 0;
  json::Value verdict;
};
BOOST_DESCRIBE_STRUCT(VerdictRecord, (), (id, run_id, status, created_ms, verdict))

// How far the alerts of one bundle's windows have come: monitor::AlertState, by kind of window.
struct WatchRecord {
  std::string endpoint, bundle, kind;
  std::vector<monitor::AlertState> states;
};
BOOST_DESCRIBE_STRUCT(WatchRecord, (), (endpoint, bundle, kind, states))

// What one decision changes; records replace those with the same key.
struct Changes {
  std::vector<Endpoint> endpoints;
  std::vector<Rollout> rollouts;
  std::vector<DecisionRecord> decisions;
  std::vector<WindowRecord> windows;
  std::vector<AlertRecord> alerts;
  std::vector<WatchRecord> watches;
  std::vector<Retrain> retrains;
  std::vector<Project> projects;
  std::vector<BundleRecord> bundles;
  std::vector<std::string> forgotten_bundles;  // digests
  std::vector<VerdictRecord> verdicts;
  std::vector<Change> changes;
  std::optional<Checkpoint> checkpoint;

  [[nodiscard]] bool empty() const noexcept;
};

class Store {
 public:
  explicit Store(sql::Database& database) noexcept : database_(database) {}
  [[nodiscard]] static sql::Migrations migrations();

  [[nodiscard]] Result<void> put(const Changes& changes);

  [[nodiscard]] Result<std::vector<Endpoint>> endpoints() const;
  [[nodiscard]] Result<Endpoint> endpoint(const std::string& name) const;                         // NotFound
  [[nodiscard]] Result<std::vector<Rollout>> rollouts() const;                                    // newest first
  [[nodiscard]] Result<Rollout> rollout(const std::string& id) const;                             // NotFound
  [[nodiscard]] Result<std::vector<DecisionRecord>> decisions(const std::string& rollout) const;  // oldest first
  // By start; `kind` empty = all kinds.
  [[nodiscard]] Result<std::vector<WindowRecord>> windows(const std::string& endpoint, const std::string& kind) const;
  [[nodiscard]] Result<std::vector<AlertRecord>> alerts() const;         // newest first
  [[nodiscard]] Result<AlertRecord> alert(const std::string& id) const;  // NotFound
  [[nodiscard]] Result<std::vector<WatchRecord>> watches() const;
  [[nodiscard]] Result<std::vector<Retrain>> retrains() const;  // newest first
  [[nodiscard]] Result<std::vector<Project>> projects() const;
  [[nodiscard]] Result<std::vector<BundleRecord>> bundles() const;
  [[nodiscard]] Result<BundleRecord> bundle(const std::string& digest) const;  // NotFound
  [[nodiscard]] Result<std::optional<BundleRecord>> bundle_of(const std::string& model, std::int64_t version) const;
  [[nodiscard]] Result<std::vector<VerdictRecord>> verdicts(const std::string& run_id) const;  // newest first
  [[nodiscard]] Result<std::vector<Change>> changes(std::size_t limit) const;                  // newest first
  [[nodiscard]] Result<std::optional<Checkpoint>> checkpoint() const;

 private:
  sql::Database& database_;
};

}  // namespace fettle::control
