// Counts over bins. Private to the module.
#pragma once

#include <cstdint>
#include <numeric>
#include <span>

namespace fettle::stats {

[[nodiscard]] inline double total(std::span<const std::uint64_t> counts) {
  return static_cast<double>(std::accumulate(counts.begin(), counts.end(), std::uint64_t{0}));
}

}  // namespace fettle::stats
