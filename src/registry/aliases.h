// Aliases, the pointers that move: compare-and-set, history, undo, and moves that a second person must approve.
//
// Invariants: (1) an alias points to a version that exists; (2) every move is on the record: who, when, why, from
// where; (3) an alias that a protection covers moves, disappears or loses its version only after somebody else than who
// asked approved it, and only if it still is where it was when that was asked. The one exception is follow(): what an
// endpoint serves is a fact, and its alias says so (docs/decisions/0012).
//
// Approval needs two people that can be told apart, hence access control: without it protected aliases do not move by
// hand, and nothing can be protected. Thread-safe; blocks on SQL.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "sql/database.h"

namespace fettle::registry {

struct Actor {
  std::string name;         // a person, "mlflow client", "fettle"
  bool identified = false;  // access control found out who it is; else the name is only what was said
};

struct AliasMove {
  std::string model, alias;
  std::int64_t version = 0;              // 0: remove the alias
  std::optional<std::int64_t> expected;  // where it must be now, 0: nowhere; Conflict if it is elsewhere
  std::string reason;
};

struct AliasChange {
  std::int64_t time_ms = 0, from = 0, version = 0;  // version 0 = removed; from 0 = it was new
  std::string alias, actor, reason;
  std::string approved_by, request;  // of a protected one
};

enum class RequestState : std::uint8_t { Open, Approved, Rejected, Stale };  // Stale: it could not be done any more

struct AliasRequest {  // to move a protected alias
  std::string id, model, alias;
  std::int64_t from = 0, version = 0, time_ms = 0;
  std::string requested_by, reason;
  RequestState state = RequestState::Open;
  std::string decided_by, decision_reason;
  std::int64_t decided_ms = 0;
};

struct Protection {
  std::string model;  // pattern: '*' stands for any characters
  std::string alias;
  std::string by;
  std::int64_t time_ms = 0;
};

// Exactly one is set: it moved (or was there already: `from` equals `version`), or it waits for approval.
struct MoveResult {
  std::optional<AliasChange> change;
  std::optional<AliasRequest> request;
};

struct RequestQuery {
  std::string model;  // empty: any
  std::optional<RequestState> state;
  std::optional<std::int64_t> version;
};

class Aliases {
 public:
  Aliases(sql::Database& database, const Clock& clock) noexcept : database_(database), clock_(clock) {}
  // Called after each commit that changed something. Set before the first use.
  void on_change(std::function<void()> told) { told_ = std::move(told); }

  // Of a protected alias: an equal request that is open is found again. PermissionDenied without access control.
  [[nodiscard]] Result<MoveResult> move(const AliasMove& move, const Actor& actor);
  // Back to where the last change took it from; again: forth. FailedPrecondition if there is nothing to undo.
  [[nodiscard]] Result<MoveResult> undo(const AliasMove& move, const Actor& actor);  // its version does not matter
  // What an endpoint serves now; recorded as "fettle".
  [[nodiscard]] Result<void> follow(const std::string& model, const std::string& alias, std::int64_t version);
  // "latest" is the newest version. nullopt if the model has no such alias; NotFound if there is no such model.
  [[nodiscard]] Result<std::optional<std::int64_t>> get(const std::string& model, const std::string& alias) const;
  // Newest first; empty alias: all.
  [[nodiscard]] Result<std::vector<AliasChange>> history(const std::string& model, const std::string& alias = "") const;

  // FailedPrecondition without access control.
  [[nodiscard]] Result<void> protect(const std::string& pattern, const std::string& alias, const Actor& actor);
  [[nodiscard]] Result<void> unprotect(const std::string& pattern, const std::string& alias);
  [[nodiscard]] Result<std::vector<Protection>> protections() const;

  [[nodiscard]] Result<std::vector<AliasRequest>> requests(const RequestQuery& query) const;  // newest first
  [[nodiscard]] Result<AliasRequest> request(const std::string& id) const;
  // Moves the alias, or finds that this is not possible any more (Stale). PermissionDenied for who asked, and without
  // access control; FailedPrecondition if it was decided before.
  [[nodiscard]] Result<AliasRequest> approve(const std::string& id, const Actor& actor, const std::string& reason);
  [[nodiscard]] Result<AliasRequest> reject(const std::string& id, const Actor& actor, const std::string& reason);

 private:
  template <typename T>
  [[nodiscard]] Result<T> told(Result<T> result) const {
    if (result && told_) told_();
    return result;
  }
  sql::Database& database_;
  const Clock& clock_;
  std::function<void()> told_;
};

}  // namespace fettle::registry
