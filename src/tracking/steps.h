// Sets of steps as arithmetic progressions, so that the steps of millions of points are united and counted by the
// heads of their blocks alone. Pure; private to the module.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace fettle::tracking {

struct StepRange {  // first, first + gap, ... last
  std::int64_t first = 0, last = 0;
  std::int64_t gap = 1;  // > 0, and divides last - first
  bool operator==(const StepRange&) const = default;
};

// What of the range lies within [least, most]; a range with first > last if nothing does.
[[nodiscard]] StepRange clipped(StepRange range, std::int64_t least, std::int64_t most);
[[nodiscard]] inline bool is_empty(const StepRange& range) { return range.first > range.last; }
// The same steps in few ranges. REQUIRES: strictly ascending.
[[nodiscard]] std::vector<StepRange> ranges_of(std::span<const std::int64_t> steps);

class StepSet {
 public:
  // The union. Overlapping ranges of one gap and phase stay a range; others are counted out step by step.
  explicit StepSet(std::vector<StepRange> ranges);
  [[nodiscard]] std::uint64_t size() const { return size_; }
  [[nodiscard]] std::int64_t at(std::uint64_t rank) const;  // ascending. REQUIRES: rank < size()

 private:
  void add(std::span<const StepRange> overlapping);
  void append(const StepRange& range);

  std::vector<StepRange> ranges_;    // disjoint, ascending
  std::vector<std::uint64_t> ends_;  // how many steps there are up to the end of each
  std::uint64_t size_ = 0;
};

// Which steps to keep: `limit`, even over the set, and the last one. Ascending.
[[nodiscard]] std::vector<std::int64_t> sampled(const StepSet& steps, std::int64_t limit);

}  // namespace fettle::tracking
