// Random forests and rows that reach every corner of a split.
#pragma once

#include <limits>
#include <vector>

#include "base/rng.h"
#include "model/tree/forest.h"

namespace fettle::model::testing {

inline constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();

inline void grow(tree::Tree& tree, std::size_t at, std::uint32_t depth, std::uint32_t features, Rng& rng) {
  tree.nodes[at].value = static_cast<float>(rng.normal());
  if (depth == 0 || rng.uniform() < 0.15) return;
  tree.nodes[at].left = static_cast<std::int32_t>(tree.nodes.size());
  tree.nodes[at].right = tree.nodes[at].left + 1;
  tree.nodes[at].feature = static_cast<std::uint32_t>(rng.below(features));
  tree.nodes[at].default_left = rng.below(2) == 0;
  tree.nodes.resize(tree.nodes.size() + 2);
  const auto left = static_cast<std::size_t>(tree.nodes[at].left);
  grow(tree, left, depth - 1, features, rng);
  grow(tree, left + 1, depth - 1, features, rng);
}

inline tree::Forest random_forest(std::size_t trees, std::uint32_t depth, std::uint32_t features, std::size_t groups,
                                  Rng& rng) {
  tree::Forest forest;
  forest.features = features;
  forest.base.assign(groups, 0.25F);
  for (std::size_t t = 0; t < trees; ++t) {
    tree::Tree tree;
    tree.nodes.resize(1);
    tree.group = static_cast<std::uint32_t>(t % groups);
    tree.depth = depth;  // an upper bound is enough for the kernel
    grow(tree, 0, depth, features, rng);
    forest.trees.push_back(std::move(tree));
  }
  return forest;
}

// Every level has one split.
inline tree::Forest oblivious_forest(std::size_t trees, std::uint32_t depth, std::uint32_t features, std::size_t groups,
                                     Rng& rng) {
  tree::Forest forest;
  forest.features = features;
  forest.base.assign(groups, 0.25F);
  for (std::size_t t = 0; t < trees; ++t) {
    tree::Tree tree;
    tree.group = static_cast<std::uint32_t>(t % groups);
    tree.depth = static_cast<std::uint32_t>(rng.below(depth + 1));
    const std::size_t inner = (std::size_t{1} << tree.depth) - 1;
    tree.nodes.resize(2 * inner + 1);
    for (std::size_t first = 0; first < inner; first = 2 * first + 1) {
      tree::Node split{.feature = static_cast<std::uint32_t>(rng.below(features)),
                       .value = static_cast<float>(rng.normal()),
                       .default_left = rng.below(2) == 0};
      for (std::size_t i = first; i < 2 * first + 1; ++i) {
        tree.nodes[i] = split;
        tree.nodes[i].left = static_cast<std::int32_t>(2 * i + 1);
        tree.nodes[i].right = static_cast<std::int32_t>(2 * i + 2);
      }
    }
    for (std::size_t i = inner; i < tree.nodes.size(); ++i) tree.nodes[i].value = static_cast<float>(rng.normal());
    forest.trees.push_back(std::move(tree));
  }
  return forest;
}

// Makes about half of the splits test a set of up to 70 categories.
inline void add_sets(tree::Forest& forest, Rng& rng) {
  for (auto& tree : forest.trees)
    for (auto& node : tree.nodes) {
      if (node.left < 0 || rng.below(2) == 0) continue;
      node.set = static_cast<std::int32_t>(forest.sets.size());
      auto& set = forest.sets.emplace_back(1 + rng.below(70));
      for (std::size_t code = 0; code < set.size(); ++code) set[code] = rng.below(2) == 0;
    }
}

// Rows with ordinary, missing, infinite, zero and threshold-equal values.
inline std::vector<float> random_rows(const tree::Forest& forest, std::size_t n, bool missing, Rng& rng) {
  std::vector<float> rows(n * forest.features);
  for (auto& x : rows) {
    const auto kind = rng.below(20);
    const auto& tree = forest.trees[rng.below(forest.trees.size())];
    if (kind == 0 && missing)
      x = kNaN;
    else if (kind == 1)
      x = rng.below(2) == 0 ? -std::numeric_limits<float>::infinity() : std::numeric_limits<float>::infinity();
    else if (kind == 2 || (kind < 12 && !forest.sets.empty()))
      x = static_cast<float>(rng.below(80)) - 4;  // category codes, some out of range
    else if (kind < 6)
      x = tree.nodes[rng.below(tree.nodes.size())].value;
    else
      x = static_cast<float>(rng.normal());
  }
  return rows;
}

}  // namespace fettle::model::testing
