#include "model/tree/shap.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <set>

#include "base/text.h"
#include "model/tree/shap_simd.h"

namespace fettle::model::tree {
namespace {

constexpr double kLeastShare = 1e-30;  // so that factors can be divided by
constexpr std::size_t kFewRows = 4;    // as fast one by one as in a block

ShapPoints legendre(std::size_t n) {
  ShapPoints out{std::vector<float>(n), std::vector<float>(n)};
  for (std::size_t i = 0; i < n; ++i) {
    const auto order = static_cast<double>(n);
    double x = std::cos(std::numbers::pi * (static_cast<double>(i) + 0.75) / (order + 0.5)), slope = 1;
    for (int step = 0; step < 100; ++step) {  // Newton's, on the polynomial by its recurrence
      double last = 1, now = x;
      for (std::size_t k = 2; k <= n; ++k) {
        const auto j = static_cast<double>(k);
        last = std::exchange(now, ((2 * j - 1) * x * now - (j - 1) * last) / j);
      }
      slope = order * (x * now - last) / (x * x - 1);
      const double move = now / slope;
      x -= move;
      if (std::abs(move) < 1e-15) break;
    }
    out.at[i] = static_cast<float>((1 - x) / 2);
    out.weights[i] = static_cast<float>(1 / ((1 - x * x) * slope * slope));
  }
  return out;
}

// The share of a node's training rows that went on to a child.
double share(const Tree& tree, const Node& node, std::int32_t child) {
  const auto cover = [&](std::int32_t at) { return static_cast<double>(tree.covers[static_cast<std::size_t>(at)]); };
  const double both = cover(node.left) + cover(node.right);
  return both > 0 ? cover(child) / both : 0.5;
}

class Builder {
 public:
  Builder(const Forest& forest, const Tree& tree) noexcept : forest_(forest), tree_(tree) {}

  // The expected value of the tree's leaf comes with it.
  std::pair<ShapTree, double> build() {
    out_.group = tree_.group;
    if (const auto& root = tree_.nodes.front(); root.left >= 0)
      split(root, 1);
    else
      expected_ = static_cast<double>(root.value);
    out_.points = static_cast<std::uint32_t>((most_features_ + 1) / 2);
    return {std::move(out_), expected_};
  }

 private:
  struct Step {
    std::uint32_t feature;
    double z;
    bool again;
  };

  // What an edge leads to: a leaf, or the split that was appended.
  struct Below {
    float z = 1, value = 0;
    std::size_t split = 0;
    bool is_leaf = true;
  };

  void split(const Node& node, double reach) {
    const auto number = out_.splits.size();
    const auto before = std::ranges::find(path_.rbegin(), path_.rend(), node.feature, &Step::feature);
    const Step step{node.feature, before == path_.rend() ? 1 : before->z, before != path_.rend()};
    ShapSplit made{.threshold = node.value, .feature = node.feature, .default_left = node.default_left};
    made.before = static_cast<std::uint16_t>(path_.rend() - before);
    made.is_plain = node.set < 0 && (forest_.zero_is_missing.empty() || forest_.zero_is_missing[node.feature] == 0);
    out_.splits.push_back(made);
    out_.nodes.push_back(&node);
    const auto left = edge(node, node.left, step, reach), right = edge(node, node.right, step, reach);
    auto& out = out_.splits[number];
    out.left_z = left.z;
    out.left_value = left.value;
    out.left_is_leaf = left.is_leaf;
    out.right_z = right.z;
    out.right_value = right.value;
    out.right = static_cast<std::uint32_t>(right.split);
  }

  Below edge(const Node& node, std::int32_t child, Step step, double reach) {
    const double part = share(tree_, node, child);
    step.z = std::max(step.z * part, kLeastShare);
    path_.push_back(step);
    const auto& below = tree_.nodes[static_cast<std::size_t>(child)];
    Below out{.z = static_cast<float>(step.z), .is_leaf = below.left < 0};
    if (out.is_leaf) {
      out.value = below.value;
      expected_ += static_cast<double>(below.value) * reach * part;
      const auto features = static_cast<std::size_t>(std::ranges::count(path_, false, &Step::again));
      most_features_ = std::max(most_features_, features);
    } else {
      out.split = out_.splits.size();
      split(below, reach * part);
    }
    path_.pop_back();
    return out;
  }

