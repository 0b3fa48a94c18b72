#include "monitor/wire.h"

#include <algorithm>

namespace fettle::monitor {

std::vector<std::uint64_t> sparse(std::span<const std::uint64_t> counts) {
  std::vector<std::uint64_t> out;
  for (std::size_t i = 0; i < counts.size(); ++i)
    if (counts[i] != 0) out.insert(out.end(), {i, counts[i]});
  return out;
}

bool read_sparse(std::span<const std::uint64_t> pairs, std::vector<std::uint64_t>& counts) {
  std::ranges::fill(counts, 0);
  for (std::size_t i = 0; i + 1 < pairs.size(); i += 2) {
    if (pairs[i] >= counts.size()) return false;
    counts[pairs[i]] = pairs[i + 1];
  }
  return pairs.size() % 2 == 0;
}

bool read_count(double number, std::uint64_t& count) {
  if (!(number >= 0 && number < 1e15)) return false;
  count = static_cast<std::uint64_t>(number);
  return true;
}

std::vector<double> flat(std::span<const stats::Moments> moments) {
  std::vector<double> out;
  for (const auto& one : moments) out.insert(out.end(), {static_cast<double>(one.n), one.mean, one.m2});
  return out;
}

bool read_flat(std::span<const double> numbers, std::span<stats::Moments> moments) {
  if (numbers.size() != 3 * moments.size()) return false;
  for (std::size_t i = 0; i < moments.size(); ++i) {
    moments[i] = {0, numbers[3 * i + 1], numbers[3 * i + 2]};
    if (!read_count(numbers[3 * i], moments[i].n)) return false;
  }
  return true;
}

}  // namespace fettle::monitor
