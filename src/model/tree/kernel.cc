#include "model/tree/kernel.h"

#include <algorithm>
#include <array>
#include <bit>
#include <chrono>
#include <cmath>
#include <limits>
#include <utility>

#include "base/rng.h"
#include "model/tree/grown.h"
#include "model/tree/oblivious.h"
#include "model/tree/sliced.h"

namespace fettle::model::tree {
namespace {

// Any forest: one tree after the other, node by node.
class WalkKernel final : public Kernel {
 public:
  explicit WalkKernel(const Forest& forest) : forest_(forest), trees_(forest.base.size()) {
    for (const auto& tree : forest.trees) trees_[tree.group].push_back(&tree);
  }
  void add(const float* rows, std::size_t n, float* margins) const noexcept override {
    for (std::size_t r = 0; r < n; ++r, rows += forest_.features)
      for (const auto& trees : trees_) {
        *margins = forest_.wide_sums ? static_cast<float>(sum<double>(trees, rows, *margins))
                                     : sum<float>(trees, rows, *margins);
        ++margins;
      }
  }

 private:
  template <typename Sum>
  [[nodiscard]] Sum sum(const std::vector<const Tree*>& trees, const float* row, Sum from) const noexcept {
    for (const auto* tree : trees) from += static_cast<Sum>(walk(forest_, *tree, row));
    return from;
  }

  const Forest& forest_;
  std::vector<std::vector<const Tree*>> trees_;  // by output
};

// Trees of depth up to 8, each padded to a complete tree of the forest's depth, so that a walk is a fixed number of
// steps without branches; eight walks run interleaved to hide their latency: eight trees for one row, or eight rows for
// one tree. Sets of categories are bit maps of one length for all, a map a split. A row is copied, once for all trees,
// with a value more for each feature that sets test: its code. Two codes more stand for what is out of range, which is
// in no set, and for what is missing, which is in the set if it goes right.
class CompleteKernel final : public Kernel {
 public:
  static constexpr std::uint32_t kMaxDepth = 8;
  static constexpr std::size_t kLanes = 8;
  static constexpr std::size_t kRowBlock = 64;

  explicit CompleteKernel(const Forest& forest)
      : features_(forest.features), width_(forest.features), groups_(forest.base.size()), slots_(forest.features) {
    for (const auto& set : forest.sets) codes_ = std::max(codes_, static_cast<std::uint32_t>(set.size()));
    for (const auto feature : set_features(forest)) {
      slots_[feature] = static_cast<std::uint32_t>(width_++);
      coded_.push_back(feature);
    }
    for (const auto& tree : forest.trees) depth_ = std::max(depth_, tree.depth);
    for (const auto& tree : forest.trees) append(tree, forest.sets);
  }

  void add(const float* rows, std::size_t n, float* margins) const noexcept override {
    std::size_t r = 0;
    for (std::size_t count = 0; r + kLanes <= n; r += count) {
      count = std::min(block_rows(), (n - r) / kLanes * kLanes);
      add_block(rows + r * features_, count, margins + r * groups_);
    }
    for (; r < n; ++r) add_row(rows + r * features_, margins + r * groups_);
  }

  // A code and a set's offset have a float's place, hence few bits; copied rows have their place on the stack.
  [[nodiscard]] static bool fits(const Forest& forest) {
    std::size_t missing_code = 1, splits = 0;  // the largest code there is
    for (const auto& set : forest.sets) missing_code = std::max(missing_code, set.size() + 1);
    for (const auto& tree : forest.trees)
      splits += static_cast<std::size_t>(std::ranges::count_if(tree.nodes, [](const Node& n) { return n.set >= 0; }));
    return !forest.wide_sums && forest.linears.empty() && forest.zero_is_missing.empty() &&
           missing_code <= kOffsetMask && (missing_code / kWordBits + 1) * splits <= kOffsetMask &&
           (splits == 0 || (forest.features + set_features(forest).size()) * kLanes <= kCopied) &&
           std::ranges::all_of(forest.trees, [](const Tree& tree) { return tree.depth <= kMaxDepth; });
  }

