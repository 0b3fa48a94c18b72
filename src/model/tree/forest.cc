#include "model/tree/forest.h"

#include <algorithm>
#include <cmath>

namespace fettle::model::tree {
namespace {

constexpr float kZero = 1e-35F;

double value_of(const Forest& forest, const Node& leaf, const float* row) noexcept {
  if (leaf.linear < 0) return leaf.value;
  const auto& linear = forest.linears[static_cast<std::size_t>(leaf.linear)];
  double out = linear.constant;
  for (const auto& [feature, weight] : linear.terms) {
    if (std::isnan(row[feature])) return leaf.value;
    out += weight * static_cast<double>(row[feature]);
  }
  return out;
}

}  // namespace

Result<void> check_shape(Tree& tree) {
  std::vector<bool> seen(tree.nodes.size());
  std::vector<std::pair<std::size_t, std::uint32_t>> open{{0, 0}};
  while (!open.empty()) {
    const auto [at, depth] = open.back();
    open.pop_back();
    if (seen[at]) return fail(Code::DataLoss, "a node of a tree has two parents");
    seen[at] = true;
    tree.depth = std::max(tree.depth, depth);
    const auto& node = tree.nodes[at];
    if (node.left < 0) continue;
    open.emplace_back(static_cast<std::size_t>(node.left), depth + 1);
    open.emplace_back(static_cast<std::size_t>(node.right), depth + 1);
  }
  return {};
}

bool goes_left(const Forest& forest, const Node& split, float x) noexcept {
  if (std::isnan(x)) return split.default_left;
  if (!forest.zero_is_missing.empty() && forest.zero_is_missing[split.feature] != 0 && std::abs(x) <= kZero)
    return split.default_left;
  if (split.set < 0) return x < split.value;
  const auto& set = forest.sets[static_cast<std::size_t>(split.set)];
  if (x < 0 || x >= static_cast<float>(set.size())) return true;
  return !set[static_cast<std::size_t>(x)];
}

double walk(const Forest& forest, const Tree& tree, const float* row) noexcept {
  const Node* node = tree.nodes.data();
  while (node->left >= 0)
    node =
        &tree.nodes[static_cast<std::size_t>(goes_left(forest, *node, row[node->feature]) ? node->left : node->right)];
  return value_of(forest, *node, row);
}

void reference_predict(const Forest& forest, std::span<const float> row, std::span<float> out) noexcept {
  for (std::size_t g = 0; g < out.size(); ++g) {
    double wide = forest.base[g];
    float narrow = forest.base[g];
    for (const auto& tree : forest.trees) {
      if (tree.group != g) continue;
      const double leaf = walk(forest, tree, row.data());
      wide += leaf;
      narrow += static_cast<float>(leaf);
    }
    out[g] = forest.wide_sums ? static_cast<float>(wide) : narrow;
  }
  apply_link(forest.link, out);
}

void apply_link(Link link, std::span<float> out) noexcept {
  switch (link) {
    case Link::Identity:
      return;
    case Link::Logistic:
      for (auto& x : out) x = 1.0F / (1.0F + std::exp(-x));
      return;
    case Link::SignedSquare:
      for (auto& x : out) x = x * std::abs(x);
      return;
    case Link::Softplus:
      for (auto& x : out) x = std::log1p(std::exp(-std::abs(x))) + std::max(x, 0.0F);
      return;
    case Link::Exp:
      for (auto& x : out) x = std::exp(x);
      return;
    case Link::Softmax: {
      const float top = *std::ranges::max_element(out);
      double sum = 0;
      for (auto& x : out) sum += x = std::exp(x - top);
      for (auto& x : out) x = static_cast<float>(x / sum);
      return;
    }
  }
}

}  // namespace fettle::model::tree