  const Forest& forest_;
  const Tree& tree_;
  ShapTree out_;
  std::vector<Step> path_;
  std::size_t most_features_ = 0;
  double expected_ = 0;
};

}  // namespace

Result<TreeShap> TreeShap::of(const Forest& forest) {
  if (!forest.linears.empty())
    return fail(Code::Unimplemented, "trees with linear leaves have no SHAP values; train without linear_tree");
  TreeShap out;
  out.forest_ = &forest;
  std::vector<double> expected(forest.base.begin(), forest.base.end());
  std::size_t most_points = 1;
  for (const auto& tree : forest.trees) {
    if (tree.covers.empty())
      return fail(
          Code::Unimplemented,
          "the model file does not say how many rows reached each node; save it with XGBoost 1.0, LightGBM 2 or "
          "CatBoost 1 or later to have SHAP values");
    if (tree.depth > kMostDepth)
      return fail(Code::Unimplemented, text::format("a tree is {} splits deep; SHAP values are for trees of up to {}",
                                                    tree.depth, kMostDepth));
    auto [made, value] = Builder(forest, tree).build();
    expected[tree.group] += value;
    most_points = std::max<std::size_t>(most_points, made.points);
    if (!made.splits.empty()) out.trees_.push_back(std::move(made));
  }
  out.expected_.assign(expected.begin(), expected.end());
  out.points_.resize(1);
  for (std::size_t n = 1; n <= most_points; ++n) out.points_.push_back(legendre(n));
  return out;
}

void TreeShap::explain(std::span<const float> rows, std::span<float> out) const {
  const std::size_t width = forest_->base.size() * (forest_->features + 1);
  if (out.size() / width < kFewRows)
    explain_rows(rows, out);
  else
    explain_blocks(rows, out);
}

void TreeShap::explain_rows(std::span<const float> rows, std::span<float> out) const {
  begin(out);
  shap_functions().rows(*this, rows, out);
}

void TreeShap::explain_blocks(std::span<const float> rows, std::span<float> out) const {
  begin(out);
  shap_functions().blocks(*this, rows, out);
}

void TreeShap::begin(std::span<float> out) const noexcept {
  std::ranges::fill(out, 0.0F);
  for (std::size_t at = forest_->features; at < out.size(); at += forest_->features + 1)
    out[at] = expected_[at / (forest_->features + 1) % expected_.size()];
}

namespace {

// The expected value of a tree for a row of which only the features in `known` are known.
double expectation(const Forest& forest, const Tree& tree, std::size_t at, std::span<const float> row,
                   const std::set<std::uint32_t>& known) {
  const auto& node = tree.nodes[at];
  if (node.left < 0) return static_cast<double>(node.value);
  const auto below = [&](std::int32_t child) {
    return expectation(forest, tree, static_cast<std::size_t>(child), row, known);
  };
  if (known.contains(node.feature)) return below(goes_left(forest, node, row[node.feature]) ? node.left : node.right);
  return share(tree, node, node.left) * below(node.left) + share(tree, node, node.right) * below(node.right);
}

}  // namespace

void reference_shap(const Forest& forest, std::span<const float> row, std::span<double> out) {
  std::ranges::fill(out, 0.0);
  for (std::size_t g = 0; g < forest.base.size(); ++g)
    out[g * (forest.features + 1) + forest.features] = static_cast<double>(forest.base[g]);
  for (const auto& tree : forest.trees) {
    double* sums = out.data() + tree.group * (forest.features + 1);
    std::set<std::uint32_t> all;
    for (const auto& node : tree.nodes)
      if (node.left >= 0) all.insert(node.feature);
    const std::vector<std::uint32_t> features(all.begin(), all.end());
    sums[forest.features] += expectation(forest, tree, 0, row, {});
    for (std::size_t mask = 0; mask < std::size_t{1} << features.size(); ++mask) {
      std::set<std::uint32_t> known;
      for (std::size_t k = 0; k < features.size(); ++k)
        if ((mask >> k & 1U) != 0) known.insert(features[k]);
      // |known|! (d - 1 - |known|)! / d!
      const double size = static_cast<double>(known.size()), d = static_cast<double>(features.size());
      const double weight = std::exp(std::lgamma(size + 1) + std::lgamma(d - size) - std::lgamma(d + 1));
      const double without = expectation(forest, tree, 0, row, known);
      for (const auto feature : features) {
        if (known.contains(feature)) continue;
        auto with = known;
        with.insert(feature);
        sums[feature] += weight * (expectation(forest, tree, 0, row, with) - without);
      }
    }
  }
}

}  // namespace fettle::model::tree
