#include "model/tree/forest.h"

#include <algorithm>
#include <cmath>

namespace fettle::model::tree {
namespace {

bool goes_left(const Forest& forest, const Node& node, float x) noexcept {
  if (std::isnan(x)) return node.default_left;
  if (node.set < 0) return x < node.value;
  const auto& set = forest.sets[static_cast<std::size_t>(node.set)];
  if (x < 0 || x >= static_cast<float>(set.size())) return true;
  return !set[static_cast<std::size_t>(x)];
}

}  // namespace

float walk(const Forest& forest, const Tree& tree, const float* row) noexcept {
  const Node* node = tree.nodes.data();
  while (node->left >= 0)
    node =
        &tree.nodes[static_cast<std::size_t>(goes_left(forest, *node, row[node->feature]) ? node->left : node->right)];
  return node->value;
}

void reference_predict(const Forest& forest, std::span<const float> row, std::span<float> out) noexcept {
  std::ranges::copy(forest.base, out.begin());
  for (const auto& tree : forest.trees) out[tree.group] += walk(forest, tree, row.data());
  apply_link(forest.link, out);
}

void apply_link(Link link, std::span<float> out) noexcept {
  switch (link) {
    case Link::Identity:
      return;
    case Link::Logistic:
      for (auto& x : out) x = 1.0F / (1.0F + std::exp(-x));
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
