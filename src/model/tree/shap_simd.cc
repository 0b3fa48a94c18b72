// Compiled once for each kind of processor; the one that runs it chooses.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "model/tree/shap_simd.cc"
#include <hwy/foreach_target.h>
// After it:
#include <hwy/aligned_allocator.h>
#include <hwy/highway.h>

#include <algorithm>
#include <array>

#include "model/tree/shap_simd.h"

HWY_BEFORE_NAMESPACE();
namespace fettle::model::tree::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

// One row; a lane is a point of the quadrature. A tree with more points than lanes is walked several times.
template <class D>
class RowWalk {
  using V = hn::Vec<D>;

 public:
  RowWalk(const TreeShap& shap, const float* row) : shap_(shap), row_(row) {
    taken_[0].undo = hn::Set(kD, 1.0F);
    taken_[0].change = hn::Zero(kD);
  }

  // `sums`: a vector a feature.
  HWY_INLINE void add(const ShapTree& tree, float* sums) {
    tree_ = &tree;
    sums_ = sums;
    const auto& points = shap_.points(tree.points);
    for (std::size_t first = 0; first < tree.points; first += hn::Lanes(kD)) {
      const std::size_t count = std::min(tree.points - first, hn::Lanes(kD));
      t_[1] = hn::LoadNOr(hn::Set(kD, 0.5F), kD, points.at.data() + first, count);
      u_ = hn::Sub(hn::Set(kD, 1.0F), t_[1]);
      visit(tree.splits.data(), &taken_[1], hn::LoadN(kD, points.weights.data() + first, count));
    }
  }

 private:
  struct Taken {  // an edge that leads to a split
    V undo;       // 1 / its factor
    V change;     // (o - z) / its factor
    bool follows = true;
  };

  [[nodiscard]] HWY_INLINE bool goes_left(const ShapSplit* split) const {
    const float x = row_[split->feature];
    if (!split->is_plain) return tree::goes_left(shap_.forest(), *tree_->nodes[split - tree_->splits.data()], x);
    return (x < split->threshold) | (split->default_left & !(x >= split->threshold));
  }

  [[nodiscard]] HWY_INLINE V factor_of(float z, bool follows) const {
    return hn::MulAdd(hn::Set(kD, z), u_, t_[static_cast<std::size_t>(follows)]);
  }
  [[nodiscard]] static HWY_INLINE V change_of(float z, bool follows) {
    return hn::Set(kD, kFollows[static_cast<std::size_t>(follows)] - z);
  }

  // From the product over the path's features, the point's weight included, to the sum over the leaves below.
  // Recursion is as deep as the tree, which TreeShap bounds.
  V visit(const ShapSplit* split, Taken* taken, V product) {
    const auto& before = taken_[split->before];
    const bool left = goes_left(split);
    product = hn::Mul(product, before.undo);
    V sum = hn::Zero(kD), moved = hn::Zero(kD);
    const auto at_leaf = [&](bool follows, float z, float value) HWY_ATTR {
      const V leaf = hn::Mul(product, hn::Set(kD, value));
      sum = hn::MulAdd(leaf, factor_of(z, follows), sum);
      moved = hn::MulAdd(leaf, change_of(z, follows), moved);
    };
    const auto follow = [&](bool follows, float z, float value, const ShapSplit* below) HWY_ATTR {
      if (below == nullptr) return at_leaf(follows, z, value);
      const V factor = factor_of(z, follows), change = change_of(z, follows);
      taken->undo = hn::Div(hn::Set(kD, 1.0F), factor);
      taken->change = hn::Mul(change, taken->undo);
      taken->follows = follows;
      const V leaves = visit(below, taken + 1, hn::Mul(product, factor));
      sum = hn::Add(sum, leaves);
      moved = hn::MulAdd(leaves, taken->change, moved);
    };
    const bool to_left = left & before.follows, to_right = !left & before.follows;
    if (split->has_leaves()) {
      at_leaf(to_left, split->left_z, split->left_value);
      at_leaf(to_right, split->right_z, split->right_value);
    } else {
      follow(to_left, split->left_z, split->left_value, split->left_is_leaf ? nullptr : split + 1);
      follow(to_right, split->right_z, split->right_value,
             split->right == 0 ? nullptr : tree_->splits.data() + split->right);
    }
    moved = hn::NegMulAdd(sum, before.change, moved);
    float* to = sums_ + split->feature * hn::Lanes(kD);
    hn::Store(hn::Add(hn::Load(kD, to), moved), kD, to);
    return sum;
  }

