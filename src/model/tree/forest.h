// A tree ensemble in one internal form, whatever file it came from. Kernels are built from it; the reference walk reads
// it as it is.
//
// Invariants (forest_from_* guarantee them): (1) children and features are in range and no node is reached twice, so
// every walk ends; (2) a node goes left iff x < threshold, missing goes to its default; (3) a categorical node goes
// right iff the code is in its set.
#pragma once

#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "base/result.h"

namespace fettle::model::tree {

enum class Link : std::uint8_t {
  Identity,
  Logistic,
  Exp,
  Softmax,
  SignedSquare,  // sign(x) x^2
  Softplus       // ln(1 + e^x)
};

struct Node {
  std::int32_t left = -1, right = -1;  // -1: leaf
  std::uint32_t feature = 0;
  float value = 0;  // threshold, or the leaf's value
  bool default_left = false;
  std::int32_t set = -1;     // categorical: index into Forest::sets
  std::int32_t linear = -1;  // of a leaf: index into Forest::linears
};

struct Linear {  // A leaf that is a linear function; the leaf's value stands in where one of its features is missing.
  double constant = 0;
  std::vector<std::pair<std::uint32_t, double>> terms;  // feature, weight
};

struct Tree {
  std::vector<Node> nodes;    // root is 0
  std::vector<float> covers;  // weight of the training rows that reached each node; empty: unknown
  std::uint32_t group = 0;    // output that it adds to
  std::uint32_t depth = 0;    // edges from the root to the deepest leaf
};

struct Forest {
  std::vector<Tree> trees;
  std::vector<std::vector<bool>> sets;  // category code -> in the set
  std::vector<float> base;              // margin of each output before the trees
  std::uint32_t features = 0;
  Link link = Link::Identity;
  bool wide_sums = false;  // leaves are added in 64 bits, and the sum rounded once
  std::vector<Linear> linears;
  std::vector<std::uint8_t> zero_is_missing;  // by feature, 1: values within 1e-35 of zero, too; empty: none
};

// Invariant (1) of a tree whose children are in range; finds its depth. DataLoss.
[[nodiscard]] Result<void> check_shape(Tree& tree);

// The slow, plain evaluation that every kernel is tested against. `row` has `features` values; `out` one a group.
void reference_predict(const Forest& forest, std::span<const float> row, std::span<float> out) noexcept;
// Margins to outputs, in place.
void apply_link(Link link, std::span<float> out) noexcept;
// Of a split, for a value of its feature.
[[nodiscard]] bool goes_left(const Forest& forest, const Node& split, float x) noexcept;
// The leaf that a row reaches: its value.
[[nodiscard]] double walk(const Forest& forest, const Tree& tree, const float* row) noexcept;

}  // namespace fettle::model::tree
