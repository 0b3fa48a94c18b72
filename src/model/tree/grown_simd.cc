// Compiled once for each kind of processor that has vectors of 64 bytes; the one that runs it chooses.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "model/tree/grown_simd.cc"
#define HWY_WANT_AVX3_DL 1
#include <hwy/foreach_target.h>
// After it:
#include <hwy/highway.h>

#include <algorithm>
#include <array>

#include "model/tree/codes_simd-inl.h"
#include "model/tree/grown.h"

HWY_BEFORE_NAMESPACE();
namespace fettle::model::tree::HWY_NAMESPACE {

#if FETTLE_VECTORS_OF_64_BYTES

using ByteMask = hn::Mask<decltype(kBytes)>;

HWY_INLINE ByteMask goes_right(const Grown& forest, const Grown::Split& split, const std::uint8_t* columns) {
  const auto codes = hn::Load(kBytes, columns + split.column * kBlockRows);
  if (split.map < 0) return hn::Ge(codes, hn::Set(kBytes, split.least));
  const auto map = hn::LoadU(kBytes, forest.maps.data() + static_cast<std::size_t>(split.map) * kMapBytes);
  const auto byte = hn::TableLookupLanes(map, hn::IndicesFromVec(kBytes, codes));
  return hn::TestBit(byte, hn::Load(kBytes, columns + (split.column + 1) * kBlockRows));
}

// `sums`: [outputs, kBlockRows].
template <typename Sum>
HWY_INLINE void add_block(const Grown& forest, const std::uint8_t* columns, Sum* sums) {
  const auto* split = forest.splits.data();
  for (std::size_t tree = 0; tree < forest.trees; ++tree) {
    auto number = hn::Zero(kBytes);
    std::uint8_t made = 1;
    for (const auto* end = forest.splits.data() + forest.ends[tree]; split != end; ++split, ++made) {
      const auto there = hn::Eq(number, hn::Set(kBytes, split->leaf));
      const auto moves = hn::And(there, goes_right(forest, *split, columns));
      number = hn::IfThenElse(moves, hn::Set(kBytes, made), number);
    }
    add_leaves(forest.leaf_bits, forest.leaves.data() + (tree << forest.leaf_bits), number,
               sums + forest.outputs_of[tree] * kBlockRows);
  }
}

template <typename Sum>
HWY_INLINE void block_as(const Grown& forest, const float* rows, std::size_t n, float* margins) {
  HWY_ALIGN std::array<std::uint8_t, kMostColumns * kBlockRows> columns;
  HWY_ALIGN std::array<Sum, kMostOutputs * kBlockRows> sums;
  encode(forest.codes, forest.features, rows, n, kBlockRows, columns.data());
  turn_in(margins, n, forest.outputs, sums.data());
  add_block(forest, columns.data(), sums.data());
  turn_out(sums.data(), n, forest.outputs, margins);
}

template <typename Sum>
HWY_INLINE void row_as(const Grown& forest, const float* values, float* margins) {
  HWY_ALIGN std::array<std::uint8_t, kMostRowColumns> codes{};
  encode(forest.codes, forest.features, values, 1, 1, codes.data());
  const auto all = hn::Load(kBytes, codes.data());
  const auto* column = forest.row_columns.data();
  const auto* least = forest.row_least.data();
  const auto* divided = forest.row_leaves.data();
  const auto number = [&](std::size_t step) HWY_ATTR {
    auto out = hn::Zero(kBytes);
    auto made = hn::Zero(kBytes);
    for (std::uint32_t k = 0; k < forest.row_splits[step]; ++k) {
      const auto code = hn::TableLookupLanes(all, hn::IndicesFromVec(kBytes, hn::Load(kBytes, column)));
      const auto there = hn::Eq(out, hn::Load(kBytes, divided));
      made = hn::Add(made, hn::Set(kBytes, 1));
      out = hn::IfThenElse(hn::And(there, hn::Ge(code, hn::Load(kBytes, least))), made, out);
      column += kRowTrees;
      least += kRowTrees;
      divided += kRowTrees;
    }
    return out;
  };
  add_row_leaves<Sum>(forest, forest.leaf_bits, number, margins);
}

void block(const Grown& forest, const float* rows, std::size_t n, float* margins) noexcept {
  return forest.wide_sums ? block_as<double>(forest, rows, n, margins) : block_as<float>(forest, rows, n, margins);
}
void row(const Grown& forest, const float* values, float* margins) noexcept {
  return forest.wide_sums ? row_as<double>(forest, values, margins) : row_as<float>(forest, values, margins);
}

GrownFunctions grown_kernels() { return {block, row}; }

#else

GrownFunctions grown_kernels() { return {}; }

#endif

}  // namespace fettle::model::tree::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace fettle::model::tree {

HWY_EXPORT(grown_kernels);

std::optional<GrownFunctions> grown_functions() {
  const auto out = HWY_DYNAMIC_DISPATCH(grown_kernels)();
  return out.block == nullptr ? std::nullopt : std::optional(out);
}

}  // namespace fettle::model::tree
#endif
