// Compiled once for each kind of processor that has vectors of 64 bytes; the one that runs it chooses.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "model/tree/sliced_simd.cc"
#define HWY_WANT_AVX3_DL 1
#include <hwy/foreach_target.h>
// After it:
#include <hwy/highway.h>

#include <algorithm>
#include <array>

#include "model/tree/codes_simd-inl.h"
#include "model/tree/sliced.h"

HWY_BEFORE_NAMESPACE();
namespace fettle::model::tree::HWY_NAMESPACE {

#if FETTLE_VECTORS_OF_64_BYTES

// From the outcome of every node (masks[node * kTreesAtOnce ...], eight of them a vector) to the bits of the leaf's
// number, the highest first: bits[level * kTreesAtOnce ...].
template <std::uint32_t kDepth>
HWY_INLINE void narrow(const std::uint64_t* masks, std::uint64_t* bits) {
  using V = hn::Vec<decltype(kLongs)>;
  const V first = hn::Load(kLongs, masks);
  hn::Store(first, kLongs, bits);
  if constexpr (kDepth > 1) {
    V held[(std::size_t{1} << (kDepth - 1)) - 1];  // the subtrees that are chosen, in breadth-first order
    for (std::uint32_t level = 1; level < kDepth; ++level) {
      const std::size_t width = std::size_t{1} << (level - 1);
      const std::size_t base = (std::size_t{1} << level) - 1;
      for (std::size_t i = 0; i < width; ++i)
        held[width - 1 + i] = hn::IfVecThenElse(first, hn::Load(kLongs, masks + (base + width + i) * kTreesAtOnce),
                                                hn::Load(kLongs, masks + (base + i) * kTreesAtOnce));
    }
    for (std::uint32_t level = 1; level < kDepth; ++level) {
      const V bit = held[0];
      hn::Store(bit, kLongs, bits + level * kTreesAtOnce);
      for (std::uint32_t below = 1; level + below < kDepth; ++below) {
        const std::size_t width = std::size_t{1} << (below - 1);
        const std::size_t base = (std::size_t{1} << below) - 1;
        for (std::size_t i = 0; i < width; ++i)
          held[width - 1 + i] = hn::IfVecThenElse(bit, held[base + width + i], held[base + i]);
      }
    }
  }
}

// The leaf's number, a byte a lane, from one tree's bits.
template <std::uint32_t kDepth>
HWY_INLINE hn::Vec<decltype(kBytes)> numbers(const std::uint64_t* bits) {
  auto out = hn::Zero(kBytes);
  for (std::uint32_t level = 0; level < kDepth; ++level) {
    const auto set = hn::LoadMaskBits(kBytes, reinterpret_cast<const std::uint8_t*>(bits + level * kTreesAtOnce));
    out = hn::MaskedAddOr(out, set, out, hn::Set(kBytes, static_cast<std::uint8_t>(1U << (kDepth - 1 - level))));
  }
  return out;
}

// `margins`: [outputs, kBlockRows].
template <std::uint32_t kDepth>
HWY_INLINE void add_block(const Sliced& forest, const std::uint8_t* columns, float* margins) {
  constexpr std::size_t kSplits = (std::size_t{1} << kDepth) - 1;
  HWY_ALIGN std::array<std::uint64_t, kSplits * kTreesAtOnce> masks{};
  HWY_ALIGN std::array<std::uint64_t, kDepth * kTreesAtOnce> bits;
  const auto* compare = forest.compares.data();
  const auto* lookup = forest.lookups.data();
  std::size_t tree = 0;
  for (const auto& group : forest.groups) {
    for (const auto* end = forest.compares.data() + group.compares; compare != end; ++compare) {
      const auto right =
          hn::Ge(hn::Load(kBytes, columns + compare->column * kBlockRows), hn::Set(kBytes, compare->least));
      hn::StoreMaskBits(kBytes, right, reinterpret_cast<std::uint8_t*>(masks.data() + compare->slot));
    }
    for (const auto* end = forest.lookups.data() + group.lookups; lookup != end; ++lookup) {
      const auto map = hn::LoadU(kBytes, forest.maps.data() + lookup->map * kMapBytes);
      const auto* column = columns + lookup->column * kBlockRows;
      const auto byte = hn::TableLookupLanes(map, hn::IndicesFromVec(kBytes, hn::Load(kBytes, column)));
      const auto right = hn::TestBit(byte, hn::Load(kBytes, column + kBlockRows));
      hn::StoreMaskBits(kBytes, right, reinterpret_cast<std::uint8_t*>(masks.data() + lookup->slot));
    }
    narrow<kDepth>(masks.data(), bits.data());
    const std::size_t end = std::min<std::size_t>(tree + kTreesAtOnce, forest.trees);
    for (std::size_t t = 0; tree < end; ++t, ++tree)
      add_leaves<kDepth>(forest.leaves.data() + (tree << kDepth), numbers<kDepth>(bits.data() + t),
                         margins + forest.outputs_of[tree] * kBlockRows);
  }
}

template <std::uint32_t kDepth>
HWY_INLINE void add_row(const Sliced& forest, const std::uint8_t* codes, float* margins) {
  constexpr std::size_t kSplits = (std::size_t{1} << kDepth) - 1;
  constexpr std::size_t kStepTrees = kRowTrees * kTreesAtOnce;  // whose masks are narrowed together
  HWY_ALIGN std::array<std::uint64_t, kSplits * kTreesAtOnce> masks;
  HWY_ALIGN std::array<std::uint64_t, kDepth * kTreesAtOnce> bits;
  const auto all = hn::Load(kBytes, codes);
  for (std::size_t first = 0; first < forest.trees; first += kStepTrees) {
    const std::size_t steps = (std::min<std::size_t>(forest.trees - first, kStepTrees) + kRowTrees - 1) / kRowTrees;
    const std::size_t from = first / kRowTrees * kSplits * kRowTrees;
    const auto* column = forest.row_columns.data() + from;
    const auto* least = forest.row_least.data() + from;
    for (std::size_t step = 0; step < steps; ++step)
      for (std::size_t node = 0; node < kSplits; ++node, column += kRowTrees, least += kRowTrees) {
        const auto code = hn::TableLookupLanes(all, hn::IndicesFromVec(kBytes, hn::Load(kBytes, column)));
        const auto right = hn::Ge(code, hn::Load(kBytes, least));
        hn::StoreMaskBits(kBytes, right, reinterpret_cast<std::uint8_t*>(masks.data() + node * kTreesAtOnce + step));
      }
    narrow<kDepth>(masks.data(), bits.data());
    for (std::size_t step = 0; step < steps; ++step)
      add_step_leaves(forest, kDepth, numbers<kDepth>(bits.data() + step), first + step * kRowTrees, margins);
  }
}

// Calls `work` with the forest's depth as a constant.
template <typename Work>
HWY_INLINE void with_depth(std::uint32_t depth, const Work& work) {
  switch (depth) {
    case 1:
      return work(std::integral_constant<std::uint32_t, 1>());
    case 2:
      return work(std::integral_constant<std::uint32_t, 2>());
    case 3:
      return work(std::integral_constant<std::uint32_t, 3>());
    case 4:
      return work(std::integral_constant<std::uint32_t, 4>());
    case 5:
      return work(std::integral_constant<std::uint32_t, 5>());
    case 6:
      return work(std::integral_constant<std::uint32_t, 6>());
    case 7:
      return work(std::integral_constant<std::uint32_t, 7>());
    default:
      return work(std::integral_constant<std::uint32_t, 8>());
  }
}

void block(const Sliced& forest, const float* rows, std::size_t n, float* margins) noexcept {
  HWY_ALIGN std::array<std::uint8_t, kMostColumns * kBlockRows> columns;
  HWY_ALIGN std::array<float, kMostOutputs * kBlockRows> sums;
  encode(forest.codes, forest.features, rows, n, kBlockRows, columns.data());
  turn_in(margins, n, forest.outputs, sums.data());
  with_depth(forest.depth, [&](auto depth) HWY_ATTR { add_block<depth()>(forest, columns.data(), sums.data()); });
  turn_out(sums.data(), n, forest.outputs, margins);
}

void row(const Sliced& forest, const float* values, float* margins) noexcept {
  HWY_ALIGN std::array<std::uint8_t, kMostRowColumns> codes{};
  encode(forest.codes, forest.features, values, 1, 1, codes.data());
  with_depth(forest.depth, [&](auto depth) HWY_ATTR { add_row<depth()>(forest, codes.data(), margins); });
}

SlicedFunctions sliced_kernels() { return {block, row}; }

#else

SlicedFunctions sliced_kernels() { return {}; }

#endif

}  // namespace fettle::model::tree::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace fettle::model::tree {

HWY_EXPORT(sliced_kernels);

std::optional<SlicedFunctions> sliced_functions() {
  const auto out = HWY_DYNAMIC_DISPATCH(sliced_kernels)();
  return out.block == nullptr ? std::nullopt : std::optional(out);
}

}  // namespace fettle::model::tree
#endif
