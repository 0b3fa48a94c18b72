#include "tracking/step_index.h"

#include <algorithm>

namespace fettle::tracking {
namespace {

void put_in_order(std::vector<std::int64_t>& steps) {
  std::ranges::sort(steps);
  const auto twice = std::ranges::unique(steps);
  steps.erase(twice.begin(), twice.end());
}

using Steps = std::span<const std::int64_t>;

Steps within(Steps steps, std::int64_t least, std::int64_t most) {
  const auto begin = std::ranges::lower_bound(steps, least);
  return {begin, std::ranges::upper_bound(begin, steps.end(), most)};
}

bool may_hold(const BlockHead& head, Steps wanted) {
  const auto near = within(wanted, head.least_step, head.most_step);
  const StepRange all{head.least_step, head.most_step, head.step_gap};
  return head.step_gap == 0
             ? !near.empty()
             : std::ranges::any_of(near, [&](std::int64_t step) { return !is_empty(clipped(all, step, step)); });
}

void take(std::span<const Point> points, Steps wanted, std::vector<Point>& out) {
  if (points.empty()) return;
  const auto [least, most] = std::ranges::minmax(points, {}, &Point::step);
  const auto near = within(wanted, least.step, most.step);
  std::ranges::copy_if(points, std::back_inserter(out),
                       [&](const Point& point) { return std::ranges::binary_search(near, point.step); });
}

}  // namespace

Result<StepIndex> StepIndex::load(sql::Session& session, SeriesId series, std::int64_t first, std::int64_t last) {
  StepIndex out;
  FETTLE_TRY(out.heads_, load_heads(session, series, first, last));
  FETTLE_TRY(out.recent_, load_recent(session, series));
  for (const auto& head : out.heads_)
    if (head.step_gap > 0)
      out.ranges_.push_back(clipped({head.least_step, head.most_step, head.step_gap}, first, last));
  FETTLE_TRY_(out.add_uneven(session, first, last));
  std::erase_if(out.ranges_, is_empty);
  return out;
}

Result<void> StepIndex::add_uneven(sql::Session& session, std::int64_t first, std::int64_t last) {
  std::vector<std::int64_t> ids;
  for (const auto& head : heads_)
    if (head.step_gap == 0) ids.push_back(head.id);
  std::vector<std::int64_t> all;
  const auto add = [&](std::int64_t step) {
    if (step >= first && step <= last) all.push_back(step);
  };
  for (const auto& point : recent_) add(point.step);
  FETTLE_TRY_(load_blocks(session, ids, [&](std::int64_t, std::string_view bytes) -> Result<void> {
    FETTLE_TRY(const auto steps, decode_steps(bytes));
    std::ranges::for_each(steps, add);
    return {};
  }));
  put_in_order(all);
  std::ranges::copy(ranges_of(all), std::back_inserter(ranges_));
  return {};
}

Result<std::vector<Point>> StepIndex::points_at(sql::Session& session, std::span<const std::int64_t> steps) const {
  std::vector<std::int64_t> ids;
  for (const auto& head : heads_)
    if (may_hold(head, steps)) ids.push_back(head.id);
  std::vector<Point> out;
  FETTLE_TRY_(load_blocks(session, ids, [&](std::int64_t, std::string_view bytes) -> Result<void> {
    FETTLE_TRY(const auto points, decode(bytes));
    take(points, steps, out);
    return {};
  }));
  take(recent_, steps, out);
  std::ranges::sort(out, {}, [](const Point& point) { return std::tuple(point.step, point.time_ms, point.code); });
  return out;
}

std::vector<std::int64_t> kept_steps(const std::vector<StepIndex>& all, std::int64_t limit) {
  std::vector<StepRange> ranges;
  for (const auto& index : all) ranges.insert(ranges.end(), index.ranges().begin(), index.ranges().end());
  auto kept = sampled(StepSet(std::move(ranges)), limit);
  for (const auto& index : all) {
    if (index.ranges().empty()) continue;
    kept.push_back(std::ranges::min(index.ranges(), {}, &StepRange::first).first);
    kept.push_back(std::ranges::max(index.ranges(), {}, &StepRange::last).last);
  }
  put_in_order(kept);
  return kept;
}

}  // namespace fettle::tracking
