// Points of one metric of one run, and blocks of them as bytes. Pure.
//
// A block is
//   version  u8 = 1
//   count    varint, 1 to kMaxPoints
//   times    the first time as zigzag varint, then a column of the count - 1 differences
//   steps    likewise
//   values   a column of the count codes
// and a column of int64 is
//   least    zigzag varint
//   shift    u8: how many low bits all numbers, less the least one, have as zero
//   width    u8: bits of the largest of them after the shift
//   numbers  (number - least) >> shift, `width` bits each, low bits first, the last byte padded with zeros
// so that even times and steps cost nothing, and a value what it differs in from the others: 3 bytes of a float that
// was widened, 6 to 7 of a noisy double. Differences wrap, hence any int64 may be a step.
#pragma once

#include <compare>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace fettle::tracking {

struct Point {
  std::int64_t time_ms = 0, step = 0;
  // The value as an integer of the same order: bits of a positive double, those of a negative one negated. -0 is 0,
  // infinities are the largest doubles, NaN comes after all values.
  std::int64_t code = 0;

  [[nodiscard]] static Point of(std::int64_t time_ms, std::int64_t step, double value) noexcept;
  [[nodiscard]] double value() const noexcept;
  auto operator<=>(const Point&) const = default;
};

struct Series {
  std::string run_id;
  std::vector<Point> points;
};

constexpr std::size_t kMaxPoints = 4096;  // of a block

// REQUIRES: 1 to kMaxPoints points, strictly ascending.
[[nodiscard]] std::string encode(std::span<const Point> points);
// DataLoss unless the bytes are one whole block of ascending points.
[[nodiscard]] Result<std::vector<Point>> decode(std::string_view bytes);
// The steps alone, in the order of the points.
[[nodiscard]] Result<std::vector<std::int64_t>> decode_steps(std::string_view bytes);

// Sorts, and drops what is there twice.
void put_in_order(std::vector<Point>& points);
// The union of two ascending lists.
[[nodiscard]] std::vector<Point> merged(std::span<const Point> a, std::span<const Point> b);

}  // namespace fettle::tracking
