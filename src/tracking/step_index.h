// The steps of one series, by the heads of its blocks, and the points of chosen steps. Private to the module.
//
// A block is read only if its steps are uneven, or if it may hold a point that is asked for.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "base/result.h"
#include "tracking/series_rows.h"
#include "tracking/steps.h"

namespace fettle::tracking {

class StepIndex {
 public:
  // Of the steps within [first, last].
  [[nodiscard]] static Result<StepIndex> load(sql::Session& session, SeriesId series, std::int64_t first,
                                              std::int64_t last);
  [[nodiscard]] const std::vector<StepRange>& ranges() const { return ranges_; }  // all steps; may overlap
  // By step, then time. REQUIRES: `steps` ascending, within [first, last]; the session is still in load()'s snapshot.
  [[nodiscard]] Result<std::vector<Point>> points_at(sql::Session& session, std::span<const std::int64_t> steps) const;

 private:
  [[nodiscard]] Result<void> add_uneven(sql::Session& session, std::int64_t first, std::int64_t last);

  std::vector<BlockHead> heads_;
  std::vector<Point> recent_;
  std::vector<StepRange> ranges_;
};

// About `limit` steps, even over the union of all, with its last step and the first and last of each; ascending.
[[nodiscard]] std::vector<std::int64_t> kept_steps(const std::vector<StepIndex>& all, std::int64_t limit);

}  // namespace fettle::tracking
