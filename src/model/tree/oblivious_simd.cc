// Compiled once for each kind of processor that has vectors of 64 bytes; the one that runs it chooses.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "model/tree/oblivious_simd.cc"
#define HWY_WANT_AVX3_DL 1
#include <hwy/foreach_target.h>
// After it:
#include <hwy/highway.h>

#include <algorithm>
#include <array>

#include "model/tree/codes_simd-inl.h"
#include "model/tree/oblivious.h"

HWY_BEFORE_NAMESPACE();
namespace fettle::model::tree::HWY_NAMESPACE {

#if FETTLE_VECTORS_OF_64_BYTES

// The next bit of numbers, after those that they have.
HWY_INLINE Bytes with_bit(Bytes number, hn::Mask<decltype(kBytes)> bit) {
  const auto twice = hn::Add(number, number);
  return hn::MaskedAddOr(twice, bit, twice, hn::Set(kBytes, 1));
}

template <typename Sum>
HWY_INLINE void block_as(const Oblivious& forest, const float* rows, std::size_t n, float* margins) {
  HWY_ALIGN std::array<std::uint8_t, kMostColumns * kBlockRows> columns;
  HWY_ALIGN std::array<Sum, kMostOutputs * kBlockRows> sums;
  encode(forest.codes, forest.features, rows, n, kBlockRows, columns.data());
  turn_in(margins, n, forest.outputs, sums.data());
  const auto* test = forest.tests.data();
  for (std::size_t tree = 0; tree < forest.trees; ++tree) {
    auto number = hn::Zero(kBytes);
    for (const auto* end = test + forest.depth; test != end; ++test) {
      const auto codes = hn::Load(kBytes, columns.data() + test->column * kBlockRows);
      number = with_bit(number, hn::Ge(codes, hn::Set(kBytes, test->least)));
    }
    add_leaves(forest.depth, forest.leaves.data() + (tree << forest.depth), number,
               sums.data() + forest.outputs_of[tree] * kBlockRows);
  }
  turn_out(sums.data(), n, forest.outputs, margins);
}

template <typename Sum>
HWY_INLINE void row_as(const Oblivious& forest, const float* values, float* margins) {
  HWY_ALIGN std::array<std::uint8_t, kMostRowColumns> codes{};
  encode(forest.codes, forest.features, values, 1, 1, codes.data());
  const auto all = hn::Load(kBytes, codes.data());
  const auto* column = forest.row_columns.data();
  const auto* least = forest.row_least.data();
  const auto number = [&](std::size_t) HWY_ATTR {
    auto out = hn::Zero(kBytes);
    for (std::uint32_t level = 0; level < forest.depth; ++level, column += kRowTrees, least += kRowTrees) {
      const auto code = hn::TableLookupLanes(all, hn::IndicesFromVec(kBytes, hn::Load(kBytes, column)));
      out = with_bit(out, hn::Ge(code, hn::Load(kBytes, least)));
    }
    return out;
  };
  add_row_leaves<Sum>(forest, forest.depth, number, margins);
}

void block(const Oblivious& forest, const float* rows, std::size_t n, float* margins) noexcept {
  return forest.wide_sums ? block_as<double>(forest, rows, n, margins) : block_as<float>(forest, rows, n, margins);
}
void row(const Oblivious& forest, const float* values, float* margins) noexcept {
  return forest.wide_sums ? row_as<double>(forest, values, margins) : row_as<float>(forest, values, margins);
}

ObliviousFunctions oblivious_kernels() { return {block, row}; }

#else

ObliviousFunctions oblivious_kernels() { return {}; }

#endif

}  // namespace fettle::model::tree::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace fettle::model::tree {

HWY_EXPORT(oblivious_kernels);

std::optional<ObliviousFunctions> oblivious_functions() {
  const auto out = HWY_DYNAMIC_DISPATCH(oblivious_kernels)();
  return out.block == nullptr ? std::nullopt : std::optional(out);
}

}  // namespace fettle::model::tree
#endif
