#include "model/tree/lightgbm.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>
#include <map>
#include <vector>

#include "base/text.h"

namespace fettle::model::tree {
namespace lightgbm {
namespace {

constexpr std::size_t kMostFeatures = 1 << 24, kMostLeaves = 1 << 24, kMostOutputs = 100'000, kMostCategories = 1 << 24;
constexpr std::uint32_t kCategorical = 1, kDefaultLeft = 2;
enum class Missing : std::uint8_t { None, Zero, Nan };

std::unexpected<Error> broken(std::string_view what) {
  return fail(Code::DataLoss, text::format("not a whole LightGBM model: {}", what));
}

using Section = std::map<std::string_view, std::string_view>;  // its lines "key=value"; a line without "=" has no value

Result<std::string_view> entry(const Section& section, std::string_view key) {
  const auto found = section.find(key);
  if (found == section.end()) return broken(text::format("'{}' is missing", key));
  return found->second;
}

template <typename Number>
Result<Number> number(std::string_view text, std::string_view key) {
  Number out{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  if (error != std::errc() || end != text.data() + text.size())
    return broken(text::format("'{}' holds '{}'", key, text.substr(0, 40)));
  return out;
}

// `size` numbers between spaces.
template <typename Number>
Result<std::vector<Number>> numbers(const Section& section, std::string_view key, std::size_t size) {
  FETTLE_TRY(auto rest, entry(section, key));
  std::vector<Number> out;
  while (!(rest = text::trim(rest)).empty()) {
    const auto part = rest.substr(0, rest.find(' '));
    FETTLE_TRY(const auto value, number<Number>(part, key));
    out.push_back(value);
    rest.remove_prefix(part.size());
  }
  if (out.size() != size) return broken(text::format("'{}' has {} entries instead of {}", key, out.size(), size));
  return out;
}

Result<std::size_t> size(const Section& section, std::string_view key, std::size_t most) {
  FETTLE_TRY(const auto text, entry(section, key));
  FETTLE_TRY(const auto value, number<std::int64_t>(text, key));
  if (value < 0 || static_cast<std::size_t>(value) > most) return broken(text::format("'{}' is {}", key, value));
  return static_cast<std::size_t>(value);
}

// The sections of a text: the header, then one a tree; what follows "end of trees" is left out.
std::vector<Section> sections_of(std::string_view text) {
  std::vector<Section> out(1);
  while (!text.empty()) {
    auto line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(line.size() + 1, text.size()));
    line = text::trim(line);
    if (line == "end of trees") break;
    if (line.starts_with("Tree=")) out.emplace_back();
    const auto sign = line.find('=');
    out.back().emplace(line.substr(0, sign),
                       sign == std::string_view::npos ? std::string_view() : line.substr(sign + 1));
  }
  return out;
}

// The least 32-bit value above a 64-bit one: x <= t holds iff x < above(t), for every x of 32 bits.
float above(double threshold) {
  const auto near = static_cast<float>(threshold);
  return static_cast<double>(near) > threshold ? near : std::nextafter(near, std::numeric_limits<float>::infinity());
}

struct TreeColumns {
  std::vector<std::int64_t> features, left, right;
  std::vector<std::uint32_t> decisions;
  std::vector<double> thresholds, leaves;
  std::vector<float> split_covers, leaf_covers;  // empty: not said
};

Result<TreeColumns> read_columns(const Section& section, std::size_t leaves) {
  TreeColumns out;
  FETTLE_TRY(out.leaves, numbers<double>(section, "leaf_value", leaves));
  if (leaves < 2) return out;
  FETTLE_TRY(out.features, numbers<std::int64_t>(section, "split_feature", leaves - 1));
  FETTLE_TRY(out.thresholds, numbers<double>(section, "threshold", leaves - 1));
  FETTLE_TRY(out.decisions, numbers<std::uint32_t>(section, "decision_type", leaves - 1));
  FETTLE_TRY(out.left, numbers<std::int64_t>(section, "left_child", leaves - 1));
  FETTLE_TRY(out.right, numbers<std::int64_t>(section, "right_child", leaves - 1));
  if (!section.contains("internal_count") || !section.contains("leaf_count")) return out;
  FETTLE_TRY(out.split_covers, numbers<float>(section, "internal_count", leaves - 1));
  FETTLE_TRY(out.leaf_covers, numbers<float>(section, "leaf_count", leaves));
  return out;
}

// Reads one tree: splits are nodes 0 to splits - 1, leaves follow.
class TreeReader {
 public:
  TreeReader(const Section& section, Forest& forest, double scale) noexcept
      : section_(section), forest_(forest), scale_(scale) {}