 private:
  struct Split {
    float threshold;        // of a set: kSetBase plus its offset in words_, as bits, which make a normal number
    std::uint32_t feature;  // place in the row; bit 31: missing goes left; bit 30: a set
  };
  static constexpr std::uint32_t kLeftBit = 1U << 31U, kSetBit = 1U << 30U, kFeatureMask = kSetBit - 1;
  static constexpr std::uint32_t kWordBits = 32, kSetBase = 0x3F80'0000U, kOffsetMask = 0x7F'FFFFU;
  static constexpr std::size_t kCopied = 4096;  // values of copied rows

  [[nodiscard]] static std::vector<std::uint32_t> set_features(const Forest& forest) {
    std::vector<std::uint32_t> out;
    for (const auto& tree : forest.trees)
      for (const auto& node : tree.nodes)
        if (node.set >= 0) out.push_back(node.feature);
    std::ranges::sort(out);
    const auto repeats = std::ranges::unique(out);
    out.erase(repeats.begin(), repeats.end());
    return out;
  }

  [[nodiscard]] std::size_t block_rows() const noexcept {
    return coded_.empty() ? kRowBlock : std::min(kRowBlock, kCopied / width_ / kLanes * kLanes);
  }

  [[nodiscard]] std::size_t splits() const noexcept { return (std::size_t{1} << depth_) - 1; }
  [[nodiscard]] std::size_t leaves() const noexcept { return std::size_t{1} << depth_; }

  [[nodiscard]] std::uint32_t set_words() const noexcept { return (codes_ + 1) / kWordBits + 1; }

  // Codes from codes_ on: out of range, missing.
  [[nodiscard]] float coded(float x) const noexcept {
    const auto code = x >= 0 && x < static_cast<float>(codes_) ? static_cast<std::uint32_t>(x) : codes_;
    return std::bit_cast<float>(kSetBase | (std::isnan(x) ? codes_ + 1 : code));
  }

  // The set's offset.
  std::uint32_t append(const std::vector<bool>& set, bool missing_goes_right) {
    const std::size_t first = words_.size();
    words_.resize(first + set_words());
    const auto put = [&](std::size_t code) { words_[first + code / kWordBits] |= 1U << (code % kWordBits); };
    for (std::size_t code = 0; code < set.size(); ++code)
      if (set[code]) put(code);
    if (missing_goes_right) put(codes_ + 1);
    return static_cast<std::uint32_t>(first);
  }

  void append(const Tree& tree, const std::vector<std::vector<bool>>& sets) {
    const std::size_t first_split = splits_.size();
    const std::size_t first_leaf = leaves_.size();
    // A padded split sends everything left or right alike: both sides hold the same leaf.
    splits_.resize(first_split + splits(), Split{std::numeric_limits<float>::infinity(), 0});
    leaves_.resize(first_leaf + leaves());
    tree_groups_.push_back(tree.group);
    fill({tree, sets, first_split, first_leaf}, 0, 0, 0);
  }

  struct Filling {
    const Tree& tree;
    const std::vector<std::vector<bool>>& sets;
    std::size_t first_split, first_leaf;
  };

  void fill(const Filling& into, std::size_t node, std::size_t at, std::uint32_t level) {
    const auto& from = into.tree.nodes[node];
    if (from.left < 0) {
      const std::size_t width = std::size_t{1} << (depth_ - level);
      const std::size_t begin = into.first_leaf + ((at + 1) << (depth_ - level)) - leaves();
      std::fill_n(leaves_.begin() + static_cast<std::ptrdiff_t>(begin), width, from.value);
      return;
    }
    auto& split = splits_[into.first_split + at];
    split = {from.value, from.feature | (from.default_left ? kLeftBit : 0U)};
    if (from.set >= 0)
      split = {
          std::bit_cast<float>(kSetBase | append(into.sets[static_cast<std::size_t>(from.set)], !from.default_left)),
          slots_[from.feature] | kLeftBit | kSetBit};
    fill(into, static_cast<std::size_t>(from.left), 2 * at + 1, level + 1);
    fill(into, static_cast<std::size_t>(from.right), 2 * at + 2, level + 1);
  }

