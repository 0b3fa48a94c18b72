// Finds the runs of a search among millions: which rows a statement walks is decided by counting, not by guessing.
// Private to the module.
//
// A search is split into partitions, one for each experiment and stage, since only within one does an index give an
// order; the first rows of all are merged. In a partition there are two ways to a page:
//   candidates  the rows of one comparison (a metric in a range, a param or tag of a value), joined to the rest and
//               sorted: good if they are few
//   walk        rows in the wanted order (by start, or by a metric's value) until the page is full: good if many match
// The rows of each comparison are counted up to a bound; the fewest below it become the candidates. Else the walk may
// look at about as many rows. If that does not fill the page either, the bound grows; so the time is within a small
// factor of the better way's, whatever the values are and however they hang together.
#pragma once

#include <cstdint>
#include <vector>

#include "base/result.h"
#include "sql/database.h"
#include "tracking/query.h"
#include "tracking/records.h"

namespace fettle::tracking {

struct Effort {  // rows that the first try may look at: base + each * max_results
  std::int64_t base = 10'000, each = 20;
};

// The keys of a page of runs, in order.
[[nodiscard]] Result<KeyPage> find_runs(sql::Session& session, const Search& search, const Effort& effort = {});

struct RunQuery {  // A search, parsed.
  std::vector<Comparison> comparisons;
  std::vector<OrderKey> order;
  Ordering ordering;  // of `order` and the ties
};
struct Partition {
  std::int64_t experiment = 0;
  Stage stage = Stage::Active;
};
extern const Tables kRunTables;  // runs are r

// The first `limit` rows of a partition behind `after`, which is empty for the first page.
[[nodiscard]] Result<std::vector<KeyRow>> select_runs(sql::Session& session, const RunQuery& query,
                                                      const Partition& partition, const std::vector<Bound>& after,
                                                      std::int64_t limit, const Effort& effort);

}  // namespace fettle::tracking
