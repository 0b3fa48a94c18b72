#include "tracking/steps.h"

#include <algorithm>
#include <limits>

namespace fettle::tracking {
namespace {

std::uint64_t distance(std::int64_t from, std::int64_t to) {
  return static_cast<std::uint64_t>(to) - static_cast<std::uint64_t>(from);
}
std::int64_t moved(std::int64_t step, std::uint64_t by) {
  return static_cast<std::int64_t>(static_cast<std::uint64_t>(step) + by);
}
std::uint64_t gap_of(const StepRange& range) { return static_cast<std::uint64_t>(range.gap); }
std::uint64_t count(const StepRange& range) { return distance(range.first, range.last) / gap_of(range) + 1; }

}  // namespace

StepRange clipped(StepRange range, std::int64_t least, std::int64_t most) {
  const StepRange none{1, 0, 1};
  if (range.last < least || range.first > most) return none;
  const auto gap = gap_of(range);
  if (range.first < least) {
    const auto steps = (distance(range.first, least) - 1) / gap + 1;
    if (steps >= count(range)) return none;
    range.first = moved(range.first, steps * gap);
  }
  if (range.first > most) return none;
  if (range.last > most) range.last = moved(range.first, distance(range.first, most) / gap * gap);
  return range;
}

std::vector<StepRange> ranges_of(std::span<const std::int64_t> steps) {
  std::vector<StepRange> out;
  constexpr auto kWidest = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
  for (const auto step : steps) {
    if (!out.empty()) {
      auto& range = out.back();
      const auto gap = distance(range.last, step);
      const bool fits = range.first == range.last ? gap <= kWidest : gap == gap_of(range);
      if (fits) {
        range.gap = static_cast<std::int64_t>(gap);
        range.last = step;
        continue;
      }
    }
    out.push_back({step, step, 1});
  }
  return out;
}

StepSet::StepSet(std::vector<StepRange> ranges) {
  std::erase_if(ranges, is_empty);
  std::ranges::sort(ranges, {}, &StepRange::first);
  for (std::size_t begin = 0; begin < ranges.size();) {
    auto last = ranges[begin].last;
    std::size_t end = begin + 1;
    for (; end < ranges.size() && ranges[end].first <= last; ++end) last = std::max(last, ranges[end].last);
    add(std::span(ranges).subspan(begin, end - begin));
    begin = end;
  }
}

void StepSet::add(std::span<const StepRange> overlapping) {
  const auto wide = std::ranges::find_if(overlapping, [](const auto& range) { return range.first < range.last; });
  StepRange all{overlapping.front().first, overlapping.front().last, wide == overlapping.end() ? 1 : wide->gap};
  const bool in_phase = std::ranges::all_of(overlapping, [&](const auto& range) {
    all.last = std::max(all.last, range.last);
    return (range.gap == all.gap || range.first == range.last) && distance(all.first, range.first) % gap_of(all) == 0;
  });
  if (in_phase) return append(all);
  std::vector<std::int64_t> steps;
  for (const auto& range : overlapping)
    for (std::uint64_t i = 0; i < count(range); ++i) steps.push_back(moved(range.first, i * gap_of(range)));
  std::ranges::sort(steps);
  const auto twice = std::ranges::unique(steps);
  steps.erase(twice.begin(), twice.end());
  for (const auto& range : ranges_of(steps)) append(range);
}

void StepSet::append(const StepRange& range) {
  ranges_.push_back(range);
  size_ += count(range);
  ends_.push_back(size_);
}

std::int64_t StepSet::at(std::uint64_t rank) const {
  const auto entry = static_cast<std::size_t>(std::ranges::upper_bound(ends_, rank) - ends_.begin());
  const auto before = entry == 0 ? 0 : ends_[entry - 1];
  return moved(ranges_[entry].first, (rank - before) * gap_of(ranges_[entry]));
}

std::vector<std::int64_t> sampled(const StepSet& steps, std::int64_t limit) {
  std::vector<std::int64_t> out;
  if (steps.size() == 0) return out;
  const auto kept = std::min(static_cast<std::uint64_t>(std::max<std::int64_t>(limit, 1)), steps.size());
  for (std::uint64_t i = 0; i < kept; ++i) out.push_back(steps.at(i * steps.size() / kept));
  if (out.back() != steps.at(steps.size() - 1)) out.push_back(steps.at(steps.size() - 1));
  return out;
}

}  // namespace fettle::tracking
