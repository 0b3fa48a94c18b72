// What kernels on codes share: values to codes, and leaf values looked up in registers. Only in files that Highway
// compiles once for each kind of processor, after they included Highway.
#if defined(FETTLE_MODEL_TREE_CODES_SIMD_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef FETTLE_MODEL_TREE_CODES_SIMD_INL_H_
#undef FETTLE_MODEL_TREE_CODES_SIMD_INL_H_
#else
#define FETTLE_MODEL_TREE_CODES_SIMD_INL_H_
#endif

#include <hwy/highway.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "model/tree/codes.h"

#undef FETTLE_VECTORS_OF_64_BYTES
#if HWY_TARGET == HWY_AVX3 || HWY_TARGET == HWY_AVX3_DL || HWY_TARGET == HWY_AVX3_ZEN4 || HWY_TARGET == HWY_AVX3_SPR
#define FETTLE_VECTORS_OF_64_BYTES 1
#else
#define FETTLE_VECTORS_OF_64_BYTES 0
#endif

HWY_BEFORE_NAMESPACE();
namespace fettle::model::tree::HWY_NAMESPACE {

#if FETTLE_VECTORS_OF_64_BYTES

namespace hn = hwy::HWY_NAMESPACE;

constexpr hn::ScalableTag<std::uint8_t> kBytes;
constexpr hn::ScalableTag<std::uint32_t> kWords;
constexpr hn::ScalableTag<std::uint64_t> kLongs;
constexpr hn::ScalableTag<float> kFloats;

// How many thresholds of the feature are at most x; 0 for NaN.
HWY_INLINE std::uint8_t code_of(const float* cuts, std::uint32_t blocks, std::uint32_t count, float x) {
  const auto value = hn::Set(kFloats, x);
  std::size_t block = 0;
  if (blocks > 1) {
    block = std::min<std::size_t>(hn::CountTrue(kFloats, hn::Le(hn::LoadU(kFloats, cuts), value)), blocks - 1);
    cuts += kLanes16;
  }
  const auto within = hn::CountTrue(kFloats, hn::Le(hn::LoadU(kFloats, cuts + block * kLanes16), value));
  return static_cast<std::uint8_t>(std::min<std::size_t>(block * kLanes16 + within, count));
}

// Codes of n rows, column by column: columns[column * stride + row]; up to stride, the numbers of bytes that are looked
// up are 0.
HWY_INLINE void encode(const Codes& codes, std::size_t features, const float* rows, std::size_t n, std::size_t stride,
                       std::uint8_t* columns) {
  for (const auto& number : codes.numbers) {
    const float* cuts = codes.cuts.data() + number.first;
    const float* x = rows + number.feature;
    for (std::size_t r = 0; r < n; ++r, x += features) {
      const auto code = code_of(cuts, number.blocks, number.count, *x);
      const bool missing = std::isnan(*x);
      if (number.columns[0] >= 0)
        columns[static_cast<std::size_t>(number.columns[0]) * stride + r] = missing ? kMissingRight : code;
      if (number.columns[1] >= 0)
        columns[static_cast<std::size_t>(number.columns[1]) * stride + r] = missing ? kMissingLeft : code;
    }
  }
  for (const auto& set : codes.sets) {
    const float* x = rows + set.feature;
    for (std::size_t r = 0; r < n; ++r, x += features) {
      std::uint32_t code = *x >= 0 && *x < static_cast<float>(set.count) ? static_cast<std::uint32_t>(*x) : kOutOfRange;
      if (std::isnan(*x)) code = kMissingCategory;
      columns[set.column * stride + r] = static_cast<std::uint8_t>(code / 8);
      columns[(set.column + 1) * stride + r] = static_cast<std::uint8_t>(1U << (code % 8));
    }
    std::fill_n(columns + set.column * stride + n, stride - n, std::uint8_t{0});
  }
}

// Values of up to 2^kDepth leaves by their numbers, from registers; kBits of the number are left to look at.
template <std::uint32_t kBits>
HWY_INLINE hn::Vec<decltype(kFloats)> look_up(const float* leaves, hn::Vec<decltype(kWords)> number) {
  if constexpr (kBits == 0) {
    return hn::Set(kFloats, *leaves);
  } else if constexpr (kBits <= 4) {
    const auto table = kBits == 4 ? hn::Load(kFloats, leaves) : hn::LoadN(kFloats, leaves, std::size_t{1} << kBits);
    return hn::TableLookupLanes(table, hn::IndicesFromVec(kFloats, hn::And(number, hn::Set(kWords, 15))));
  } else if constexpr (kBits == 5) {
    return hn::TwoTablesLookupLanes(kFloats, hn::Load(kFloats, leaves), hn::Load(kFloats, leaves + 16),
                                    hn::IndicesFromVec(kFloats, hn::And(number, hn::Set(kWords, 31))));
  } else {
    constexpr std::uint32_t kHalf = 1U << (kBits - 1);
    const auto high = hn::TestBit(number, hn::Set(kWords, kHalf));
    return hn::IfThenElse(hn::RebindMask(kFloats, high), look_up<kBits - 1>(leaves + kHalf, number),
                          look_up<kBits - 1>(leaves, number));
  }
}

using Bytes = hn::Vec<decltype(kBytes)>;

// Adds 16 leaf values to sums, which are 32 or 64 bits wide.
HWY_INLINE void add_values(hn::Vec<decltype(kFloats)> values, float* sums) {
  hn::Store(hn::Add(hn::Load(kFloats, sums), values), kFloats, sums);
}
HWY_INLINE void add_values(hn::Vec<decltype(kFloats)> values, double* sums) {
  constexpr hn::ScalableTag<double> kDoubles;
  constexpr std::size_t kLanes8 = kLanes16 / 2;
  hn::Store(hn::Add(hn::Load(kDoubles, sums), hn::PromoteLowerTo(kDoubles, values)), kDoubles, sums);
  hn::Store(hn::Add(hn::Load(kDoubles, sums + kLanes8), hn::PromoteUpperTo(kDoubles, values)), kDoubles,
            sums + kLanes8);
}

// Adds to the sums of a block of rows the values of leaves by their numbers.
template <std::uint32_t kBits, typename Sum>
HWY_INLINE void add_leaves(const float* leaves, Bytes number, Sum* sums) {
  HWY_ALIGN std::array<std::uint8_t, kBlockRows> bytes;
  hn::Store(number, kBytes, bytes.data());
  const hn::Rebind<std::uint8_t, decltype(kWords)> quarter;
  for (std::size_t r = 0; r < kBlockRows; r += kLanes16)
    add_values(look_up<kBits>(leaves, hn::PromoteTo(kWords, hn::Load(quarter, bytes.data() + r))), sums + r);
}

// `leaves`: 2^bits.
template <typename Sum>
HWY_INLINE void add_leaves(std::uint32_t bits, const float* leaves, Bytes number, Sum* sums) {
  switch (bits) {
    case 8:
      return add_leaves<8>(leaves, number, sums);
    case 7:
      return add_leaves<7>(leaves, number, sums);
    case 6:
      return add_leaves<6>(leaves, number, sums);
    case 5:
      return add_leaves<5>(leaves, number, sums);
    case 4:
      return add_leaves<4>(leaves, number, sums);
    case 3:
      return add_leaves<3>(leaves, number, sums);
    case 2:
      return add_leaves<2>(leaves, number, sums);
    case 1:
      return add_leaves<1>(leaves, number, sums);
    default:
      return add_leaves<0>(leaves, number, sums);
  }
}

// Margins, [n, outputs], to sums, [outputs, kBlockRows], and back.
template <typename Sum>
HWY_INLINE void turn_in(const float* margins, std::size_t n, std::size_t outputs, Sum* sums) {
  for (std::size_t o = 0; o < outputs; ++o)
    for (std::size_t r = 0; r < n; ++r) sums[o * kBlockRows + r] = static_cast<Sum>(margins[r * outputs + o]);
}
template <typename Sum>
HWY_INLINE void turn_out(const Sum* sums, std::size_t n, std::size_t outputs, float* margins) {
  for (std::size_t o = 0; o < outputs; ++o)
    for (std::size_t r = 0; r < n; ++r) margins[r * outputs + o] = static_cast<float>(sums[o * kBlockRows + r]);
}

// Adds to one row's sums the leaves of up to kRowTrees trees from `first` on, whose numbers are in a vector.
template <typename Sum, typename CompiledForest>
HWY_INLINE void add_step_leaves(const CompiledForest& forest, std::uint32_t bits, Bytes number, std::size_t first,
                                Sum* sums) {
  HWY_ALIGN std::array<std::uint8_t, kRowTrees> leaf;
  hn::Store(number, kBytes, leaf.data());
  const std::size_t count = std::min<std::size_t>(kRowTrees, forest.trees - first);
  const float* leaves = forest.leaves.data() + (first << bits);
  if (forest.outputs == 1) {
    Sum sum = *sums;
    for (std::size_t t = 0; t < count; ++t) sum += static_cast<Sum>(leaves[(t << bits) + leaf[t]]);
    *sums = sum;
  } else {
    for (std::size_t t = 0; t < count; ++t)
      sums[forest.outputs_of[first + t]] += static_cast<Sum>(leaves[(t << bits) + leaf[t]]);
  }
}

// Adds to one row's margins the leaves of all trees, whose numbers `number_of(step)` gives for kRowTrees trees a step.
template <typename Sum, typename CompiledForest, typename NumberOf>
HWY_INLINE void add_row_leaves(const CompiledForest& forest, std::uint32_t bits, const NumberOf& number_of,
                               float* margins) {
  std::array<Sum, kMostOutputs> sums;
  std::copy_n(margins, forest.outputs, sums.begin());
  for (std::size_t step = 0, first = 0; first < forest.trees; ++step, first += kRowTrees)
    add_step_leaves(forest, bits, number_of(step), first, sums.data());
  for (std::size_t o = 0; o < forest.outputs; ++o) margins[o] = static_cast<float>(sums[o]);
}

#endif

}  // namespace fettle::model::tree::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif
