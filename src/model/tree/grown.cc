#include "model/tree/grown.h"

#include <algorithm>
#include <bit>

namespace fettle::model::tree {
namespace {

// Appends a tree's splits, the one above before those below, and its leaves' values.
class Growing {
 public:
  Growing(const Forest& forest, Grown& out) noexcept : forest_(forest), out_(out) {}

  void tree(std::size_t number) {
    tree_ = &forest_.trees[number];
    values_ = out_.leaves.data() + (number << out_.leaf_bits);
    made_ = 1;
    node(0, 0);
    out_.ends.push_back(static_cast<std::uint32_t>(out_.splits.size()));
    out_.outputs_of.push_back(tree_->group);
  }

 private:
  // Recursion is as deep as the tree, which has at most kMostGrownLeaves leaves.
  void node(std::int32_t at, std::uint8_t leaf) {
    const auto& node = tree_->nodes[static_cast<std::size_t>(at)];
    if (node.left < 0) {
      values_[leaf] = node.value;
      return;
    }
    out_.splits.push_back(split_of(node, leaf));
    const auto right = static_cast<std::uint8_t>(made_++);
    this->node(node.left, leaf);
    this->node(node.right, right);
  }

  Grown::Split split_of(const Node& node, std::uint8_t leaf) {
    if (node.set < 0) {
      const auto test = out_.codes.test_of(node);
      return {.column = static_cast<std::uint16_t>(test.column), .least = test.least, .leaf = leaf};
    }
    const auto map = static_cast<std::int32_t>(out_.maps.size() / kMapBytes);
    append_map(out_.maps, forest_, node);
    return {.map = map, .column = static_cast<std::uint16_t>(out_.codes.set_column(node)), .leaf = leaf};
  }

  const Forest& forest_;
  Grown& out_;
  const Tree* tree_ = nullptr;
  float* values_ = nullptr;
  std::size_t made_ = 0;
};

std::size_t leaves_of(const Tree& tree) {
  return static_cast<std::size_t>(std::ranges::count_if(tree.nodes, [](const Node& node) { return node.left < 0; }));
}

// REQUIRES: no sets, and columns that fit a byte.
void add_rows(Grown& out) {
  for (std::size_t first = 0; first < out.trees; first += kRowTrees) {
    const std::size_t trees = std::min<std::size_t>(kRowTrees, out.trees - first);
    const auto begin = [&](std::size_t tree) { return tree == 0 ? 0 : out.ends[tree - 1]; };
    std::uint32_t most = 0;
    for (std::size_t t = first; t < first + trees; ++t) most = std::max(most, out.ends[t] - begin(t));
    const std::size_t at = out.row_leaves.size();
    out.row_splits.push_back(most);
    out.row_columns.resize(at + most * kRowTrees);
    out.row_least.resize(at + most * kRowTrees);
    out.row_leaves.resize(at + most * kRowTrees, kNoLeaf);
    for (std::size_t t = 0; t < trees; ++t)
      for (std::size_t k = begin(first + t), place = at + t; k < out.ends[first + t]; ++k, place += kRowTrees) {
        out.row_columns[place] = static_cast<std::uint8_t>(out.splits[k].column);
        out.row_least[place] = out.splits[k].least;
        out.row_leaves[place] = out.splits[k].leaf;
      }
  }
}

}  // namespace

std::optional<Grown> Grown::of(const Forest& forest, const Codes& codes) {
  std::size_t most = 1;
  for (const auto& tree : forest.trees) most = std::max(most, leaves_of(tree));
  if (most > kMostGrownLeaves) return std::nullopt;
  Grown out;
  out.codes = codes;
  out.features = forest.features;
  out.outputs = static_cast<std::uint32_t>(forest.base.size());
  out.trees = static_cast<std::uint32_t>(forest.trees.size());
  out.wide_sums = forest.wide_sums;
  out.leaf_bits = static_cast<std::uint32_t>(std::bit_width(most - 1));
  out.leaves.resize(forest.trees.size() << out.leaf_bits);
  Growing growing(forest, out);
  for (std::size_t t = 0; t < forest.trees.size(); ++t) growing.tree(t);
  out.maps.resize(out.maps.size() + kMapBytes);  // a map is read with what lies behind it
  if (out.codes.sets.empty() && out.codes.columns <= kMostRowColumns) add_rows(out);
  return out;
}

}  // namespace fettle::model::tree
