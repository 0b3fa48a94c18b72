// Series in SQL: points added where they belong, and read in order or by step. Private to the module.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <vector>

#include "base/result.h"
#include "sql/database.h"
#include "tracking/series.h"

namespace fettle::tracking {

struct SeriesId {
  std::int64_t run = 0, key = 0;
};

// Adds the points that are not there yet. REQUIRES: ascending, none twice, at least one.
[[nodiscard]] Result<void> put_series(sql::Session& session, SeriesId series, std::span<const Point> points);

// At most `limit` points, those after `after` only; none of an unknown series.
[[nodiscard]] Result<std::vector<Point>> load_points(sql::Session& session, SeriesId series,
                                                     const std::optional<Point>& after, std::size_t limit);
[[nodiscard]] Result<std::vector<Point>> load_recent(sql::Session& session, SeriesId series);

struct BlockHead {
  std::int64_t id = 0;
  std::int64_t least_step = 0, most_step = 0, step_gap = 0;
};
// Of the blocks that reach into the steps [first, last].
[[nodiscard]] Result<std::vector<BlockHead>> load_heads(sql::Session& session, SeriesId series, std::int64_t first,
                                                        std::int64_t last);
// Calls `block` with the bytes of each, in any order.
[[nodiscard]] Result<void> load_blocks(sql::Session& session, std::span<const std::int64_t> ids,
                                       const std::function<Result<void>(std::int64_t, std::string_view)>& block);

}  // namespace fettle::tracking
