#include "model/tree/catboost.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>

#include "base/text.h"

namespace fettle::model::tree {
namespace catboost {
namespace {

using json::Value;

constexpr std::int64_t kMostFeatures = 1 << 24;
constexpr std::size_t kMostDepth = 16, kMostOutputs = 100'000;

std::unexpected<Error> broken(std::string_view what) {
  return fail(Code::DataLoss, text::format("not a whole CatBoost model: {}", what));
}

Result<const Value*> member(const Value& value, std::string_view key) {
  const auto* found = value.find(key);
  if (found == nullptr) return broken(text::format("'{}' is missing", key));
  return found;
}

Result<const json::Array*> list(const Value& value, std::string_view key) {
  FETTLE_TRY(const auto* found, member(value, key));
  if (!found->is_array()) return broken(text::format("'{}' is no list", key));
  return &found->as_array();
}

Result<double> real(const Value& value, std::string_view what) {
  if (!value.is_number()) return broken(text::format("{} is no number", what));
  return value.as_double();
}

Result<std::int64_t> whole(const Value& value, std::string_view key, std::int64_t end) {
  FETTLE_TRY(const auto* found, member(value, key));
  if (!found->is_int() || found->as_int() < 0 || found->as_int() >= end)
    return broken(text::format("'{}' is out of range", key));
  return found->as_int();
}

struct Feature {
  std::uint32_t column = 0;
  bool missing_right = false;
};

struct Split {
  std::uint32_t column = 0;
  float least = 0;  // right iff value >= least
  bool missing_right = false;
};

class Reader {
 public:
  explicit Reader(const Value& document) noexcept : document_(document) {}

  Result<Forest> read() {
    forest_.wide_sums = true;
    FETTLE_TRY_(read_features());
    FETTLE_TRY_(read_scale());
    FETTLE_TRY_(read_link());
    if (const auto* trees = document_.find("oblivious_trees")) {
      if (!trees->is_array()) return broken("'oblivious_trees' is no list");
      for (const auto& tree : trees->as_array()) FETTLE_TRY_(read_oblivious(tree));
    } else {
      FETTLE_TRY(const auto* grown, list(document_, "trees"));
      for (const auto& tree : *grown) FETTLE_TRY_(read_grown(tree));
    }
    return std::move(forest_);
  }

 private:
  Result<void> read_features() {
    FETTLE_TRY(const auto* info, member(document_, "features_info"));
    std::int64_t columns = 0;
    for (const auto* kind : {"float_features", "categorical_features", "text_features", "embedding_features"}) {
      const auto* features = info->find(kind);
      if (features == nullptr || !features->is_array()) continue;
      for (const auto& feature : features->as_array()) {
        FETTLE_TRY(const auto column, whole(feature, "flat_feature_index", kMostFeatures));
        columns = std::max(columns, column + 1);
        if (std::string_view(kind) == "float_features")
          features_.push_back({static_cast<std::uint32_t>(column), feature.text_or("nan_value_treatment") == "AsTrue"});
      }
    }
    forest_.features = static_cast<std::uint32_t>(columns);
    return {};
  }

  Result<void> read_scale() {
    const auto* found = document_.find("scale_and_bias");
    if (found == nullptr) {
      forest_.base = {0};
      return {};
    }
    if (!found->is_array() || found->as_array().size() != 2) return broken("'scale_and_bias' is no pair");
    FETTLE_TRY(scale_, real(found->as_array()[0], "a scale"));
    const auto& bias = found->as_array()[1];
    const auto all = bias.is_array() ? bias.as_array() : json::Array{bias};
    if (all.empty() || all.size() > kMostOutputs) return broken("'scale_and_bias' has no bias");
    for (const auto& one : all) {
      FETTLE_TRY(const auto value, real(one, "a bias"));
      forest_.base.push_back(static_cast<float>(value));
    }
    return {};
  }

  Result<void> read_link() {
    const auto* info = document_.find("model_info");
    const auto* params = info == nullptr ? nullptr : info->find("params");
    const auto* loss = params == nullptr ? nullptr : params->find("loss_function");
    const auto name = loss == nullptr ? std::string() : loss->text_or("type");
    static constexpr std::string_view kPlain[] = {"RMSE",           "MAE", "Quantile",  "MAPE",     "Huber",
                                                  "LogLinQuantile", "",    "QueryRMSE", "YetiRank", "Expectile",
                                                  "PairLogit",      "Lq",  "MultiRMSE"};
    if (name == "Logloss" || name == "CrossEntropy" || name == "MultiClassOneVsAll" || name == "Focal")
      forest_.link = Link::Logistic;
    else if (name == "MultiClass")
      forest_.link = Link::Softmax;
    else if (name == "Poisson" || name == "Tweedie")
      forest_.link = Link::Exp;
    else if (!std::ranges::contains(kPlain, name))
      return fail(Code::Unimplemented, text::format("CatBoost loss '{}' is not supported", name));
    return {};
  }

  Result<Split> split_of(const Value& value) const {
    const auto type = value.text_or("split_type");
    if (type != "FloatFeature")
      return fail(Code::Unimplemented,
                  text::format("CatBoost split of type '{}' is not supported; train on numeric features only, or serve "
                               "the model through ONNX or a Python worker",
                               type));
    FETTLE_TRY(const auto feature, whole(value, "float_feature_index", static_cast<std::int64_t>(features_.size())));
    FETTLE_TRY(const auto* border, member(value, "border"));
    FETTLE_TRY(const auto at, real(*border, "a border"));
    const auto& from = features_[static_cast<std::size_t>(feature)];
    return Split{from.column, std::nextafter(static_cast<float>(at), std::numeric_limits<float>::infinity()),
                 from.missing_right};
  }

