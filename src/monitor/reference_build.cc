#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "base/text.h"
#include "monitor/reference.h"
#include "stats/metrics.h"

namespace fettle::monitor {
namespace {

constexpr std::size_t kBins = 64;

// Distinct values while there are few, else the upper ends of equal shares. `sorted` is not empty.
std::vector<float> upper_ends(const std::vector<float>& sorted) {
  std::vector<float> distinct;
  for (const float value : sorted) {
    if (distinct.empty() || distinct.back() != value) distinct.push_back(value);
    if (distinct.size() > kBins) break;
  }
  if (distinct.size() <= kBins) return distinct;
  std::vector<float> ends;
  for (std::size_t i = 1; i <= kBins; ++i) ends.push_back(sorted[(i * sorted.size() + kBins - 1) / kBins - 1]);
  ends.erase(std::ranges::unique(ends).begin(), ends.end());
  return ends;
}

Bins bins_of(std::vector<float> values) {
  if (values.empty()) return {};
  std::ranges::sort(values);
  Bins bins{{std::nextafter(values.front(), -std::numeric_limits<float>::infinity())}};
  for (const float end : upper_ends(values)) bins.edges.push_back(end);
  return bins;
}

void count_numbers(FeatureReference& feature, const std::vector<float>& values) {
  std::vector<float> valid;
  for (const float value : values) {
    if (std::isnan(value))
      ++feature.missing;
    else if (std::isinf(value))
      ++feature.non_finite;
    else if (!feature.in_range(value))
      ++feature.out_of_range;
    else
      valid.push_back(value);
  }
  feature.bins = bins_of(valid);
  feature.counts.assign(feature.bins.size(), 0);
  for (const float value : valid) {
    ++feature.counts[feature.bins.of(value)];
    feature.moments.add(static_cast<double>(value));
  }
}

void count_categories(FeatureReference& feature, const std::vector<float>& values, std::size_t categories) {
  feature.category = true;
  feature.counts.assign(categories, 0);
  for (const float code : values) {
    if (code >= 0 && code < static_cast<float>(categories))
      ++feature.counts[static_cast<std::size_t>(code)];
    else
      ++feature.missing;
  }
}

std::vector<float> column(std::span<const float> rows, std::size_t width, std::size_t input) {
  std::vector<float> out;
  out.reserve(rows.size() / width);
  for (std::size_t at = input; at < rows.size(); at += width) out.push_back(rows[at]);
  return out;
}

FeatureReference feature_of(const model::InputColumn& input, const std::vector<float>& values,
                            const ReferenceOptions& options) {
  FeatureReference feature{.name = input.name};
  if (const auto range = options.ranges.find(input.name); range != options.ranges.end()) {
    feature.has_range = true;
    std::tie(feature.min, feature.max) = range->second;
  }
  if (input.kind == model::ColumnKind::Category)
    count_categories(feature, values, input.categories.size());
  else
    count_numbers(feature, values);
  return feature;
}

SliceReference slice_of(const model::Signature& signature, const std::vector<FeatureReference>& features,
                        std::span<const float> rows, std::size_t input) {
  const std::size_t width = features.size(), categories = signature.inputs()[input].categories.size();
  SliceReference slice{input, std::vector<stats::Moments>(categories * width)};
  for (std::size_t row = 0; row < rows.size(); row += width) {
    const float code = rows[row + input];
    if (!(code >= 0 && code < static_cast<float>(categories))) continue;
    auto* moments = &slice.moments[static_cast<std::size_t>(code) * width];
    for (std::size_t i = 0; i < width; ++i) {
      const float value = rows[row + i];
      if (!features[i].category && std::isfinite(value) && features[i].in_range(value))
        moments[i].add(static_cast<double>(value));
    }
  }
  return slice;
}

using KeyValue = std::pair<std::uint64_t, float>;

// One combination's values, sorted: keeps the most frequent one, counts the others.
void learn(ConstantReference& constant, std::span<const KeyValue> values) {
  std::size_t best = 0, best_at = 0;
  for (std::size_t i = 0, start = 0; i <= values.size(); ++i) {
    if (i < values.size() && values[i].second == values[start].second) continue;
    if (i - start > best) best = i - start, best_at = start;
    start = i;
  }
  const float known = values[best_at].second;
  constant.known.set(values.front().first, known);
  constant.checked += values.size();
  for (const auto& [key, value] : values) constant.violations += agrees(value, known) ? 0 : 1;
}

ConstantReference constant_of(std::span<const float> rows, std::size_t width, std::size_t input,
                              std::vector<std::size_t> keys) {
  ConstantReference constant{.input = input, .keys = std::move(keys)};
  std::vector<KeyValue> pairs;
  for (std::size_t at = 0; at < rows.size(); at += width) {
    const std::uint64_t key = KnownValues::key_of(rows.subspan(at, width), constant.keys);
    if (key != 0 && std::isfinite(rows[at + input])) pairs.emplace_back(key, rows[at + input]);
  }
  std::ranges::sort(pairs);
  for (std::size_t start = 0, end = 0; start < pairs.size(); start = end) {
    while (end < pairs.size() && pairs[end].first == pairs[start].first) ++end;
    learn(constant, std::span(pairs).subspan(start, end - start));
  }
  return constant;
}

double mean(const auto& values) {
  double sum = 0;
  for (const auto value : values) sum += static_cast<double>(value);
  return values.empty() ? 0 : sum / static_cast<double>(values.size());
}

HeldOut held_out_of(std::span<const float> outputs, std::span<const double> labels) {
  if (outputs.empty()) return {};
  const auto ranking = stats::auc_delong(outputs, labels);
  const bool one_class = std::isnan(ranking.auc);
  HeldOut out{.n = outputs.size(), .predicted_mean = mean(outputs), .observed_mean = mean(labels)};
  out.log_loss = stats::log_loss(outputs, labels);
  out.log_loss_constant = stats::constant_log_loss(out.observed_mean);
  out.brier = stats::brier(outputs, labels);
  out.auc = one_class ? 0 : ranking.auc;
  out.auc_variance = one_class ? 0 : ranking.variance;
  out.ece = stats::expected_calibration_error(outputs, labels);
  return out;
}

std::vector<std::size_t> positions(const model::Signature& signature, const std::vector<std::string>& names) {
  std::vector<std::size_t> out;
  for (const auto& name : names)
    if (const int at = signature.index_of(name); at >= 0) out.push_back(static_cast<std::size_t>(at));
  return out;
}

Result<void> known_input(const model::Signature& signature, const std::string& option, const std::string& name) {
  if (signature.index_of(name) >= 0) return {};
  std::vector<std::string> names;
  for (const auto& input : signature.inputs()) names.push_back(input.name);
  const auto close = text::closest(name, names);
  return fail(Code::InvalidArgument, text::format("{}: the model has no input '{}'{}", option, name,
                                                  close ? text::format("; did you mean '{}'?", *close)
                                                        : text::format(" (inputs: {})", text::join(names, ", "))));
}

}  // namespace

Reference Reference::build(const model::Signature& signature, std::span<const float> rows,
                           std::span<const float> /*heldout_rows*/, std::span<const float> heldout_outputs,
                           std::span<const double> heldout_labels, const ReferenceOptions& options) {
  const std::size_t width = signature.inputs().size();
  Reference out;
  out.signature_ = signature;
  out.rows_ = rows.size() / width;
  for (std::size_t i = 0; i < width; ++i)
    out.features_.push_back(feature_of(signature.inputs()[i], column(rows, width, i), options));
  for (const std::size_t input : positions(signature, options.slices))
    if (out.features_[input].category) out.slices_.push_back(slice_of(signature, out.features_, rows, input));
  for (const auto& [name, key_names] : options.constant_per) {
    const auto input = positions(signature, {name});
    auto keys = positions(signature, key_names);
    if (!input.empty() && !keys.empty() && !out.features_[input[0]].category)
      out.constants_.push_back(constant_of(rows, width, input[0], std::move(keys)));
  }
  out.output_.name = signature.output();
  count_numbers(out.output_, {heldout_outputs.begin(), heldout_outputs.end()});
  out.held_out_ = held_out_of(heldout_outputs, heldout_labels);
  return out;
}

Result<void> Reference::check(const model::Signature& signature, const ReferenceOptions& options) {
  for (const auto& name : options.slices) {
    FETTLE_TRY_(known_input(signature, "slices", name));
    if (signature.inputs()[static_cast<std::size_t>(signature.index_of(name))].kind != model::ColumnKind::Category)
      return fail(Code::InvalidArgument, text::format("slices: input '{}' is no category; name one that is", name));
  }
  for (const auto& [name, keys] : options.constant_per) {
    FETTLE_TRY_(known_input(signature, "constant_per", name));
    for (const auto& key : keys) FETTLE_TRY_(known_input(signature, "constant_per." + name, key));
  }
  for (const auto& [name, range] : options.ranges) FETTLE_TRY_(known_input(signature, "ranges", name));
  return {};
}

}  // namespace fettle::monitor
