// Exact path-dependent SHAP values of a forest's margins (Lundberg et al., arXiv 1802.03888): how much each feature of
// a row moves each output away from its expectation, where what is unknown is averaged over the training rows that
// reached a node.
//
// A path to a leaf with value v has d features, each with o = 1 if the row follows all of its splits there and z = the
// share of training rows that do. What one feature of it contributes is v (o - z) times the integral over t in [0, 1]
// of the product of z (1 - t) + o t over the others, a polynomial of degree d - 1: ceil(d / 2) Gauss-Legendre points
// give it exactly (docs/decisions/0013). A tree is walked once; the products go down, sums over the leaves come up, and
// a feature that is split again replaces its factor.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "base/result.h"
#include "model/tree/forest.h"

namespace fettle::model::tree {

// A split on its path. z: of its feature, with the edge to the left or right; never 0.
struct ShapSplit {
  float threshold = 0;
  float left_z = 1, right_z = 1;
  float left_value = 0, right_value = 0;  // of the leaves
  std::uint32_t feature = 0;
  std::uint32_t right = 0;   // split, 0: a leaf; a left one is the next split
  std::uint16_t before = 0;  // 1 + level of the path's last split of the same feature; 0: none
  bool left_is_leaf = true;
  bool default_left : 1 = false;
  bool is_plain : 1 = true;  // threshold and default say it all; else goes_left() is asked about the node

  [[nodiscard]] bool has_leaves() const noexcept { return left_is_leaf && right == 0; }
};
struct ShapTree {
  std::vector<ShapSplit> splits;   // the root first; none: a leaf alone, which explains nothing
  std::vector<const Node*> nodes;  // of the splits
  std::uint32_t group = 0;
  std::uint32_t points = 1;  // of the quadrature
};
struct ShapPoints {  // of a quadrature over [0, 1]
  std::vector<float> at, weights;
};

// Immutable, thread-safe; borrows the forest.
class TreeShap {
 public:
  // Unimplemented for a forest with linear leaves, without the nodes' covers, or with a tree deeper than kMostDepth.
  [[nodiscard]] static Result<TreeShap> of(const Forest& forest);

  // `rows` is [n, features], `out` is [n, outputs, features + 1]: the last of each is the expected margin, and all of
  // them add up to the row's margin.
  void explain(std::span<const float> rows, std::span<float> out) const;
  // The same, told how: a row at a time with the quadrature's points in a vector, or some rows at a time in a vector.
  void explain_rows(std::span<const float> rows, std::span<float> out) const;
  void explain_blocks(std::span<const float> rows, std::span<float> out) const;

  [[nodiscard]] const Forest& forest() const noexcept { return *forest_; }
  [[nodiscard]] std::span<const ShapTree> trees() const noexcept { return trees_; }
  // The n points of Gauss and Legendre. REQUIRES: 1 <= n <= kMostDepth.
  [[nodiscard]] const ShapPoints& points(std::size_t n) const noexcept { return points_[n]; }

  [[nodiscard]] std::size_t most_points() const noexcept { return points_.size() - 1; }

  static constexpr std::uint32_t kMostDepth = 256;

 private:
  void begin(std::span<float> out) const noexcept;

  const Forest* forest_ = nullptr;
  std::vector<ShapTree> trees_;
  std::vector<float> expected_;     // by output
  std::vector<ShapPoints> points_;  // by how many there are, as far as they are needed
};

// By brute force: the sum over all subsets of the features that a tree splits. For tests: 2^features steps a tree.
void reference_shap(const Forest& forest, std::span<const float> row, std::span<double> out);

}  // namespace fettle::model::tree