  // What a split on a threshold would read here is masked away.
  [[nodiscard]] bool in_set(const Split& split, float x) const noexcept {
    const auto mask = (0U - (split.feature >> 30U & 1U)) & kOffsetMask;
    const auto code = std::bit_cast<std::uint32_t>(x) & mask;
    const auto offset = std::bit_cast<std::uint32_t>(split.threshold) & mask;
    return (words_[offset + code / kWordBits] >> (code % kWordBits) & 1U) != 0;
  }

  template <bool kMissing, bool kSets>
  [[nodiscard]] std::size_t right(const Split& split, const float* row) const noexcept {
    const float x = row[split.feature & kFeatureMask];
    bool goes = x >= split.threshold;
    if constexpr (kSets) goes = split.feature & kSetBit ? in_set(split, x) : goes;
    if constexpr (kMissing) goes = goes | (std::isnan(x) & ((split.feature & kLeftBit) == 0));
    return goes ? 1 : 0;
  }

  // Leaf indices of kLanes walks; lane k walks the tree at `trees[k]` over the row at `rows[k]`.
  template <bool kMissing, bool kSets>
  void walk_lanes(const std::array<const Split*, kLanes>& trees, const std::array<const float*, kLanes>& rows,
                  std::array<std::size_t, kLanes>& at) const noexcept {
    at.fill(0);
    for (std::uint32_t level = 0; level < depth_; ++level)
      for (std::size_t k = 0; k < kLanes; ++k) at[k] = 2 * at[k] + 1 + right<kMissing, kSets>(trees[k][at[k]], rows[k]);
    for (auto& leaf : at) leaf -= splits();
  }

  [[nodiscard]] static bool has_missing(const float* values, std::size_t count) noexcept {
    bool found = false;
    for (std::size_t i = 0; i < count; ++i) found |= std::isnan(values[i]);
    return found;
  }

  // The rows with the codes of their features, in `copied`.
  void copy_rows(const float* rows, std::size_t n, float* copied) const noexcept {
    for (std::size_t r = 0; r < n; ++r, rows += features_) {
      copied = std::copy_n(rows, features_, copied);
      for (const auto feature : coded_) *copied++ = coded(rows[feature]);
    }
  }

  void add_row(const float* row, float* margins) const noexcept {
    const bool missing = has_missing(row, features_);
    if (coded_.empty()) return missing ? add_row_as<true, false>(row, margins) : add_row_as<false, false>(row, margins);
    std::array<float, kCopied> copied;
    copy_rows(row, 1, copied.data());
    missing ? add_row_as<true, true>(copied.data(), margins) : add_row_as<false, true>(copied.data(), margins);
  }

  template <bool kMissing, bool kSets>
  void add_row_as(const float* row, float* margins) const noexcept {
    std::array<const Split*, kLanes> trees{};
    std::array<const float*, kLanes> rows{};
    std::array<std::size_t, kLanes> at{};
    rows.fill(row);
    const std::size_t count = tree_groups_.size();
    for (std::size_t t = 0; t < count; t += kLanes) {
      const std::size_t lanes = std::min(kLanes, count - t);
      for (std::size_t k = 0; k < kLanes; ++k) trees[k] = splits_.data() + (t + std::min(k, lanes - 1)) * splits();
      walk_lanes<kMissing, kSets>(trees, rows, at);
      for (std::size_t k = 0; k < lanes; ++k) margins[tree_groups_[t + k]] += leaves_[(t + k) * leaves() + at[k]];
    }
  }

