// Event time: which day and week a row belongs to, how far traffic has come, and when a window's figures are final.
//
// Pure. Days and weeks are UTC; a week starts on Monday. A window is reported once when it has ended (its features are
// known then) and again when it closes: all its outcomes are in, or they are overdue. It does not close at a share of
// its outcomes, since what is late is seldom like the rest (a late flight lands late).
#pragma once

#include <cstdint>

#include "base/clock.h"

namespace fettle::control {

inline constexpr std::int64_t kWeekMs = 7 * kDayMs;

[[nodiscard]] std::int64_t day_start(std::int64_t ms) noexcept;
[[nodiscard]] std::int64_t week_start(std::int64_t ms) noexcept;

// The latest event time of one endpoint's traffic. A few rows from far away (a trial request without a time while a
// replay runs) do not move it: beyond `kFar` in either direction it follows only after `kConfirm` rows in a row.
class Watermark {
 public:
  static constexpr std::int64_t kFar = 2 * kDayMs;
  static constexpr int kConfirm = 20;
  Watermark() = default;  // no traffic yet: takes the first row's time
  explicit Watermark(std::int64_t ms) noexcept : ms_(ms) {}
  void see(std::int64_t time_ms) noexcept;
  [[nodiscard]] std::int64_t ms() const noexcept { return ms_; }  // 0 = no traffic yet

 private:
  std::int64_t ms_ = 0;
  std::int64_t candidate_ms_ = 0;
  int candidates_ = 0;
};

enum class Phase : std::uint8_t {
  Open,    // rows may still come
  Ended,   // rows are in, outcomes are not
  Closed,  // final
};
struct WindowFacts {
  std::int64_t end_ms = 0;
  std::uint64_t predictions = 0, outcomes = 0;
};
// `outcome_delay_ms`: how long after the window's end its outcomes are waited for.
[[nodiscard]] Phase phase(const WindowFacts& window, std::int64_t watermark_ms, std::int64_t outcome_delay_ms) noexcept;

}  // namespace fettle::control
