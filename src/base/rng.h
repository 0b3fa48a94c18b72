// Randomness as a seam: a seeded generator gives the same numbers on every machine (xoshiro256++, seeded by
// splitmix64).
#pragma once

#include <array>
#include <cstdint>
#include <string>

namespace fettle {

class Rng {
 public:
  explicit Rng(std::uint64_t seed) noexcept;
  [[nodiscard]] static Rng from_entropy();
  [[nodiscard]] std::uint64_t next() noexcept;
  [[nodiscard]] double uniform() noexcept;                          // [0, 1), 53 bits
  [[nodiscard]] std::uint64_t below(std::uint64_t bound) noexcept;  // [0, bound), unbiased; bound > 0
  [[nodiscard]] double normal() noexcept;                           // N(0, 1)
  [[nodiscard]] std::string hex(std::size_t digits);                // e.g. 32 for a run id

 private:
  std::array<std::uint64_t, 4> state_;
};

// From the system's secure source; thread-safe. 128 bits as 32 hex digits.
[[nodiscard]] std::string random_id();

}  // namespace fettle