  void add_block(const float* rows, std::size_t n, float* margins) const noexcept {
    const bool missing = has_missing(rows, n * features_);
    if (coded_.empty())
      return missing ? add_block_as<true, false>(rows, n, margins) : add_block_as<false, false>(rows, n, margins);
    std::array<float, kCopied> copied;
    copy_rows(rows, n, copied.data());
    missing ? add_block_as<true, true>(copied.data(), n, margins)
            : add_block_as<false, true>(copied.data(), n, margins);
  }

  // REQUIRES: n is a multiple of kLanes.
  template <bool kMissing, bool kSets>
  void add_block_as(const float* rows, std::size_t n, float* margins) const noexcept {
    std::array<const Split*, kLanes> trees{};
    std::array<const float*, kLanes> lane_rows{};
    std::array<std::size_t, kLanes> at{};
    for (std::size_t t = 0; t < tree_groups_.size(); ++t) {
      trees.fill(splits_.data() + t * splits());
      const float* leaf = leaves_.data() + t * leaves();
      float* out = margins + tree_groups_[t];
      for (std::size_t r = 0; r < n; r += kLanes) {
        for (std::size_t k = 0; k < kLanes; ++k) lane_rows[k] = rows + (r + k) * width_;
        walk_lanes<kMissing, kSets>(trees, lane_rows, at);
        for (std::size_t k = 0; k < kLanes; ++k) out[(r + k) * groups_] += leaf[at[k]];
      }
    }
  }

  std::uint32_t depth_ = 0;
  std::uint32_t codes_ = 0;                // of the longest set
  std::size_t features_, width_, groups_;  // width_: values of a copied row
  std::vector<std::uint32_t> slots_;       // feature -> place of its code in a copied row
  std::vector<std::uint32_t> coded_;       // features that sets test
  std::vector<Split> splits_;              // trees one after the other, each a complete tree in breadth-first order
  std::vector<float> leaves_;
  std::vector<std::uint32_t> words_;  // bits of the sets
  std::vector<std::uint32_t> tree_groups_;
};

// Blocks of rows, each of them as full as it can be.
template <typename Compiled, typename Functions>
class BlockKernel final : public Kernel {
 public:
  BlockKernel(std::shared_ptr<const Compiled> forest, Functions functions) noexcept
      : forest_(std::move(forest)), functions_(functions) {}
  void add(const float* rows, std::size_t n, float* margins) const noexcept override {
    for (std::size_t r = 0; r < n; r += kBlockRows)
      functions_.block(*forest_, rows + r * forest_->features, std::min(kBlockRows, n - r),
                       margins + r * forest_->outputs);
  }

 private:
  std::shared_ptr<const Compiled> forest_;
  Functions functions_;
};

// Row by row.
template <typename Compiled, typename Functions>
class RowKernel final : public Kernel {
 public:
  RowKernel(std::shared_ptr<const Compiled> forest, Functions functions) noexcept
      : forest_(std::move(forest)), functions_(functions) {}
  void add(const float* rows, std::size_t n, float* margins) const noexcept override {
    for (std::size_t r = 0; r < n; ++r)
      functions_.row(*forest_, rows + r * forest_->features, margins + r * forest_->outputs);
  }

 private:
  std::shared_ptr<const Compiled> forest_;
  Functions functions_;
};

// One kernel for few rows, another for blocks of at least `least` rows.
class ChosenKernel final : public Kernel {
 public:
  ChosenKernel(const Forest& forest, std::unique_ptr<const Kernel> few, std::unique_ptr<const Kernel> many,
               std::size_t least) noexcept
      : features_(forest.features),
        outputs_(forest.base.size()),
        few_(std::move(few)),
        many_(std::move(many)),
        least_(least) {}
  void add(const float* rows, std::size_t n, float* margins) const noexcept override {
    const std::size_t rest = n % kBlockRows;
    const std::size_t whole = rest >= least_ ? n : n - rest;
    if (whole > 0) many_->add(rows, whole, margins);
    if (whole < n) few_->add(rows + whole * features_, n - whole, margins + whole * outputs_);
  }