  static constexpr D kD{};
  static constexpr float kFollows[2] = {0, 1};
  const TreeShap& shap_;
  const float* row_;
  const ShapTree* tree_ = nullptr;
  float* sums_ = nullptr;
  V t_[2] = {hn::Zero(kD), hn::Zero(kD)};  // by whether the row follows
  V u_ = hn::Zero(kD);
  Taken taken_[TreeShap::kMostDepth + 1];  // by level; the first stands for no split before
};

template <class D>
void rows_with(D d, const TreeShap& shap, std::span<const float> rows, std::span<float> out) {
  const auto& forest = shap.forest();
  const std::size_t features = forest.features, outputs = forest.base.size(), lanes = hn::Lanes(d);
  const auto sums = hwy::AllocateAligned<float>(outputs * features * lanes);
  for (std::size_t r = 0; r < out.size() / (outputs * (features + 1)); ++r) {
    std::fill_n(sums.get(), outputs * features * lanes, 0.0F);
    RowWalk<D> walk(shap, rows.data() + r * features);
    for (const auto& tree : shap.trees()) walk.add(tree, sums.get() + tree.group * features * lanes);
    for (std::size_t o = 0; o < outputs; ++o)
      for (std::size_t f = 0; f < features; ++f)
        out[(r * outputs + o) * (features + 1) + f] +=
            hn::ReduceSum(d, hn::Load(d, sums.get() + (o * features + f) * lanes));
  }
}

void rows(const TreeShap& shap, std::span<const float> rows, std::span<float> out) {
  if (shap.most_points() <= 4) return rows_with(hn::CappedTag<float, 4>(), shap, rows, out);
  if (shap.most_points() <= 8) return rows_with(hn::CappedTag<float, 8>(), shap, rows, out);
  rows_with(hn::CappedTag<float, 16>(), shap, rows, out);
}

// Rows in lanes, kPoints points of the quadrature at a time.

constexpr hn::ScalableTag<float> kFloats;
using Floats = hn::Vec<decltype(kFloats)>;
using Follows = hn::Mask<decltype(kFloats)>;

// What a product becomes if the row follows an edge, and if it doesn't; of a leaf, times its value.
template <std::size_t kPoints>
struct EdgeFactors {
  std::array<float, kPoints> yes, no;
  std::array<float, kPoints> change;  // (1 - z) / yes
  float leaf_yes = 0, leaf_no = 0;    // (o - z) value
};
template <std::size_t kPoints>
struct SplitFactors {
  EdgeFactors<kPoints> left, right;
  std::array<float, kPoints> undo_yes, undo_no, change;  // of the same feature's split before
};

template <std::size_t kPoints>
class BlockWalk {
  using Points = std::array<Floats, kPoints>;

 public:
  explicit BlockWalk(const TreeShap& shap) : shap_(shap) {}

  // `t`, `weights`: kPoints of each.
  void use(const ShapTree& tree, const float* t, const float* weights) {
    tree_ = &tree;
    weights_ = weights;
    factors_.resize(tree.splits.size());
    for (std::size_t q = 0; q < kPoints; ++q) {
      not_change_[q] = -1 / (1 - t[q]);
      for (std::size_t i = 0; i < factors_.size(); ++i) prepare(tree.splits[i], factors_[i], q, t[q]);
    }
  }

  // `columns`, `sums`: a vector a feature.
  void add(const float* columns, float* sums) {
    columns_ = columns;
    sums_ = sums;
    Points product;
    for (std::size_t q = 0; q < kPoints; ++q) product[q] = hn::Set(kFloats, weights_[q]);
    visit(0, 1, product);
  }

 private:
  static void prepare(float z, float value, bool is_leaf, EdgeFactors<kPoints>& out, std::size_t q, float t) {
    const float no = z * (1 - t), yes = no + t, times = is_leaf ? value : 1;
    out.yes[q] = yes * times;
    out.no[q] = no * times;
    out.change[q] = (1 - z) / yes;
    out.leaf_yes = (1 - z) * value;
    out.leaf_no = -z * value;
  }
  static void prepare(const ShapSplit& split, SplitFactors<kPoints>& out, std::size_t q, float t) {
    prepare(split.left_z, split.left_value, split.left_is_leaf, out.left, q, t);
    prepare(split.right_z, split.right_value, split.right == 0, out.right, q, t);
    const float z = split.left_z + split.right_z, no = z * (1 - t), yes = no + t;
    out.undo_yes[q] = 1 / yes;
    out.undo_no[q] = 1 / no;
    out.change[q] = (1 - z) / yes;
    if (is_plain_pair(split)) join(out.left, out.right, q);
  }
  // Two leaves of a feature's first split on the path: a row follows one edge and not the other, so that one look-up is
  // enough for both. Their factors are in `left`: those of rows that go left are `yes`.
  static bool is_plain_pair(const ShapSplit& split) noexcept { return split.before == 0 && split.has_leaves(); }
  static void join(EdgeFactors<kPoints>& left, const EdgeFactors<kPoints>& right, std::size_t q) {
    left.yes[q] += right.no[q];
    left.no[q] += right.yes[q];
    if (q + 1 < kPoints) return;  // the others are made anew for each point
    left.leaf_yes += right.leaf_no;
    left.leaf_no += right.leaf_yes;
  }

