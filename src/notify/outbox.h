// The outbox: what is still to be told to webhooks, what was told, and what could not be told (dead letters).
//
// A delivery is written by publish() in the transaction of the change that it tells of; so neither is there without the
// other, whatever happens to the process. Thread-safe; blocks on SQL.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "notify/event.h"
#include "notify/retry.h"
#include "sql/database.h"

namespace fettle::notify {

// Writes one delivery for each active webhook that asked for this event. `data` is made only if there is one.
[[nodiscard]] Result<void> publish(sql::Session& session, Event event, std::int64_t now_ms,
                                   const std::function<Result<json::Value>()>& data);

struct Delivery {
  std::string id;  // the same in every try
  std::string webhook, event, body;
  std::string state;  // "pending", "delivered", "dead"
  std::int64_t tries = 0, created_ms = 0;
  std::int64_t next_ms = 0;   // of a pending one: when it is tried
  std::int64_t tried_ms = 0;  // last; 0 = never
  std::int64_t status = 0;    // of the last answer; 0 = none
  std::string detail;         // what went wrong last
};

struct Outcome {  // of one try
  Verdict verdict = Verdict::Delivered;
  std::int64_t next_ms = 0, status = 0;
  std::string detail;
};

class Outbox {
 public:
  Outbox(sql::Database& database, const Clock& clock) noexcept : database_(database), clock_(clock) {}

  struct Next {
    std::optional<Delivery> delivery;    // to be sent now
    std::optional<std::int64_t> due_ms;  // else: when one will be
  };
  // `busy`: webhooks that something is being sent to.
  [[nodiscard]] Result<Next> next(const std::set<std::string>& busy) const;
  [[nodiscard]] Result<void> record(const Delivery& delivery, const Outcome& outcome);

  // Newest first, at most `limit`; empty webhook, state: any.
  [[nodiscard]] Result<std::vector<Delivery>> list(const std::string& webhook, const std::string& state,
                                                   std::int64_t limit) const;
  struct Count {
    std::int64_t pending = 0, dead = 0;
  };
  [[nodiscard]] Result<Count> count(const std::string& webhook) const;
  // Sends again, from the first try: one delivery that is not pending (NotFound, FailedPrecondition), or, with an empty
  // id, all dead ones of the webhook. How many.
  [[nodiscard]] Result<std::int64_t> redeliver(const std::string& webhook, const std::string& delivery);
  // Removes what was delivered a week ago, and dead letters of a quarter.
  [[nodiscard]] Result<void> prune();

 private:
  sql::Database& database_;
  const Clock& clock_;
};

}  // namespace fettle::notify
