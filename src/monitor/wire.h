// Counts and moments as JSON, compactly: counts as [index, count, ...] of the non-zero ones, moments as [n, mean, m2,
// ...]. Private to the module. Numbers are written so that they read back to the last bit.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "json/value.h"
#include "stats/moments.h"

namespace fettle::monitor {

[[nodiscard]] std::vector<std::uint64_t> sparse(std::span<const std::uint64_t> counts);
// False, with `counts` in an unspecified state, unless every index fits.
[[nodiscard]] bool read_sparse(std::span<const std::uint64_t> pairs, std::vector<std::uint64_t>& counts);

// False unless `number` is a count.
[[nodiscard]] bool read_count(double number, std::uint64_t& count);

[[nodiscard]] std::vector<double> flat(std::span<const stats::Moments> moments);
// False unless there are as many as in `moments`.
[[nodiscard]] bool read_flat(std::span<const double> numbers, std::span<stats::Moments> moments);

}  // namespace fettle::monitor
