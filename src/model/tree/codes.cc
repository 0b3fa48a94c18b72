#include "model/tree/codes.h"

#include <algorithm>
#include <limits>
#include <utility>

namespace fettle::model::tree {
namespace {

constexpr std::size_t kMostThresholds = 254;

struct Feature {
  std::vector<float> thresholds;
  std::array<bool, 2> missing{};  // some split sends missing right, left
  std::size_t categories = 0;
  bool sets = false;
};

std::vector<Feature> features_of(const Forest& forest) {
  std::vector<Feature> out(forest.features);
  for (const auto& tree : forest.trees)
    for (const auto& node : tree.nodes) {
      if (node.left < 0) continue;
      auto& feature = out[node.feature];
      if (node.set >= 0) {
        feature.sets = true;
        feature.categories = std::max(feature.categories, forest.sets[static_cast<std::size_t>(node.set)].size());
      } else {
        feature.thresholds.push_back(node.value);
        feature.missing[node.default_left ? 1 : 0] = true;
      }
    }
  for (auto& feature : out) {
    std::ranges::sort(feature.thresholds);
    const auto repeats = std::ranges::unique(feature.thresholds);
    feature.thresholds.erase(repeats.begin(), repeats.end());
  }
  return out;
}

void append_cuts(const std::vector<float>& thresholds, std::vector<float>& cuts, std::size_t blocks) {
  std::vector<float> padded = thresholds;
  padded.resize(blocks * kLanes16, std::numeric_limits<float>::infinity());
  if (blocks > 1) {
    for (std::size_t block = 0; block < kLanes16; ++block)
      cuts.push_back(block < blocks ? padded[block * kLanes16 + kLanes16 - 1] : std::numeric_limits<float>::infinity());
  }
  cuts.insert(cuts.end(), padded.begin(), padded.end());
}

}  // namespace

std::optional<Codes> Codes::of(const Forest& forest) {
  Codes out;
  out.number_of_.assign(forest.features, -1);
  out.set_of_.assign(forest.features, -1);
  const auto features = features_of(forest);
  for (std::uint32_t f = 0; f < features.size(); ++f) {
    const auto& feature = features[f];
    if (feature.thresholds.size() > kMostThresholds || feature.categories > kOutOfRange) return std::nullopt;
    if (!feature.thresholds.empty()) {
      const auto blocks = static_cast<std::uint32_t>((feature.thresholds.size() + kLanes16 - 1) / kLanes16);
      Number number{f, static_cast<std::uint32_t>(feature.thresholds.size()),
                    static_cast<std::uint32_t>(out.cuts.size()), blocks};
      for (std::size_t side = 0; side < 2; ++side)
        if (feature.missing[side]) number.columns[side] = static_cast<std::int32_t>(out.columns++);
      append_cuts(feature.thresholds, out.cuts, blocks);
      out.number_of_[f] = static_cast<std::int32_t>(out.numbers.size());
      out.numbers.push_back(number);
    }
    if (feature.sets) {
      out.set_of_[f] = static_cast<std::int32_t>(out.sets.size());
      out.sets.push_back({f, out.columns, static_cast<std::uint32_t>(feature.categories)});
      out.columns += 2;
    }
  }
  return out;
}

Codes::Test Codes::test_of(const Node& node) const {
  const auto& number = numbers[static_cast<std::size_t>(number_of_[node.feature])];
  const auto begin = cuts.begin() + number.first + (number.blocks > 1 ? kLanes16 : 0);
  const auto at = std::lower_bound(begin, begin + number.count, node.value);
  return {static_cast<std::uint32_t>(number.columns[node.default_left ? 1 : 0]),
          static_cast<std::uint8_t>(at - begin + 1)};
}

std::optional<Codes> kernel_codes(const Forest& forest) {
  if (!forest.linears.empty() || !forest.zero_is_missing.empty() || forest.features > kMostFeatures ||
      forest.base.size() > kMostOutputs)
    return std::nullopt;
  auto codes = Codes::of(forest);
  return codes && codes->columns <= kMostColumns ? std::move(codes) : std::nullopt;
}

void append_map(AlignedVector<std::uint8_t>& maps, const Forest& forest, const Node& split) {
  maps.resize(maps.size() + kMapBytes);
  auto* bytes = maps.data() + maps.size() - kMapBytes;
  const auto put = [&](std::size_t code) { bytes[code / 8] |= static_cast<std::uint8_t>(1U << (code % 8)); };
  const auto& set = forest.sets[static_cast<std::size_t>(split.set)];
  for (std::size_t code = 0; code < set.size(); ++code)
    if (set[code]) put(code);
  if (!split.default_left) put(kMissingCategory);
}

std::uint32_t Codes::set_column(const Node& node) const {
  return sets[static_cast<std::size_t>(set_of_[node.feature])].column;
}

}  // namespace fettle::model::tree