  // One tree an output, all of one shape.
  Result<std::vector<double>> outputs_of(const Value& value) const {
    const std::size_t groups = forest_.base.size();
    const auto all = value.is_array() ? value.as_array() : json::Array{value};
    if (all.empty() || all.size() % groups != 0) return broken("a leaf does not have one value an output");
    std::vector<double> out;
    for (const auto& one : all) {
      FETTLE_TRY(const auto number, real(one, "a leaf"));
      out.push_back(number * scale_);
    }
    return out;
  }

  Result<void> add(std::vector<Tree> trees) {
    for (std::size_t g = 0; g < trees.size(); ++g) {
      trees[g].group = static_cast<std::uint32_t>(g);
      FETTLE_TRY_(check_shape(trees[g]));
      forest_.trees.push_back(std::move(trees[g]));
    }
    return {};
  }

  // The first split is the lowest bit of a leaf's number: the last one is the root.
  Result<void> read_oblivious(const Value& value) {
    FETTLE_TRY(const auto* splits, list(value, "splits"));
    if (splits->size() > kMostDepth) return broken("a tree is too deep");
    FETTLE_TRY(const auto* leaves, member(value, "leaf_values"));
    FETTLE_TRY(const auto values, outputs_of(*leaves));
    const std::size_t groups = forest_.base.size(), inner = (std::size_t{1} << splits->size()) - 1;
    if (values.size() != (inner + 1) * groups) return broken("a tree does not have one value a leaf and output");
    std::vector<Split> tests;
    for (const auto& split : *splits) {
      FETTLE_TRY(const auto test, split_of(split));
      tests.insert(tests.begin(), test);
    }
    std::vector<Tree> trees(groups);
    for (std::size_t g = 0; g < groups; ++g) {
      trees[g].nodes.resize(2 * inner + 1);
      for (std::size_t level = 0, i = 0; level < tests.size(); ++level)
        for (std::size_t k = 0; k < std::size_t{1} << level; ++k, ++i)
          set_split(trees[g].nodes[i], tests[level], 2 * i + 1);
      for (std::size_t leaf = 0; leaf <= inner; ++leaf)
        trees[g].nodes[inner + leaf].value = static_cast<float>(values[leaf * groups + g]);
    }
    FETTLE_TRY(const auto covers, read_covers(value, inner));
    for (auto& tree : trees) tree.covers = covers;
    return add(std::move(trees));
  }

  // Of a complete tree; empty if the file has none.
  static Result<std::vector<float>> read_covers(const Value& value, std::size_t inner) {
    if (value.find("leaf_weights") == nullptr) return {};
    FETTLE_TRY(const auto* weights, list(value, "leaf_weights"));
    if (weights->size() != inner + 1) return broken("a tree does not have one weight a leaf");
    std::vector<float> out(inner);
    for (const auto& weight : *weights) {
      FETTLE_TRY(const auto number, real(weight, "a leaf's weight"));
      out.push_back(static_cast<float>(number));
    }
    for (std::size_t i = inner; i-- > 0;) out[i] = out[2 * i + 1] + out[2 * i + 2];
    return out;
  }

  static void set_split(Node& node, const Split& split, std::size_t left) {
    node.left = static_cast<std::int32_t>(left);
    node.right = static_cast<std::int32_t>(left + 1);
    node.feature = split.column;
    node.value = split.least;
    node.default_left = !split.missing_right;
  }

  Result<void> read_grown(const Value& value) {
    std::vector<Tree> trees(forest_.base.size());
    for (auto& tree : trees) tree.nodes.resize(1);
    covers_.assign(1, -1);
    FETTLE_TRY_(grow(value, trees, 0));
    if (std::ranges::contains(covers_, -1.0F)) covers_.clear();
    for (auto& tree : trees) tree.covers = covers_;
    return add(std::move(trees));
  }

  // Recursion is as deep as the document, whose depth the JSON reader bounds. Covers that are not said are -1.
  Result<void> grow(const Value& value, std::vector<Tree>& trees, std::size_t at) {
    if (const auto* leaf = value.find("value")) {
      FETTLE_TRY(const auto values, outputs_of(*leaf));
      if (values.size() != trees.size()) return broken("a leaf does not have one value an output");
      for (std::size_t g = 0; g < trees.size(); ++g) trees[g].nodes[at].value = static_cast<float>(values[g]);
      covers_.resize(trees.front().nodes.size(), -1);
      if (const auto* weight = value.find("weight")) {
        FETTLE_TRY(const auto cover, real(*weight, "a leaf's weight"));
        covers_[at] = static_cast<float>(cover);
      }
      return {};
    }
    FETTLE_TRY(const auto* split, member(value, "split"));
    FETTLE_TRY(const auto test, split_of(*split));
    FETTLE_TRY(const auto* left, member(value, "left"));
    FETTLE_TRY(const auto* right, member(value, "right"));
    const std::size_t child = trees.front().nodes.size();
    for (auto& tree : trees) {
      tree.nodes.resize(child + 2);
      set_split(tree.nodes[at], test, child);
    }
    FETTLE_TRY_(grow(*left, trees, child));
    FETTLE_TRY_(grow(*right, trees, child + 1));
    covers_[at] = covers_[child] < 0 || covers_[child + 1] < 0 ? -1 : covers_[child] + covers_[child + 1];
    return {};
  }

  const Value& document_;
  Forest forest_;
  std::vector<Feature> features_;
  double scale_ = 1;
  std::vector<float> covers_;  // of the tree that grows
};

}  // namespace
}  // namespace catboost

bool is_catboost(const json::Value& document) noexcept {
  return document.find("features_info") != nullptr && document.find("model_info") != nullptr;
}

Result<Forest> forest_from_catboost(const json::Value& document) { return catboost::Reader(document).read(); }

}  // namespace fettle::model::tree
