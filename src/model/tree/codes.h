// Values as codes of one byte, exactly: a split's outcome needs only the number of its feature's thresholds that are
// at most the value.
//
// A feature has up to two columns of codes, which differ where the value is missing: 0 is below, 255 above every split.
// A feature that sets test has two columns as well: the byte and the bit of a category in a bit map of 256 categories,
// of which the last two stand for what is out of range and for what is missing.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <vector>

#include "model/tree/forest.h"

namespace fettle::model::tree {

inline constexpr std::size_t kBlockRows = 64;       // whose codes a vector holds
inline constexpr std::size_t kLanes16 = 16;         // thresholds that are compared at once
inline constexpr std::size_t kRowTrees = 64;        // of a step of the kernel for one row
inline constexpr std::size_t kMostColumns = 512;    // of the kernel for blocks
inline constexpr std::size_t kMostRowColumns = 64;  // of the kernel for one row
inline constexpr std::size_t kMostOutputs = 64;
inline constexpr std::size_t kMostFeatures = 1 << 16;
inline constexpr std::uint32_t kMostDepth = 8;
inline constexpr std::uint8_t kMissingRight = 255, kMissingLeft = 0;
inline constexpr std::size_t kMapBytes = 32;
inline constexpr std::uint32_t kOutOfRange = 254, kMissingCategory = 255;

template <typename T>
struct VectorAligned {  // An allocator whose memory begins where a vector of 64 bytes may be read at once.
  using value_type = T;
  static constexpr std::align_val_t kAlign{64};
  VectorAligned() = default;
  template <typename U>
  explicit VectorAligned(const VectorAligned<U>&) noexcept {}
  T* allocate(std::size_t n) { return static_cast<T*>(::operator new(n * sizeof(T), kAlign)); }
  void deallocate(T* p, std::size_t) noexcept { ::operator delete(p, kAlign); }
  bool operator==(const VectorAligned&) const = default;
};
template <typename T>
using AlignedVector = std::vector<T, VectorAligned<T>>;

struct Codes {
  struct Number {
    std::uint32_t feature = 0;
    std::uint32_t count = 0;                      // thresholds, at most 254
    std::uint32_t first = 0;                      // in cuts
    std::uint32_t blocks = 0;                     // of kLanes16 thresholds, ascending, padded with infinity
    std::array<std::int32_t, 2> columns{-1, -1};  // where missing goes right, left; -1: no split needs it
  };
  struct Set {
    std::uint32_t feature = 0;
    std::uint32_t column = 0;  // of the byte; the next one is the bit's
    std::uint32_t count = 0;   // categories that are in range
  };
  std::vector<Number> numbers;
  std::vector<Set> sets;
  std::vector<float> cuts;  // of a feature: the last threshold of each block, if there are several; then the blocks
  std::uint32_t columns = 0;

  // Nothing if a feature has too many thresholds or categories for a byte.
  [[nodiscard]] static std::optional<Codes> of(const Forest& forest);
  struct Test {
    std::uint32_t column = 0;
    std::uint8_t least = 0;  // right iff code >= least
  };
  // REQUIRES: a split of the forest, not on a set.
  [[nodiscard]] Test test_of(const Node& node) const;
  [[nodiscard]] std::uint32_t set_column(const Node& node) const;

 private:
  std::vector<std::int32_t> number_of_, set_of_;  // by feature: place in numbers and sets
};

// Of a forest that kernels on codes can evaluate: no linear leaves, no zeros that are missing, neither too many
// features and outputs nor too many columns.
[[nodiscard]] std::optional<Codes> kernel_codes(const Forest& forest);

// The bit map of a split's set: kMapBytes.
void append_map(AlignedVector<std::uint8_t>& maps, const Forest& forest, const Node& split);

}  // namespace fettle::model::tree
