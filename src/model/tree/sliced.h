// Kernels that test every node of a tree at once on codes of one byte, with vectors of 64 bytes (AVX-512).
//
// Batches: 64 rows at a time; a node's outcome is one compare, a mask of 64 rows; eight trees at a time the masks
// are narrowed level by level to the bits of each row's leaf, whose values are looked up in registers. One row: 64
// trees at a time; a node's outcome in each is one compare of the codes that these trees test there. Leaves are added
// tree by tree in the forest's order, so that a score does not depend on the batch that it was part of.
#pragma once

#include <cstdint>
#include <memory>
#include <new>
#include <optional>
#include <vector>

#include "model/tree/codes.h"

namespace fettle::model::tree {

inline constexpr std::size_t kTreesAtOnce = 8;  // whose masks are narrowed together

// A forest as these kernels read it: every tree complete, of the forest's depth.
struct Sliced {
  struct Compare {
    std::uint32_t column = 0;
    std::uint16_t slot = 0;  // node * kTreesAtOnce + tree in its group
    std::uint8_t least = 0;
  };
  struct Lookup {  // of a category in a node's bit map
    std::uint32_t column = 0;
    std::uint32_t map = 0;  // times kMapBytes in maps
    std::uint16_t slot = 0;
  };
  struct Group {                              // of kTreesAtOnce trees
    std::uint32_t compares = 0, lookups = 0;  // ends in `compares` and `lookups` below
  };
  Codes codes;
  std::uint32_t depth = 0, features = 0, outputs = 0, trees = 0;
  std::vector<std::uint32_t> outputs_of;  // of the trees
  AlignedVector<float> leaves;            // [trees, 2^depth], from left to right
  std::vector<Group> groups;
  std::vector<Compare> compares;
  std::vector<Lookup> lookups;
  AlignedVector<std::uint8_t> maps;
  // For one row: of each step and node the columns and least codes of kRowTrees trees; empty if it has sets or too many
  // columns.
  AlignedVector<std::uint8_t> row_columns, row_least;

  // `codes`: kernel_codes(forest). Nothing if the forest is too deep, or adds in 64 bits.
  [[nodiscard]] static std::optional<Sliced> of(const Forest& forest, const Codes& codes);
  [[nodiscard]] std::size_t splits() const noexcept { return (std::size_t{1} << depth) - 1; }
  [[nodiscard]] bool scores_rows() const noexcept { return !row_columns.empty(); }
};

struct SlicedFunctions {
  // n <= kBlockRows rows; margins as Kernel::add has them.
  void (*block)(const Sliced&, const float* rows, std::size_t n, float* margins) noexcept = nullptr;
  // REQUIRES: scores_rows().
  void (*row)(const Sliced&, const float* row, float* margins) noexcept = nullptr;
};
// Those for this processor; nothing if it has no vectors of 64 bytes.
[[nodiscard]] std::optional<SlicedFunctions> sliced_functions();

}  // namespace fettle::model::tree
