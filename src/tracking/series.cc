#include "tracking/series.h"

#include <algorithm>

namespace fettle::tracking {
namespace {

// Gap of steps that rise evenly, 1 if there is but one step, else 0.
std::int64_t gap_of_steps(std::span<const Point> points) {
  if (points.size() == 1) return 1;
  std::int64_t gap = 0;
  if (__builtin_sub_overflow(points[1].step, points[0].step, &gap) || gap < 0) return 0;
  for (std::size_t i = 2; i < points.size(); ++i) {
    std::int64_t next = 0;
    if (__builtin_sub_overflow(points[i].step, points[i - 1].step, &next) || next != gap) return 0;
  }
  return std::max<std::int64_t>(gap, 1);
}

// The longest beginning, roughly, that is at most kBlockBytes long.
Block full_block(std::span<const Point> points) {
  auto count = std::min(points.size(), kMaxPoints);
  for (;;) {
    auto block = block_of(points.first(count));
    if (count == 1 || block.points.size() <= kBlockBytes) return block;
    count = std::min(count - 1, std::max<std::size_t>(count * kBlockBytes / block.points.size(), 1));
  }
}

void split_into(std::span<const Point> points, std::vector<Block>& out) {
  if (points.size() <= kMaxPoints) {
    auto block = block_of(points);
    if (points.size() == 1 || block.points.size() <= kBlockBytes) {
      out.push_back(std::move(block));
      return;
    }
  }
  split_into(points.first(points.size() / 2), out);
  split_into(points.subspan(points.size() / 2), out);
}

}  // namespace

Block block_of(std::span<const Point> points) {
  const auto [least, most] = std::ranges::minmax(points, {}, &Point::step);
  return {points.front(), points.size(), least.step, most.step, gap_of_steps(points), encode(points)};
}

std::vector<Block> split(std::span<const Point> points) {
  std::vector<Block> out;
  split_into(points, out);
  return out;
}

std::optional<std::string> as_recent(std::span<const Point> points) {
  if (points.size() > kRecentBytes) return std::nullopt;
  auto bytes = encode(points);
  if (points.size() > 1 && bytes.size() > kRecentBytes) return std::nullopt;
  return bytes;
}

Closed close(std::span<const Point> points) {
  Closed out;
  for (;;) {
    if (auto recent = as_recent(points)) {
      out.recent = *std::move(recent);
      return out;
    }
    out.blocks.push_back(full_block(points.first(points.size() - 1)));
    points = points.subspan(out.blocks.back().count);
  }
}

}  // namespace fettle::tracking
