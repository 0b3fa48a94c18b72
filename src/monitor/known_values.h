// A value for each combination of keys, for rules like "distance is determined by origin and destination".
//
// Open addressing over a power of two, at most half full; look-up neither allocates nor locks. Keys are the bits of
// the inputs' floats, mixed to 64 bits: two combinations share a hash with probability n^2 / 2^65.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace fettle::monitor {

// Equal up to the rounding of a conversion to float.
[[nodiscard]] inline bool agrees(float value, float known) noexcept {
  const float difference = value > known ? value - known : known - value;
  const float size = known < 0 ? -known : known;
  return difference <= 1e-4F * (size > 1 ? size : 1);
}

class KnownValues {
 public:
  struct Entry {
    std::uint64_t key = 0;  // 0 = free
    float value = 0;
  };
  // Combination `inputs` of `row`; 0 if one of them is NaN.
  [[nodiscard]] static std::uint64_t key_of(std::span<const float> row, std::span<const std::size_t> inputs) noexcept;
  // The value of a combination, or null if it is not known.
  [[nodiscard]] const float* find(std::uint64_t key) const noexcept;
  void set(std::uint64_t key, float value);  // replaces
  [[nodiscard]] std::size_t size() const noexcept { return size_; }
  [[nodiscard]] std::vector<Entry> sorted() const;  // by key

 private:
  void grow();
  std::vector<Entry> table_;
  std::size_t size_ = 0;
};

}  // namespace fettle::monitor
