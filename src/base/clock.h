// Time as a seam: product code asks a Clock, tests tick one by hand. Timestamps are milliseconds since 1970-01-01 UTC.
#pragma once

#include <atomic>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace fettle {

inline constexpr std::int64_t kDayMs = 86'400'000;

class Clock {
 public:
  virtual ~Clock() = default;
  [[nodiscard]] virtual std::int64_t now_ms() const noexcept = 0;        // wall clock
  [[nodiscard]] virtual std::int64_t monotonic_ns() const noexcept = 0;  // never steps back; for durations
};

[[nodiscard]] const Clock& system_clock() noexcept;

class ManualClock final : public Clock {  // For tests. Thread-safe.
 public:
  explicit ManualClock(std::int64_t now_ms = 0) noexcept : now_ms_(now_ms) {}
  [[nodiscard]] std::int64_t now_ms() const noexcept override { return now_ms_; }
  [[nodiscard]] std::int64_t monotonic_ns() const noexcept override { return now_ms_ * 1'000'000; }
  void advance_ms(std::int64_t by) noexcept { now_ms_ += by; }

 private:
  std::atomic<std::int64_t> now_ms_;
};

namespace text {
[[nodiscard]] std::string rfc3339(std::int64_t ms);  // "2001-04-03T12:00:00.000Z"
// A date ("2001-04-03", midnight UTC) or an RFC 3339 time.
[[nodiscard]] std::optional<std::int64_t> parse_time(std::string_view text);
[[nodiscard]] std::string human_duration_ms(double ms);  // "340 ms", "2.1 s", "3 min 20 s"
}  // namespace text

}  // namespace fettle
