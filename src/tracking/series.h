// How the points of one series are kept: the newest few as `recent`, all before them in blocks of about a page.
//
// Invariants: (1) a series has at least one recent point, and every point in a block comes before all recent ones;
//             (2) the blocks of a series do not overlap, and no point is twice in a series.
// A run that logs on rewrites a small row; when that is full, its points move to the end of the last block. A point
// that comes late goes to the block that spans its place. Pure; private to the module.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "tracking/points.h"
#include "tracking/steps.h"

namespace fettle::tracking {

constexpr std::size_t kRecentBytes = 960;  // several such rows share a page of SQLite
constexpr std::size_t kBlockBytes = 3900;  // a row that fills one

struct Block {
  Point first;
  std::size_t count = 0;
  std::int64_t least_step = 0, most_step = 0;
  std::int64_t step_gap = 0;  // the steps are least, least + gap, ... most, in the order of the points; 0: they are not
  std::string points;
};
[[nodiscard]] Block block_of(std::span<const Point> points);
// As few blocks as hold the points evenly, so that each can take more.
[[nodiscard]] std::vector<Block> split(std::span<const Point> points);

// The points as a row of recent ones, if they are few enough; one always is.
[[nodiscard]] std::optional<std::string> as_recent(std::span<const Point> points);
// Full blocks from the front, until what is left fits as recent. REQUIRES: two points at least.
struct Closed {
  std::vector<Block> blocks;
  std::string recent;
};
[[nodiscard]] Closed close(std::span<const Point> points);

}  // namespace fettle::tracking
