#include "control/windows.h"

#include <algorithm>

namespace fettle::control {
namespace {

constexpr std::int64_t kMondayMs = 4 * kDayMs;  // 1970-01-05

std::int64_t floor_to(std::int64_t ms, std::int64_t unit) noexcept {
  const auto rest = ms % unit;
  return ms - (rest < 0 ? rest + unit : rest);
}

}  // namespace

std::int64_t day_start(std::int64_t ms) noexcept { return floor_to(ms, kDayMs); }
std::int64_t week_start(std::int64_t ms) noexcept { return floor_to(ms - kMondayMs, kWeekMs) + kMondayMs; }

void Watermark::see(std::int64_t time_ms) noexcept {
  const bool near = ms_ == 0 || (time_ms <= ms_ + kFar && time_ms >= ms_ - kFar);
  if (near) {
    ms_ = std::max(ms_, time_ms);
    candidates_ = 0;
    return;
  }
  candidate_ms_ = candidates_ == 0 ? time_ms : std::max(candidate_ms_, time_ms);
  if (++candidates_ < kConfirm) return;
  ms_ = candidate_ms_;
  candidates_ = 0;
}

Phase phase(const WindowFacts& window, std::int64_t watermark_ms, std::int64_t outcome_delay_ms) noexcept {
  if (watermark_ms < window.end_ms) return Phase::Open;
  const bool complete = window.predictions > 0 && window.outcomes >= window.predictions;
  return complete || watermark_ms >= window.end_ms + outcome_delay_ms ? Phase::Closed : Phase::Ended;
}

}  // namespace fettle::control
