#include "notify/retry.h"

#include <algorithm>

namespace fettle::notify {
namespace {

constexpr std::int64_t kFirstMs = 5'000, kMostMs = 2 * 3'600'000;
constexpr std::int64_t kMostWishedMs = 24 * 3'600'000;
constexpr double kSpread = 0.25;

bool is_worth_another(int status) { return status >= 500 || status == 408 || status == 425 || status == 429; }

std::int64_t back_off(std::int64_t number) {
  std::int64_t wait = kFirstMs;
  for (std::int64_t i = 1; i < number && wait < kMostMs; ++i) wait *= 3;
  return std::min(wait, kMostMs);
}

}  // namespace

Decision decide(const Try& attempt) noexcept {
  if (attempt.status && *attempt.status >= 200 && *attempt.status < 300) return {Verdict::Delivered, 0};
  if (attempt.forbidden || (attempt.status && !is_worth_another(*attempt.status))) return {Verdict::Dead, 0};
  if (attempt.number >= kMaxTries) return {Verdict::Dead, 0};
  const auto wait = std::max(back_off(attempt.number), std::min(attempt.retry_after_ms, kMostWishedMs));
  return {Verdict::Again, wait + static_cast<std::int64_t>(kSpread * attempt.luck * static_cast<double>(wait))};
}

}  // namespace fettle::notify