  Result<Tree> read() {
    FETTLE_TRY(const auto leaves, size(section_, "num_leaves", kMostLeaves));
    if (leaves == 0) return broken("a tree without leaves");
    FETTLE_TRY(columns_, read_columns(section_, leaves));
    splits_ = leaves - 1;
    tree_.nodes.resize(splits_ + leaves);
    for (std::size_t i = 0; i < leaves; ++i)
      tree_.nodes[splits_ + i].value = static_cast<float>(columns_.leaves[i] * scale_);
    tree_.covers = leaves == 1 ? std::vector<float>{1} : columns_.split_covers;
    tree_.covers.insert(tree_.covers.end(), columns_.leaf_covers.begin(), columns_.leaf_covers.end());
    FETTLE_TRY_(read_sets());
    for (std::size_t i = 0; i < splits_; ++i) FETTLE_TRY_(read_split(i));
    FETTLE_TRY_(read_linear(leaves));
    FETTLE_TRY_(check_shape(tree_));
    return std::move(tree_);
  }

 private:
  Result<std::int32_t> child(std::int64_t value) const {
    const auto at = value >= 0 ? value : static_cast<std::int64_t>(splits_) - value - 1;
    if (at < 0 || (value >= 0 && at >= static_cast<std::int64_t>(splits_)) ||
        at >= static_cast<std::int64_t>(tree_.nodes.size()))
      return broken("a child is out of range");
    return static_cast<std::int32_t>(at);
  }

  Result<void> read_split(std::size_t i) {
    auto& node = tree_.nodes[i];
    if (columns_.features[i] < 0 || columns_.features[i] >= static_cast<std::int64_t>(forest_.features))
      return broken("a split's feature is out of range");
    node.feature = static_cast<std::uint32_t>(columns_.features[i]);
    FETTLE_TRY(node.left, child(columns_.left[i]));
    FETTLE_TRY(node.right, child(columns_.right[i]));
    const auto decision = columns_.decisions[i];
    if ((decision & kCategorical) != 0) return read_category(node, columns_.thresholds[i]);
    const double threshold = columns_.thresholds[i];
    if (std::isnan(threshold)) return broken("a threshold is not a number");
    node.value = above(threshold);
    const auto missing = static_cast<Missing>(decision >> 2U & 3U);
    // Where nothing counts as missing, what is missing counts as zero.
    node.default_left = missing == Missing::None ? 0 <= threshold : (decision & kDefaultLeft) != 0;
    if (missing == Missing::Zero) {
      forest_.zero_is_missing.resize(forest_.features);
      forest_.zero_is_missing[node.feature] = 1;
    }
    if (threshold == std::numeric_limits<double>::infinity()) always_left(node);
    return {};
  }

  // Every number is at most infinity, infinity too, which is not below any threshold.
  static void always_left(Node& node) noexcept {
    std::swap(node.left, node.right);
    node.value = -std::numeric_limits<float>::infinity();
    node.default_left = !node.default_left;
  }

  // LightGBM goes left if the category is in the set, a Forest goes right: the children change places.
  Result<void> read_category(Node& node, double threshold) const {
    if (!(threshold >= 0 && threshold < static_cast<double>(sets_))) return broken("a set's number is out of range");
    node.set = static_cast<std::int32_t>(first_set_ + static_cast<std::size_t>(threshold));
    std::swap(node.left, node.right);
    node.default_left = true;
    return {};
  }

  Result<void> read_sets() {
    if (!section_.contains("num_cat")) return {};
    FETTLE_TRY(sets_, size(section_, "num_cat", kMostLeaves));
    if (sets_ == 0) return {};
    first_set_ = forest_.sets.size();
    FETTLE_TRY(const auto bounds, numbers<std::uint32_t>(section_, "cat_boundaries", sets_ + 1));
    if (bounds.front() != 0 || !std::ranges::is_sorted(bounds) || bounds.back() > kMostCategories / 32)
      return broken("'cat_boundaries' is no ascending list from 0");
    FETTLE_TRY(const auto words, numbers<std::uint32_t>(section_, "cat_threshold", bounds.back()));
    for (std::size_t s = 0; s < sets_; ++s) {
      auto& set = forest_.sets.emplace_back((bounds[s + 1] - bounds[s]) * 32);
      for (std::size_t code = 0; code < set.size(); ++code)
        set[code] = (words[bounds[s] + code / 32] >> (code % 32) & 1U) != 0;
    }
    return {};
  }

