// The audit trail: who did or was refused what, when, from where. Rows are only ever added, and removed when they are
// older than the retention.
//
// A change waits until its row is durable; a refusal does not, and refusals beyond a rate are counted instead of
// written one by one, so that nobody can fill the disk. Repeated logging into one run is written once in a while, not
// each time. Thread-safe. Never holds a secret: callers pass names, paths and outcomes only.
#pragma once

#include <atomic>
#include <cstdint>
#include <mutex>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "sql/database.h"

namespace fettle::auth {

struct AuditEntry {
  std::int64_t id = 0, time_ms = 0;
  std::string who;          // user; empty: not known
  std::string token;        // id of the API token used; empty: none
  std::string peer;         // address
  std::string action;       // "POST /api/2.0/mlflow/experiments/delete", "login"
  std::string object;       // "experiment 'flights'", "user 'ada'"
  std::int64_t status = 0;  // as HTTP: 200, 403
  std::string detail;       // why it was refused
};

struct AuditQuery {
  std::string who, object;  // empty: any; `object` is a part of it
  bool refused = false;     // only what was refused
  std::int64_t since_ms = 0;
  std::int64_t before_id = 0;  // 0: from the newest
  std::int64_t limit = 100;
};

class Audit {
 public:
  Audit(sql::Database& database, const Clock& clock) noexcept : database_(database), clock_(clock) {}

  [[nodiscard]] Result<void> changed(AuditEntry entry);
  void refused(AuditEntry entry);
  // One row for equal (who, action, object) in ten minutes.
  void logged(AuditEntry entry);

  [[nodiscard]] Result<std::vector<AuditEntry>> list(const AuditQuery& query) const;  // newest first
  [[nodiscard]] Result<std::int64_t> prune(std::int64_t older_than_ms);               // how many rows went

 private:
  void write_later(AuditEntry entry);

  sql::Database& database_;
  const Clock& clock_;
  std::mutex mutex_;
  std::unordered_map<std::string, std::int64_t> seen_;    // for logged()
  std::int64_t second_ = 0, written_ = 0, left_out_ = 0;  // for refused(), in this second
};

}  // namespace fettle::auth
