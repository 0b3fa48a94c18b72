// What follows from one try to deliver: done, again later, or never. Pure.
//
// A receiver that is away is asked again after 5 s, then three times as long each time, at most two hours, with up to a
// quarter more at random: 16 tries over some 18 hours. One that answers "too many" or "unavailable" may say with
// Retry-After how long to wait. One that says no (another 4xx, a redirect) is not asked again.
#pragma once

#include <cstdint>
#include <optional>

namespace fettle::notify {

inline constexpr std::int64_t kMaxTries = 16;
// A delivery that failed so often (after about ten minutes) no longer holds up those behind it.
inline constexpr std::int64_t kPatience = 6;

struct Try {
  std::int64_t number = 1;          // this one, from 1
  std::optional<int> status;        // HTTP; none: no answer
  bool forbidden = false;           // it may not be asked at all: its address, its scheme
  std::int64_t retry_after_ms = 0;  // as the receiver wished; 0 = did not say
  double luck = 0;                  // random, [0, 1)
};

enum class Verdict : std::uint8_t { Delivered, Again, Dead };
struct Decision {
  Verdict verdict = Verdict::Again;
  std::int64_t wait_ms = 0;  // until the next try
};
[[nodiscard]] Decision decide(const Try& attempt) noexcept;

}  // namespace fettle::notify
