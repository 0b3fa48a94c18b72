#include "model/tree/kernel.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

namespace fettle::model::tree {
namespace {

// Any forest: one tree after the other, node by node.
class WalkKernel final : public Kernel {
 public:
  explicit WalkKernel(const Forest& forest) noexcept : forest_(forest) {}
  void add(const float* rows, std::size_t n, float* margins) const noexcept override {
    const std::size_t groups = forest_.base.size();
    for (std::size_t r = 0; r < n; ++r)
      for (const auto& tree : forest_.trees)
        margins[r * groups + tree.group] += walk(forest_, tree, rows + r * forest_.features);
  }

 private:
  const Forest& forest_;
};

// Numeric trees of depth up to 8, each padded to a complete tree of the forest's depth, so that a walk is a fixed
// number of steps without branches; eight walks run interleaved to hide their latency: eight trees for one row, or
// eight rows for one tree.
class CompleteKernel final : public Kernel {
 public:
  static constexpr std::uint32_t kMaxDepth = 8;
  static constexpr std::size_t kLanes = 8;
  static constexpr std::size_t kRowBlock = 64;

  explicit CompleteKernel(const Forest& forest) : features_(forest.features), groups_(forest.base.size()) {
    for (const auto& tree : forest.trees) depth_ = std::max(depth_, tree.depth);
    for (const auto& tree : forest.trees) append(tree);
  }

  void add(const float* rows, std::size_t n, float* margins) const noexcept override {
    std::size_t r = 0;
    if (n >= kLanes)
      for (; r + kLanes <= n; r += std::min(kRowBlock, (n - r) / kLanes * kLanes))
        add_block(rows + r * features_, std::min(kRowBlock, (n - r) / kLanes * kLanes), margins + r * groups_);
    for (; r < n; ++r) add_row(rows + r * features_, margins + r * groups_);
  }

 private:
  struct Split {
    float threshold;
    std::uint32_t feature;  // bit 31: missing goes left
  };
  static constexpr std::uint32_t kLeftBit = 1U << 31U;

  [[nodiscard]] std::size_t splits() const noexcept { return (std::size_t{1} << depth_) - 1; }
  [[nodiscard]] std::size_t leaves() const noexcept { return std::size_t{1} << depth_; }

  void append(const Tree& tree) {
    const std::size_t first_split = splits_.size();
    const std::size_t first_leaf = leaves_.size();
    // A padded split sends everything left or right alike: both sides hold the same leaf.
    splits_.resize(first_split + splits(), Split{std::numeric_limits<float>::infinity(), 0});
    leaves_.resize(first_leaf + leaves());
    tree_groups_.push_back(tree.group);
    fill(tree, 0, 0, 0, first_split, first_leaf);
  }

  void fill(const Tree& tree, std::size_t node, std::size_t at, std::uint32_t level, std::size_t first_split,
            std::size_t first_leaf) {
    const auto& from = tree.nodes[node];
    if (from.left < 0) {
      const std::size_t width = std::size_t{1} << (depth_ - level);
      const std::size_t begin = first_leaf + ((at + 1) << (depth_ - level)) - leaves();
      std::fill_n(leaves_.begin() + static_cast<std::ptrdiff_t>(begin), width, from.value);
      return;
    }
    splits_[first_split + at] = {from.value, from.feature | (from.default_left ? kLeftBit : 0U)};
    fill(tree, static_cast<std::size_t>(from.left), 2 * at + 1, level + 1, first_split, first_leaf);
    fill(tree, static_cast<std::size_t>(from.right), 2 * at + 2, level + 1, first_split, first_leaf);
  }

  template <bool kMissing>
  static std::size_t right(const Split& split, const float* row) noexcept {
    const float x = row[split.feature & ~kLeftBit];
    if constexpr (!kMissing) return x >= split.threshold ? 1 : 0;
    return (x >= split.threshold) | (std::isnan(x) & (split.feature < kLeftBit)) ? 1 : 0;
  }

