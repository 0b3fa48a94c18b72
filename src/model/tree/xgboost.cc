#include "model/tree/xgboost.h"

#include <algorithm>
#include <cmath>

#include "base/text.h"

namespace fettle::model::tree {
namespace {

using json::Value;

constexpr std::int64_t kMaxFeatures = 1 << 24;
constexpr std::size_t kMaxCategories = 1 << 24;
constexpr std::int64_t kMaxOutputs = 100'000;

std::unexpected<Error> broken(std::string_view what) {
  return fail(Code::DataLoss, text::format("not a whole XGBoost model: {}", what));
}

Result<const Value*> member(const Value& value, std::string_view key) {
  const auto* found = value.find(key);
  if (found == nullptr) return broken(text::format("'{}' is missing", key));
  return found;
}

// A number, also where XGBoost writes it as text: "5E-1", "[5E-1]", "[1E0,2E0]".
Result<std::vector<double>> numbers(const Value& value, std::string_view key) {
  FETTLE_TRY(const auto* found, member(value, key));
  if (found->is_number()) return std::vector{found->as_double()};
  if (!found->is_string()) return broken(text::format("'{}' is no number", key));
  std::string_view text = found->as_string();
  if (text.starts_with('[') && text.ends_with(']')) text = text.substr(1, text.size() - 2);
  std::vector<double> out;
  for (const auto& part : text::split(text, ',')) {
    const auto number = text::parse_double(text::trim(part));
    if (!number) return broken(text::format("'{}' is no number", key));
    out.push_back(*number);
  }
  return out;
}

Result<std::int64_t> whole(const Value& value, std::string_view key) {
  FETTLE_TRY(const auto list, numbers(value, key));
  const double number = list.front();
  if (list.size() != 1 || number != std::floor(number) || std::abs(number) > 1e15)
    return broken(text::format("'{}' is no whole number", key));
  return static_cast<std::int64_t>(number);
}

// An array of `size` numbers.
Result<std::vector<double>> column(const Value& tree, std::string_view key, std::size_t size) {
  FETTLE_TRY(const auto* found, member(tree, key));
  if (!found->is_array() || (size != 0 && found->as_array().size() != size))
    return broken(text::format("'{}' does not have one entry a node", key));
  std::vector<double> out;
  out.reserve(found->as_array().size());
  for (const auto& element : found->as_array()) {
    if (element.is_bool())
      out.push_back(element.as_bool() ? 1 : 0);
    else if (element.is_number())
      out.push_back(element.as_double());
    else
      return broken(text::format("'{}' holds something that is no number", key));
  }
  return out;
}

Result<std::size_t> index(double value, std::size_t size, std::string_view what) {
  if (!(value >= 0 && value < static_cast<double>(size))) return broken(text::format("{} is out of range", what));
  return static_cast<std::size_t>(value);
}

// Reads the category sets of a tree and points its nodes at them.
Result<void> read_categories(const Value& document, Tree& tree, Forest& forest) {
  const auto* nodes_member = document.find("categories_nodes");
  if (nodes_member == nullptr || !nodes_member->is_array() || nodes_member->as_array().empty()) return {};
  FETTLE_TRY(const auto nodes, column(document, "categories_nodes", 0));
  FETTLE_TRY(const auto segments, column(document, "categories_segments", nodes.size()));
  FETTLE_TRY(const auto sizes, column(document, "categories_sizes", nodes.size()));
  FETTLE_TRY(const auto categories, column(document, "categories", 0));
  for (std::size_t i = 0; i < nodes.size(); ++i) {
    FETTLE_TRY(const auto node, index(nodes[i], tree.nodes.size(), "a categorical node"));
    FETTLE_TRY(const auto begin, index(segments[i], categories.size() + 1, "a category segment"));
    FETTLE_TRY(const auto count, index(sizes[i], categories.size() - begin + 1, "a category segment's size"));
    std::vector<bool> set;
    for (std::size_t k = begin; k < begin + count; ++k) {
      FETTLE_TRY(const auto code, index(categories[k], kMaxCategories, "a category"));
      if (code >= set.size()) set.resize(code + 1);
      set[code] = true;
    }
    tree.nodes[node].set = static_cast<std::int32_t>(forest.sets.size());
    forest.sets.push_back(std::move(set));
  }
  return {};
}

Result<void> check_one_value_a_leaf(const Value& document) {
  const auto* parameters = document.find("tree_param");
  if (parameters == nullptr || parameters->find("size_leaf_vector") == nullptr) return {};
  FETTLE_TRY(const auto values, whole(*parameters, "size_leaf_vector"));
  if (values <= 1) return {};
  return fail(Code::Unimplemented,
              "XGBoost trees with several values a leaf are not supported; train with "
              "multi_strategy=one_output_per_tree");
}

Result<Tree> read_tree(const Value& document, float weight, Forest& forest) {
  FETTLE_TRY_(check_one_value_a_leaf(document));
  FETTLE_TRY(const auto left, column(document, "left_children", 0));
  const auto size = left.size();
  if (size == 0) return broken("a tree without nodes");
  FETTLE_TRY(const auto right, column(document, "right_children", size));
  FETTLE_TRY(const auto values, column(document, "split_conditions", size));
  FETTLE_TRY(const auto features, column(document, "split_indices", size));
  FETTLE_TRY(const auto defaults, column(document, "default_left", size));
  Tree tree;
  tree.nodes.resize(size);
  if (document.find("sum_hessian") != nullptr) {
    FETTLE_TRY(const auto covers, column(document, "sum_hessian", size));
    tree.covers.assign(covers.begin(), covers.end());
  }
  for (std::size_t i = 0; i < size; ++i) {
    auto& node = tree.nodes[i];
    node.value = static_cast<float>(values[i]);
    if (left[i] < 0) {
      node.value *= weight;
      continue;
    }
    FETTLE_TRY(const auto l, index(left[i], size, "a left child"));
    FETTLE_TRY(const auto r, index(right[i], size, "a right child"));
    FETTLE_TRY(const auto f, index(features[i], forest.features, "a split's feature"));
    node.left = static_cast<std::int32_t>(l);
    node.right = static_cast<std::int32_t>(r);
    node.feature = static_cast<std::uint32_t>(f);
    node.default_left = defaults[i] != 0;
  }
  FETTLE_TRY_(read_categories(document, tree, forest));
  FETTLE_TRY_(check_shape(tree));
  return tree;
}

Result<Link> link_of(const std::string& objective) {
  if (objective == "binary:logistic" || objective == "reg:logistic") return Link::Logistic;
  if (objective == "multi:softprob" || objective == "multi:softmax") return Link::Softmax;
  if (objective == "count:poisson" || objective == "reg:gamma" || objective == "reg:tweedie") return Link::Exp;
  if (objective.starts_with("reg:") || objective.starts_with("rank:") || objective == "binary:logitraw")
    return Link::Identity;
  return fail(Code::Unimplemented, text::format("XGBoost objective '{}' is not supported", objective));
}

double margin_of(Link link, double score) {
  if (link == Link::Logistic) return -std::log(1 / score - 1);
  return link == Link::Exp ? std::log(score) : score;
}

Result<void> read_header(const Value& learner, Forest& forest) {
  FETTLE_TRY(const auto* parameters, member(learner, "learner_model_param"));
  FETTLE_TRY(const auto features, whole(*parameters, "num_feature"));
  FETTLE_TRY(const auto classes, whole(*parameters, "num_class"));
  FETTLE_TRY(const auto base, numbers(*parameters, "base_score"));
  const auto* has_targets = parameters->find("num_target");
  FETTLE_TRY(const auto targets, has_targets == nullptr ? Result<std::int64_t>(1) : whole(*parameters, "num_target"));
  if (features < 0 || features > kMaxFeatures || classes < 0 || classes > kMaxOutputs || targets > kMaxOutputs)
    return broken("impossible sizes");
  forest.features = static_cast<std::uint32_t>(features);
  FETTLE_TRY(const auto* objective, member(learner, "objective"));
  FETTLE_TRY(forest.link, link_of(objective->text_or("name")));
  const auto groups = static_cast<std::size_t>(std::max({classes, targets, std::int64_t{1}}));
  if (base.size() != 1 && base.size() != groups) return broken("'base_score' does not have one entry a class");
  for (std::size_t g = 0; g < groups; ++g)
    forest.base.push_back(static_cast<float>(margin_of(forest.link, base[base.size() == 1 ? 0 : g])));
  return {};
}

}  // namespace

Result<Forest> forest_from_xgboost(const Value& document) {
  FETTLE_TRY(const auto* learner, member(document, "learner"));
  Forest forest;
  FETTLE_TRY_(read_header(*learner, forest));
  FETTLE_TRY(const auto* booster, member(*learner, "gradient_booster"));
  const auto name = booster->text_or("name");
  if (name != "gbtree" && name != "dart")
    return fail(Code::Unimplemented,
                text::format("XGBoost booster '{}' is not supported; train with gbtree or dart", name));
  const auto* holder =
      booster;  // of the weights of dropped trees: until 3.3 beside the trees' booster, since 3.4 in it
  if (name == "dart") {
    FETTLE_TRY(booster, member(*booster, "gbtree"));
  }
  FETTLE_TRY(const auto* model, member(*booster, "model"));
  if (model->find("weight_drop") != nullptr) holder = model;
  std::vector<double> weights;
  if (name == "dart" || holder == model) {
    FETTLE_TRY(weights, column(*holder, "weight_drop", 0));
  }
  FETTLE_TRY(const auto* trees, member(*model, "trees"));
  if (!trees->is_array()) return broken("'trees' is no list");
  FETTLE_TRY(const auto groups, column(*model, "tree_info", trees->as_array().size()));
  if (!weights.empty() && weights.size() != groups.size())
    return broken("'weight_drop' does not have one entry a tree");
  for (std::size_t i = 0; i < groups.size(); ++i) {
    const auto weight = weights.empty() ? 1.0F : static_cast<float>(weights[i]);
    FETTLE_TRY(auto tree, read_tree(trees->as_array()[i], weight, forest));
    FETTLE_TRY(const auto group, index(groups[i], forest.base.size(), "a tree's class"));
    tree.group = static_cast<std::uint32_t>(group);
    forest.trees.push_back(std::move(tree));
  }
  return forest;
}

}  // namespace fettle::model::tree
