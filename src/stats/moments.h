// Count, mean and variance of a stream, mergeable: Welford's update, Chan's merge (Chan, Golub, LeVeque 1983).
#pragma once

#include <cstdint>

namespace fettle::stats {

struct Moments {
  std::uint64_t n = 0;
  double mean = 0;
  double m2 = 0;  // sum of squared deviations

  void add(double x) noexcept {
    ++n;
    const double delta = x - mean;
    mean += delta / static_cast<double>(n);
    m2 += delta * (x - mean);
  }
  void merge(const Moments& other) noexcept {
    if (other.n == 0) return;
    const double total = static_cast<double>(n + other.n);
    const double delta = other.mean - mean;
    m2 += other.m2 + delta * delta * static_cast<double>(n) * static_cast<double>(other.n) / total;
    mean += delta * static_cast<double>(other.n) / total;
    n += other.n;
  }
  [[nodiscard]] double variance() const noexcept { return n > 1 ? m2 / static_cast<double>(n - 1) : 0; }  // sample
};

}  // namespace fettle::stats