  static HWY_INLINE Floats either(Follows follows, float yes, float no) {
    return hn::IfThenElse(follows, hn::Set(kFloats, yes), hn::Set(kFloats, no));
  }

  [[nodiscard]] HWY_INLINE Follows goes_left(std::size_t number) const {
    const auto& split = tree_->splits[number];
    const float* column = columns_ + split.feature * hn::Lanes(kFloats);
    if (split.is_plain) {
      const auto x = hn::Load(kFloats, column), threshold = hn::Set(kFloats, split.threshold);
      return split.default_left ? hn::Not(hn::Ge(x, threshold)) : hn::Lt(x, threshold);
    }
    HWY_ALIGN std::array<float, hn::MaxLanes(kFloats)> left;
    for (std::size_t r = 0; r < hn::Lanes(kFloats); ++r)
      left[r] = tree::goes_left(shap_.forest(), *tree_->nodes[number], column[r]) ? 1.0F : 0.0F;
    return hn::Gt(hn::Load(kFloats, left.data()), hn::Zero(kFloats));
  }

  Points visit(std::size_t number, std::size_t level, Points product) {
    const auto& split = tree_->splits[number];
    const auto& factors = factors_[number];
    auto left = goes_left(number);
    auto right = hn::Not(left);
    Follows before = left;
    if (split.before != 0) {
      before = follows_[split.before];
      left = hn::And(left, before);
      right = hn::And(right, before);
      for (std::size_t q = 0; q < kPoints; ++q)
        product[q] = hn::Mul(product[q], either(before, factors.undo_yes[q], factors.undo_no[q]));
    }
    Points sum;
    Floats moved = hn::Zero(kFloats), all = hn::Zero(kFloats);
    if (split.left_is_leaf || split.right == 0)
      for (std::size_t q = 0; q < kPoints; ++q) all = hn::Add(all, product[q]);
    if (is_plain_pair(split)) {
      for (std::size_t q = 0; q < kPoints; ++q)
        sum[q] = hn::Mul(product[q], either(left, factors.left.yes[q], factors.left.no[q]));
      moved = hn::Mul(all, either(left, factors.left.leaf_yes, factors.left.leaf_no));
      return finish(split, factors, before, sum, moved);
    }
    if (split.left_is_leaf) {
      for (std::size_t q = 0; q < kPoints; ++q)
        sum[q] = hn::Mul(product[q], either(left, factors.left.yes[q], factors.left.no[q]));
      moved = hn::Mul(all, either(left, factors.left.leaf_yes, factors.left.leaf_no));
    } else {
      sum = descend(number + 1, left, factors.left, level, product, moved);
    }
    if (split.right == 0) {
      for (std::size_t q = 0; q < kPoints; ++q)
        sum[q] = hn::MulAdd(product[q], either(right, factors.right.yes[q], factors.right.no[q]), sum[q]);
      moved = hn::MulAdd(all, either(right, factors.right.leaf_yes, factors.right.leaf_no), moved);
    } else {
      const auto below = descend(split.right, right, factors.right, level, product, moved);
      for (std::size_t q = 0; q < kPoints; ++q) sum[q] = hn::Add(sum[q], below[q]);
    }
    return finish(split, factors, before, sum, moved);
  }

  HWY_INLINE Points finish(const ShapSplit& split, const SplitFactors<kPoints>& factors, Follows before,
                           const Points& sum, Floats moved) {
    if (split.before != 0)
      for (std::size_t q = 0; q < kPoints; ++q)
        moved = hn::NegMulAdd(sum[q], either(before, factors.change[q], not_change_[q]), moved);
    float* to = sums_ + split.feature * hn::Lanes(kFloats);
    hn::Store(hn::Add(hn::Load(kFloats, to), moved), kFloats, to);
    return sum;
  }

  HWY_INLINE Points descend(std::size_t number, Follows follows, const EdgeFactors<kPoints>& factors, std::size_t level,
                            const Points& product, Floats& moved) {
    Points below;
    for (std::size_t q = 0; q < kPoints; ++q)
      below[q] = hn::Mul(product[q], either(follows, factors.yes[q], factors.no[q]));
    follows_[level] = follows;
    below = visit(number, level + 1, below);
    for (std::size_t q = 0; q < kPoints; ++q)
      moved = hn::MulAdd(below[q], either(follows, factors.change[q], not_change_[q]), moved);
    return below;
  }

