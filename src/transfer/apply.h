// The receiving end of an import: records written in one transaction a batch, and digests of what is stored.
//
// Invariants: (1) applying a batch again changes nothing; (2) what this server has otherwise, or what was changed here
// after it was imported, is never overwritten: that is a conflict, which the answer names. A mark remembers for each
// imported thing what the source had: the digest of its record, or a word of the importing client (that all of a run's
// points are there). Thread-safe.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "sql/database.h"
#include "transfer/records.h"

namespace fettle::transfer {

enum class Outcome : std::uint8_t {
  Created,
  Updated,
  Unchanged,
  Kept,
  Conflict
};  // Kept: changed here since; not there

// What is to be done with a record, given what is stored (if anything) and what was imported (if ever). Pure.
// `same_origin`: what is stored has the record's time of creation, so that it can be the same thing.
struct Known {
  std::string stored, marked;  // digests; empty for none
  bool same_origin = true;
};
[[nodiscard]] Outcome decide(const Known& known, const std::string& source);

struct Applied {
  std::string kind, id, outcome, why;  // `why` of a conflict
  std::string mapped;                  // the id or name that it has here, if that is another one
};
BOOST_DESCRIBE_STRUCT(Applied, (), (kind, id, outcome, why, mapped))

class Importer {
 public:
  Importer(sql::Database& database, const Clock& clock) noexcept : database_(database), clock_(clock) {}
  [[nodiscard]] static sql::Migrations migrations();

  // `batch` has one JSON object a line: {"kind", "record"} with kind experiment, logged_model, run or registered_model;
  // {"kind": "points", "run", "key", "points": [[time, step, value], ...]} of an imported run; {"kind": "mark", "of",
  // "id", "mark"}. `suffix`: an experiment or registered model whose name or id is taken is stored under its name and
  // this (empty: that is a conflict).
  [[nodiscard]] Result<std::vector<Applied>> apply(std::string_view batch, const std::string& suffix);
  // Of those ids that have one.
  [[nodiscard]] Result<std::map<std::string, std::string>> marks(const std::string& kind,
                                                                 const std::vector<std::string>& ids) const;
  // Digest of what is stored under an id; kinds as above (points are apart, see stored_series). Empty if there is none.
  [[nodiscard]] Result<std::string> stored_digest(const std::string& kind, const std::string& id) const;

 private:
  sql::Database& database_;
  const Clock& clock_;
};

}  // namespace fettle::transfer
