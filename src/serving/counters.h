// What one variant, or one endpoint, counts. Relaxed atomics: data loops add, the exposition reads. Private to the
// module.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>

namespace fettle::serving {

// Upper bounds of the latency histogram's buckets in microseconds; the last bucket is +Inf.
inline constexpr std::array<double, 12> kLatencyBounds{25,   50,   100,   250,   500,    1000,
                                                       2500, 5000, 10000, 50000, 250000, 1000000};

struct VariantCounters {
  std::atomic<std::uint64_t> requests = 0, rows = 0, latency_ns = 0;
  std::array<std::atomic<std::uint64_t>, kLatencyBounds.size() + 1> buckets{};

  void add(std::uint64_t rows_now, std::uint64_t ns) noexcept {
    std::size_t bucket = 0;
    while (bucket < kLatencyBounds.size() && static_cast<double>(ns) > kLatencyBounds[bucket] * 1000) ++bucket;
    requests.fetch_add(1, std::memory_order_relaxed);
    rows.fetch_add(rows_now, std::memory_order_relaxed);
    latency_ns.fetch_add(ns, std::memory_order_relaxed);
    buckets[bucket].fetch_add(1, std::memory_order_relaxed);
  }
};

struct EndpointCounters {
  std::atomic<std::uint64_t> errors = 0, unkept = 0;  // unkept: rows whose event the log had no room for
};

}  // namespace fettle::serving