  const TreeShap& shap_;
  const ShapTree* tree_ = nullptr;
  const float* weights_ = nullptr;
  const float* columns_ = nullptr;
  float* sums_ = nullptr;
  std::vector<SplitFactors<kPoints>> factors_;             // of the tree's splits
  std::array<float, kPoints> not_change_;                  // -z / no, whatever z is
  std::array<Follows, TreeShap::kMostDepth + 1> follows_;  // by level
};

// Some rows turned round: a vector a feature of each block, and the sums in the same form.
class Blocks {
 public:
  static constexpr std::size_t kMostBytes = 1 << 18;  // of columns and sums each, so that they stay in a core's cache

  explicit Blocks(const Forest& forest)
      : features_(forest.features),
        outputs_(forest.base.size()),
        most_(std::clamp<std::size_t>(
            kMostBytes / (kLanes * sizeof(float) * std::max<std::size_t>(1, features_ * outputs_)), 1, 32)),
        columns_(hwy::AllocateAligned<float>(most_ * features_ * kLanes)),
        sums_(hwy::AllocateAligned<float>(most_ * outputs_ * features_ * kLanes)) {}

  [[nodiscard]] std::size_t most_rows() const noexcept { return most_ * kLanes; }
  [[nodiscard]] std::size_t count() const noexcept { return count_; }
  [[nodiscard]] const float* columns(std::size_t block) const noexcept {
    return columns_.get() + block * features_ * kLanes;
  }
  [[nodiscard]] float* sums(std::size_t block, std::size_t output) const noexcept {
    return sums_.get() + (block * outputs_ + output) * features_ * kLanes;
  }

  void read(const float* rows, std::size_t n) {
    count_ = (n + kLanes - 1) / kLanes;
    std::fill_n(sums_.get(), count_ * outputs_ * features_ * kLanes, 0.0F);
    for (std::size_t r = 0; r < count_ * kLanes; ++r)
      for (std::size_t f = 0; f < features_; ++f)
        columns_[(r / kLanes * features_ + f) * kLanes + r % kLanes] = r < n ? rows[r * features_ + f] : 0;
  }
  void write(float* out, std::size_t n) const {
    for (std::size_t r = 0; r < n; ++r)
      for (std::size_t o = 0; o < outputs_; ++o)
        for (std::size_t f = 0; f < features_; ++f)
          out[(r * outputs_ + o) * (features_ + 1) + f] += sums(r / kLanes, o)[f * kLanes + r % kLanes];
  }

 private:
  static constexpr std::size_t kLanes = hn::MaxLanes(kFloats);
  std::size_t features_, outputs_, most_, count_ = 0;
  hwy::AlignedFreeUniquePtr<float[]> columns_, sums_;
};

struct Walks {
  explicit Walks(const TreeShap& shap) : one(shap), two(shap), three(shap), four(shap), eight(shap) {}

  void add(const ShapTree& tree, const ShapPoints& points, const Blocks& blocks) {
    for (std::size_t first = 0; first < tree.points;) {
      const std::size_t left = tree.points - first;
      const auto with = [&](auto& walk, std::size_t count) {
        walk.use(tree, points.at.data() + first, points.weights.data() + first);
        for (std::size_t b = 0; b < blocks.count(); ++b) walk.add(blocks.columns(b), blocks.sums(b, tree.group));
        first += count;
      };
      if (left >= 8)
        with(eight, 8);
      else if (left >= 4)
        with(four, 4);
      else if (left == 3)
        with(three, 3);
      else if (left == 2)
        with(two, 2);
      else
        with(one, 1);
    }
  }

  BlockWalk<1> one;
  BlockWalk<2> two;
  BlockWalk<3> three;
  BlockWalk<4> four;
  BlockWalk<8> eight;
};

void blocks(const TreeShap& shap, std::span<const float> rows, std::span<float> out) {
  const auto& forest = shap.forest();
  const std::size_t width = forest.base.size() * (forest.features + 1), all = out.size() / width;
  Blocks blocks(forest);
  const auto walks = std::make_unique<Walks>(shap);
  for (std::size_t r = 0; r < all; r += blocks.most_rows()) {
    const std::size_t n = std::min(blocks.most_rows(), all - r);
    blocks.read(rows.data() + r * forest.features, n);
    for (const auto& tree : shap.trees()) walks->add(tree, shap.points(tree.points), blocks);
    blocks.write(out.data() + r * width, n);
  }
}

ShapFunctions shap_kernels() { return {rows, blocks}; }

}  // namespace fettle::model::tree::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace fettle::model::tree {

HWY_EXPORT(shap_kernels);

ShapFunctions shap_functions() { return HWY_DYNAMIC_DISPATCH(shap_kernels)(); }

}  // namespace fettle::model::tree
#endif
