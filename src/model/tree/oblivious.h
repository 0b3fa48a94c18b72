// Kernels for oblivious trees, as CatBoost grows them: all nodes of a level have the same split, so that the outcomes
// of a tree's few splits are the bits of the leaf's number.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "model/tree/codes.h"
#include "model/tree/forest.h"

namespace fettle::model::tree {

struct Oblivious {
  Codes codes;
  std::uint32_t depth = 0, features = 0, outputs = 0, trees = 0;
  bool wide_sums = false;
  std::vector<std::uint32_t> outputs_of;               // of the trees
  std::vector<Codes::Test> tests;                      // [trees, depth], the root first
  AlignedVector<float> leaves;                         // [trees, 2^depth], from left to right
  AlignedVector<std::uint8_t> row_columns, row_least;  // for one row: [steps of kRowTrees trees, depth, kRowTrees]

  // `codes`: kernel_codes(forest). Nothing if a tree is not oblivious or too deep, or tests sets.
  [[nodiscard]] static std::optional<Oblivious> of(const Forest& forest, const Codes& codes);
  [[nodiscard]] bool scores_rows() const noexcept { return !row_columns.empty(); }
};

struct ObliviousFunctions {
  // n <= kBlockRows rows; margins as Kernel::add has them.
  void (*block)(const Oblivious&, const float* rows, std::size_t n, float* margins) noexcept = nullptr;
  // REQUIRES: scores_rows().
  void (*row)(const Oblivious&, const float* row, float* margins) noexcept = nullptr;
};
// Those for this processor; nothing if it has no vectors of 64 bytes.
[[nodiscard]] std::optional<ObliviousFunctions> oblivious_functions();

}  // namespace fettle::model::tree