  Result<void> read_linear(std::size_t leaves) {
    const auto found = section_.find("is_linear");
    if (found == section_.end() || found->second == "0") return {};
    FETTLE_TRY(const auto constants, numbers<double>(section_, "leaf_const", leaves));
    FETTLE_TRY(const auto counts, numbers<std::uint32_t>(section_, "num_features", leaves));
    std::size_t all = 0;
    for (const auto count : counts) all += count;
    FETTLE_TRY(const auto features, numbers<std::int64_t>(section_, "leaf_features", all));
    FETTLE_TRY(const auto weights, numbers<double>(section_, "leaf_coeff", all));
    std::size_t at = 0;
    for (std::size_t leaf = 0; leaf < leaves; ++leaf) {
      Linear linear{constants[leaf] * scale_, {}};
      for (std::uint32_t k = 0; k < counts[leaf]; ++k, ++at) {
        if (features[at] < 0 || features[at] >= static_cast<std::int64_t>(forest_.features))
          return broken("a linear leaf's feature is out of range");
        linear.terms.emplace_back(static_cast<std::uint32_t>(features[at]), weights[at] * scale_);
      }
      tree_.nodes[splits_ + leaf].linear = static_cast<std::int32_t>(forest_.linears.size());
      forest_.linears.push_back(std::move(linear));
    }
    return {};
  }

  const Section& section_;
  Forest& forest_;
  double scale_;
  TreeColumns columns_;
  Tree tree_;
  std::size_t splits_ = 0, sets_ = 0, first_set_ = 0;
};

struct Objective {
  Link link = Link::Identity;
  double scale = 1;  // of the margin before the link
};

// "binary sigmoid:1", "regression sqrt", "multiclass num_class:3".
Result<Objective> objective_of(std::string_view text) {
  const auto words = text::split(text, ' ');
  const auto& name = words.front();
  Objective out;
  for (const auto& word : words)
    if (std::string_view(word).starts_with("sigmoid:")) {
      FETTLE_TRY(out.scale, number<double>(std::string_view(word).substr(8), "objective"));
    }
  if (name == "binary" || name == "multiclassova" || name == "cross_entropy" || name == "xentropy")
    out.link = Link::Logistic;
  else if (name == "multiclass" || name == "softmax")
    out.link = Link::Softmax;
  else if (name == "poisson" || name == "gamma" || name == "tweedie")
    out.link = Link::Exp;
  else if (name == "regression" && std::ranges::contains(words, "sqrt"))
    out.link = Link::SignedSquare;
  else if (name == "cross_entropy_lambda" || name == "xentlambda")
    out.link = Link::Softplus;
  else if (name != "regression" && name != "regression_l1" && name != "huber" && name != "fair" && name != "quantile" &&
           name != "mape" && name != "lambdarank" && name != "rank_xendcg" && name != "custom" && !name.empty())
    return fail(Code::Unimplemented, text::format("LightGBM objective '{}' is not supported", name));
  return out;
}

Result<Forest> read(std::string_view text) {
  if (!is_lightgbm(text)) return broken("it does not begin with 'tree'");
  if (text.find("\nend of trees") == std::string_view::npos) return broken("it ends before its last tree");
  const auto sections = sections_of(text);
  const auto& header = sections.front();
  Forest forest;
  forest.wide_sums = true;
  FETTLE_TRY(const auto last_feature, size(header, "max_feature_idx", kMostFeatures));
  forest.features = static_cast<std::uint32_t>(last_feature + 1);
  FETTLE_TRY(const auto groups, size(header, "num_tree_per_iteration", kMostOutputs));
  if (groups == 0) return broken("'num_tree_per_iteration' is 0");
  forest.base.assign(groups, 0.0F);
  const auto objective_text = header.find("objective");
  FETTLE_TRY(const auto objective,
             objective_of(objective_text == header.end() ? std::string_view() : objective_text->second));
  forest.link = objective.link;
  const std::size_t trees = sections.size() - 1;
  double scale = objective.scale;
  if (header.contains("average_output") && trees > 0) scale /= static_cast<double>(trees / groups);
  if (trees % groups != 0) return broken("its trees do not make whole iterations");
  for (std::size_t t = 0; t < trees; ++t) {
    FETTLE_TRY(auto tree, TreeReader(sections[t + 1], forest, scale).read());
    tree.group = static_cast<std::uint32_t>(t % groups);
    forest.trees.push_back(std::move(tree));
  }
  return forest;
}

}  // namespace
}  // namespace lightgbm

bool is_lightgbm(std::string_view bytes) noexcept {
  return bytes.starts_with("tree\n") || bytes.starts_with("tree\r\n");
}

Result<Forest> forest_from_lightgbm(std::string_view text) { return lightgbm::read(text); }

}  // namespace fettle::model::tree
