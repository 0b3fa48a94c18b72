#include "model/tree/oblivious.h"

#include <algorithm>

namespace fettle::model::tree {
namespace {

using Level = std::vector<const Node*>;  // its nodes from left to right

bool same_split(const Node& a, const Node& b) noexcept {
  return a.left >= 0 && b.left >= 0 && a.set < 0 && b.set < 0 && a.feature == b.feature && a.value == b.value &&
         a.default_left == b.default_left;
}

// From the root down, the leaves last; nothing if the tree is not oblivious.
std::optional<std::vector<Level>> levels_of(const Tree& tree) {
  std::vector<Level> out{{tree.nodes.data()}};
  while (out.back().front()->left >= 0) {
    Level below;
    for (const auto* node : out.back()) {
      if (!same_split(*node, *out.back().front())) return std::nullopt;
      below.push_back(&tree.nodes[static_cast<std::size_t>(node->left)]);
      below.push_back(&tree.nodes[static_cast<std::size_t>(node->right)]);
    }
    if (out.size() > kMostDepth) return std::nullopt;
    out.push_back(std::move(below));
  }
  if (std::ranges::any_of(out.back(), [](const Node* node) { return node->left >= 0; })) return std::nullopt;
  return out;
}

// A tree that is less deep has the last levels' tests by chance; each of its leaves fills all that they lead to.
void append(const std::vector<Level>& levels, std::size_t tree, Oblivious& out) {
  const std::size_t depth = levels.size() - 1;
  for (std::size_t level = 0; level < depth; ++level)
    out.tests[tree * out.depth + level] = out.codes.test_of(*levels[level].front());
  const std::size_t width = std::size_t{1} << (out.depth - depth);
  auto to = out.leaves.begin() + static_cast<std::ptrdiff_t>(tree << out.depth);
  for (const auto* leaf : levels.back()) to = std::fill_n(to, width, leaf->value);
}

void add_rows(Oblivious& out) {
  const std::size_t steps = (out.trees + kRowTrees - 1) / kRowTrees;
  out.row_columns.resize(steps * out.depth * kRowTrees);
  out.row_least.resize(out.row_columns.size());
  for (std::size_t tree = 0; tree < out.trees; ++tree)
    for (std::size_t level = 0; level < out.depth; ++level) {
      const std::size_t place = (tree / kRowTrees * out.depth + level) * kRowTrees + tree % kRowTrees;
      const auto& test = out.tests[tree * out.depth + level];
      out.row_columns[place] = static_cast<std::uint8_t>(test.column);
      out.row_least[place] = test.least;
    }
}

}  // namespace

std::optional<Oblivious> Oblivious::of(const Forest& forest, const Codes& codes) {
  std::vector<std::vector<Level>> trees;
  std::size_t depth = 0;
  for (const auto& tree : forest.trees) {
    auto levels = levels_of(tree);
    if (!levels) return std::nullopt;
    depth = std::max(depth, levels->size() - 1);
    trees.push_back(*std::move(levels));
  }
  if (depth == 0) return std::nullopt;
  Oblivious out;
  out.codes = codes;
  out.depth = static_cast<std::uint32_t>(depth);
  out.features = forest.features;
  out.outputs = static_cast<std::uint32_t>(forest.base.size());
  out.trees = static_cast<std::uint32_t>(trees.size());
  out.wide_sums = forest.wide_sums;
  for (const auto& tree : forest.trees) out.outputs_of.push_back(tree.group);
  out.tests.resize(trees.size() * depth);
  out.leaves.resize(trees.size() << depth);
  for (std::size_t tree = 0; tree < trees.size(); ++tree) append(trees[tree], tree, out);
  if (out.codes.columns <= kMostRowColumns) add_rows(out);
  return out;
}

}  // namespace fettle::model::tree
