// Kernels for trees of any shape with up to 255 leaves, on codes of one byte.
//
// A row is at a leaf of the tree that has grown so far, at first at the only one, number 0. A split divides a
// leaf: rows that go left keep its number, those that go right take the next free one. So a split is two compares
// of 64 rows, or of one row in 64 trees, whose outcomes are joined, and no walk.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "model/tree/codes.h"
#include "model/tree/forest.h"

namespace fettle::model::tree {

inline constexpr std::size_t kMostGrownLeaves = 255;

struct Grown {
  struct Split {
    std::int32_t map = -1;     // of a set: times kMapBytes in maps
    std::uint16_t column = 0;  // of a set: that of the byte, before that of the bit
    std::uint8_t least = 0;    // right iff code >= least
    std::uint8_t leaf = 0;     // that it divides
  };
  Codes codes;
  std::uint32_t features = 0, outputs = 0, trees = 0;
  bool wide_sums = false;
  std::uint32_t leaf_bits = 0;                  // of the largest tree's leaves' numbers
  std::vector<std::uint32_t> outputs_of, ends;  // of the trees: output, end in splits
  std::vector<Split> splits;    // of each tree, a split after the one above it: the k-th makes leaf k + 1
  AlignedVector<float> leaves;  // [trees, 2^leaf_bits]
  AlignedVector<std::uint8_t> maps;
  // For one row: of each step of kRowTrees trees, and in it of each split, columns, least codes and leaves; empty if it
  // has sets or too many columns. A tree without so many splits has kNoLeaf there.
  AlignedVector<std::uint8_t> row_columns, row_least, row_leaves;
  std::vector<std::uint32_t> row_splits;  // of each step

  // `codes`: kernel_codes(forest). Nothing if a tree has too many leaves.
  [[nodiscard]] static std::optional<Grown> of(const Forest& forest, const Codes& codes);
  [[nodiscard]] bool scores_rows() const noexcept { return !row_columns.empty(); }
};

inline constexpr std::uint8_t kNoLeaf = 255;

struct GrownFunctions {
  // n <= kBlockRows rows; margins as Kernel::add has them.
  void (*block)(const Grown&, const float* rows, std::size_t n, float* margins) noexcept = nullptr;
  // REQUIRES: scores_rows().
  void (*row)(const Grown&, const float* row, float* margins) noexcept = nullptr;
};
// Those for this processor; nothing if it has no vectors of 64 bytes.
[[nodiscard]] std::optional<GrownFunctions> grown_functions();

}  // namespace fettle::model::tree