  // Leaf indices of kLanes walks; lane k walks the tree at `trees[k]` over the row at `rows[k]`.
  template <bool kMissing>
  void walk_lanes(const std::array<const Split*, kLanes>& trees, const std::array<const float*, kLanes>& rows,
                  std::array<std::size_t, kLanes>& at) const noexcept {
    at.fill(0);
    for (std::uint32_t level = 0; level < depth_; ++level)
      for (std::size_t k = 0; k < kLanes; ++k) at[k] = 2 * at[k] + 1 + right<kMissing>(trees[k][at[k]], rows[k]);
    for (auto& leaf : at) leaf -= splits();
  }

  [[nodiscard]] static bool has_missing(const float* values, std::size_t count) noexcept {
    bool found = false;
    for (std::size_t i = 0; i < count; ++i) found |= std::isnan(values[i]);
    return found;
  }

  void add_row(const float* row, float* margins) const noexcept {
    if (has_missing(row, features_))
      add_row_as<true>(row, margins);
    else
      add_row_as<false>(row, margins);
  }

  template <bool kMissing>
  void add_row_as(const float* row, float* margins) const noexcept {
    std::array<const Split*, kLanes> trees{};
    std::array<const float*, kLanes> rows{};
    std::array<std::size_t, kLanes> at{};
    rows.fill(row);
    const std::size_t count = tree_groups_.size();
    for (std::size_t t = 0; t < count; t += kLanes) {
      const std::size_t lanes = std::min(kLanes, count - t);
      for (std::size_t k = 0; k < kLanes; ++k) trees[k] = splits_.data() + (t + std::min(k, lanes - 1)) * splits();
      walk_lanes<kMissing>(trees, rows, at);
      for (std::size_t k = 0; k < lanes; ++k) margins[tree_groups_[t + k]] += leaves_[(t + k) * leaves() + at[k]];
    }
  }

  void add_block(const float* rows, std::size_t n, float* margins) const noexcept {
    if (has_missing(rows, n * features_))
      add_block_as<true>(rows, n, margins);
    else
      add_block_as<false>(rows, n, margins);
  }

  // REQUIRES: n is a multiple of kLanes.
  template <bool kMissing>
  void add_block_as(const float* rows, std::size_t n, float* margins) const noexcept {
    std::array<const Split*, kLanes> trees{};
    std::array<const float*, kLanes> lane_rows{};
    std::array<std::size_t, kLanes> at{};
    for (std::size_t t = 0; t < tree_groups_.size(); ++t) {
      trees.fill(splits_.data() + t * splits());
      const float* leaf = leaves_.data() + t * leaves();
      float* out = margins + tree_groups_[t];
      for (std::size_t r = 0; r < n; r += kLanes) {
        for (std::size_t k = 0; k < kLanes; ++k) lane_rows[k] = rows + (r + k) * features_;
        walk_lanes<kMissing>(trees, lane_rows, at);
        for (std::size_t k = 0; k < kLanes; ++k) out[(r + k) * groups_] += leaf[at[k]];
      }
    }
  }

  std::uint32_t depth_ = 0;
  std::size_t features_, groups_;
  std::vector<Split> splits_;  // trees one after the other, each a complete tree in breadth-first order
  std::vector<float> leaves_;
  std::vector<std::uint32_t> tree_groups_;
};

bool fits_complete(const Forest& forest) {
  return forest.sets.empty() &&
         std::ranges::all_of(forest.trees, [](const Tree& tree) { return tree.depth <= CompleteKernel::kMaxDepth; });
}

}  // namespace

std::unique_ptr<const Kernel> choose_kernel(const Forest& forest) {
  if (fits_complete(forest)) return std::make_unique<CompleteKernel>(forest);
  return std::make_unique<WalkKernel>(forest);
}

}  // namespace fettle::model::tree