 private:
  std::size_t features_, outputs_;
  std::unique_ptr<const Kernel> few_, many_;
  std::size_t least_;
};

// The least time of some calls, in nanoseconds.
double time_of(const Kernel& kernel, const std::vector<float>& rows, std::size_t n, std::vector<float>& margins) {
  constexpr int kTries = 4;
  auto least = std::numeric_limits<double>::infinity();
  for (int i = 0; i < kTries; ++i) {
    const auto start = std::chrono::steady_clock::now();
    kernel.add(rows.data(), n, margins.data());
    least = std::min(least, std::chrono::duration<double, std::nano>(std::chrono::steady_clock::now() - start).count());
  }
  return least;
}

std::vector<float> trial_rows(const Forest& forest) {
  Rng rng(1);
  std::vector<float> rows(kBlockRows * forest.features);
  for (auto& x : rows) x = static_cast<float>(rng.normal());
  return rows;
}

NamedKernel take_fastest(std::vector<NamedKernel>& kernels, const std::vector<double>& times) {
  const auto best = std::ranges::min_element(times) - times.begin();
  return std::move(kernels[static_cast<std::size_t>(best)]);
}

template <typename Functions, typename Compiled>
void add_compiled(std::vector<NamedKernel>& out, std::string_view blocks, std::string_view rows,
                  const std::optional<Functions>& functions, std::optional<Compiled> compiled) {
  if (!functions || !compiled) return;
  const auto shared = std::make_shared<const Compiled>(*std::move(compiled));
  out.push_back({blocks, std::make_unique<BlockKernel<Compiled, Functions>>(shared, *functions)});
  if (shared->scores_rows())
    out.push_back({rows, std::make_unique<RowKernel<Compiled, Functions>>(shared, *functions)});
}

}  // namespace

std::vector<NamedKernel> all_kernels(const Forest& forest) {
  std::vector<NamedKernel> out;
  if (const auto codes = kernel_codes(forest)) {
    add_compiled(out, "sliced blocks", "sliced rows", sliced_functions(), Sliced::of(forest, *codes));
    add_compiled(out, "oblivious blocks", "oblivious rows", oblivious_functions(), Oblivious::of(forest, *codes));
    add_compiled(out, "grown blocks", "grown rows", grown_functions(), Grown::of(forest, *codes));
  }
  if (CompleteKernel::fits(forest)) out.push_back({"complete", std::make_unique<CompleteKernel>(forest)});
  out.push_back({"walk", std::make_unique<WalkKernel>(forest)});
  return out;
}

std::unique_ptr<const Kernel> choose_kernel(const Forest& forest) {
  auto kernels = all_kernels(forest);
  if (kernels.size() > 1) kernels.pop_back();  // a walk is never faster than another
  if (kernels.size() == 1 || forest.features > kMostFeatures) return std::move(kernels.front().kernel);
  const auto rows = trial_rows(forest);
  std::vector<float> margins(kBlockRows * forest.base.size());
  std::vector<double> row_times, block_times;
  for (const auto& [name, kernel] : kernels) {
    row_times.push_back(time_of(*kernel, rows, 1, margins));
    block_times.push_back(time_of(*kernel, rows, kBlockRows, margins));
  }
  const double row = std::ranges::min(row_times), block = std::ranges::min(block_times);
  const auto least = static_cast<std::size_t>(std::clamp(std::ceil(block / row), 1.0, double{kBlockRows}));
  auto few = take_fastest(kernels, row_times);
  auto many = take_fastest(kernels, block_times);
  if (!many.kernel) return std::move(few.kernel);  // one is best at both
  return std::make_unique<ChosenKernel>(forest, std::move(few.kernel), std::move(many.kernel), least);
}

}  // namespace fettle::model::tree
