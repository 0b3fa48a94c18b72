#include "model/tree/sliced.h"

#include <algorithm>

namespace fettle::model::tree {
namespace {

// Where a tree's node comes to lie in the complete tree: its splits, and the leaves that a leaf fills.
class Filling {
 public:
  Filling(const Forest& forest, Sliced& out) noexcept : forest_(forest), out_(out) {}

  void tree(std::size_t number) {
    tree_ = &forest_.trees[number];
    number_ = number;
    node(0, 0, 0);
  }

 private:
  void node(std::size_t from, std::size_t at, std::uint32_t level) {
    const auto& node = tree_->nodes[from];
    if (node.left < 0) return leaf(node.value, at, level);
    if (node.set >= 0)
      lookup(node, at);
    else
      compare(node, at);
    this->node(static_cast<std::size_t>(node.left), 2 * at + 1, level + 1);
    this->node(static_cast<std::size_t>(node.right), 2 * at + 2, level + 1);
  }

  void leaf(float value, std::size_t at, std::uint32_t level) {
    const std::size_t leaves = std::size_t{1} << out_.depth;
    const std::size_t width = leaves >> level;
    const std::size_t first = number_ * leaves + (at + 1 - (std::size_t{1} << level)) * width;
    std::fill_n(out_.leaves.begin() + static_cast<std::ptrdiff_t>(first), width, value);
  }

  [[nodiscard]] std::uint16_t slot(std::size_t at) const noexcept {
    return static_cast<std::uint16_t>(at * kTreesAtOnce + number_ % kTreesAtOnce);
  }

  void compare(const Node& node, std::size_t at) {
    const auto test = out_.codes.test_of(node);
    out_.compares.push_back({test.column, slot(at), test.least});
    if (!out_.scores_rows()) return;
    const std::size_t place = (number_ / kRowTrees * out_.splits() + at) * kRowTrees + number_ % kRowTrees;
    out_.row_columns[place] = static_cast<std::uint8_t>(test.column);
    out_.row_least[place] = test.least;
  }

  void lookup(const Node& node, std::size_t at) {
    const auto map = static_cast<std::uint32_t>(out_.maps.size() / kMapBytes);
    out_.lookups.push_back({out_.codes.set_column(node), map, slot(at)});
    append_map(out_.maps, forest_, node);
  }

  const Forest& forest_;
  Sliced& out_;
  const Tree* tree_ = nullptr;
  std::size_t number_ = 0;
};

}  // namespace

std::optional<Sliced> Sliced::of(const Forest& forest, const Codes& codes) {
  Sliced out;
  for (const auto& tree : forest.trees) out.depth = std::max(out.depth, tree.depth);
  if (forest.wide_sums || out.depth == 0 || out.depth > kMostDepth) return std::nullopt;
  out.codes = codes;
  out.features = forest.features;
  out.outputs = static_cast<std::uint32_t>(forest.base.size());
  out.trees = static_cast<std::uint32_t>(forest.trees.size());
  for (const auto& tree : forest.trees) out.outputs_of.push_back(tree.group);
  out.leaves.resize(forest.trees.size() << out.depth);
  if (out.codes.sets.empty() && out.codes.columns <= kMostRowColumns) {
    const std::size_t steps = (forest.trees.size() + kRowTrees - 1) / kRowTrees;
    out.row_columns.resize(steps * out.splits() * kRowTrees);
    out.row_least.resize(out.row_columns.size());
  }
  Filling filling(forest, out);
  for (std::size_t t = 0; t < forest.trees.size(); ++t) {
    filling.tree(t);
    if ((t + 1) % kTreesAtOnce == 0 || t + 1 == forest.trees.size())
      out.groups.push_back(
          {static_cast<std::uint32_t>(out.compares.size()), static_cast<std::uint32_t>(out.lookups.size())});
  }
  out.maps.resize(out.maps.size() + kMapBytes);  // a map is read with what lies behind it
  return out;
}

}  // namespace fettle::model::tree
