// profile.json, format 1: what Reference::to_json writes and Reference::from_json reads. Keys of known values are the
// hashes of KnownValues::key_of; a change of that function is a new format.
#include <algorithm>

#include "base/text.h"
#include "json/describe.h"
#include "monitor/reference.h"
#include "monitor/wire.h"

namespace fettle::monitor {
namespace {

constexpr int kReferenceFormat = 1;

struct FeatureDocument {
  std::string name;
  bool category = false;
  std::vector<double> edges;
  std::vector<std::uint64_t> counts;
  std::vector<double> moments;
  std::uint64_t missing = 0, non_finite = 0, out_of_range = 0;
  std::optional<double> min, max;
};
BOOST_DESCRIBE_STRUCT(FeatureDocument, (),
                      (name, category, edges, counts, moments, missing, non_finite, out_of_range, min, max))

struct SliceReferenceDocument {
  std::string input;
  std::vector<double> moments;
};
BOOST_DESCRIBE_STRUCT(SliceReferenceDocument, (), (input, moments))

struct ConstantDocument {
  std::string input;
  std::vector<std::string> per;
  std::vector<std::int64_t> keys;
  std::vector<double> values;
  std::uint64_t violations = 0, checked = 0;
};
BOOST_DESCRIBE_STRUCT(ConstantDocument, (), (input, per, keys, values, violations, checked))

struct ReferenceDocument {
  int format = 0;
  json::Value signature;
  std::uint64_t rows = 0;
  std::vector<FeatureDocument> features;
  FeatureDocument output;
  std::vector<SliceReferenceDocument> slices;
  std::vector<ConstantDocument> constants;
  HeldOut held_out;
};
BOOST_DESCRIBE_STRUCT(ReferenceDocument, (), (format, signature, rows, features, output, slices, constants, held_out))

FeatureDocument document_of(const FeatureReference& feature) {
  FeatureDocument out{feature.name,
                      feature.category,
                      {feature.bins.edges.begin(), feature.bins.edges.end()},
                      feature.counts,
                      flat({&feature.moments, 1}),
                      feature.missing,
                      feature.non_finite,
                      feature.out_of_range,
                      std::nullopt,
                      std::nullopt};
  if (feature.has_range) out.min = feature.min, out.max = feature.max;
  return out;
}

ConstantDocument document_of(const ConstantReference& constant, const std::vector<FeatureReference>& features) {
  ConstantDocument out{.input = features[constant.input].name};
  for (const std::size_t key : constant.keys) out.per.push_back(features[key].name);
  for (const auto& entry : constant.known.sorted()) {
    out.keys.push_back(static_cast<std::int64_t>(entry.key));
    out.values.push_back(static_cast<double>(entry.value));
  }
  out.violations = constant.violations;
  out.checked = constant.checked;
  return out;
}

std::unexpected<Error> damaged_reference(std::string_view what) {
  return fail(Code::DataLoss, text::format("profile.json: {}; evaluate the model again to write it anew", what));
}

Result<FeatureReference> feature_from(const FeatureDocument& document, std::size_t categories) {
  FeatureReference out{.name = document.name, .category = document.category, .counts = document.counts};
  for (const double edge : document.edges) out.bins.edges.push_back(static_cast<float>(edge));
  const std::size_t expected = out.category ? categories : out.bins.size();
  if (!std::ranges::is_sorted(out.bins.edges) || out.counts.size() != expected ||
      !read_flat(document.moments, {&out.moments, 1}))
    return damaged_reference(text::format("'{}' has counts, edges or moments that do not fit together", document.name));
  out.missing = document.missing;
  out.non_finite = document.non_finite;
  out.out_of_range = document.out_of_range;
  out.has_range = document.min && document.max;
  if (out.has_range) out.min = *document.min, out.max = *document.max;
  return out;
}

Result<std::size_t> position(const model::Signature& signature, const std::string& name) {
  const int at = signature.index_of(name);
  if (at < 0) return damaged_reference(text::format("it speaks of '{}', which is no input of its signature", name));
  return static_cast<std::size_t>(at);
}

Result<SliceReference> slice_from(const SliceReferenceDocument& document, const model::Signature& signature) {
  FETTLE_TRY(const std::size_t input, position(signature, document.input));
  const auto& inputs = signature.inputs();
  SliceReference out{input, std::vector<stats::Moments>(inputs[input].categories.size() * inputs.size())};
  if (!read_flat(document.moments, out.moments))
    return damaged_reference(text::format("slice '{}' has the wrong number of moments", document.input));
  return out;
}

Result<ConstantReference> constant_from(const ConstantDocument& document, const model::Signature& signature) {
  FETTLE_TRY(const std::size_t input, position(signature, document.input));
  ConstantReference out{.input = input, .violations = document.violations, .checked = document.checked};
  for (const auto& name : document.per) {
    FETTLE_TRY(const std::size_t key, position(signature, name));
    out.keys.push_back(key);
  }
  if (document.keys.size() != document.values.size())
    return damaged_reference(text::format("'{}' has more or fewer keys than values", document.input));
  for (std::size_t i = 0; i < document.keys.size(); ++i)
    out.known.set(static_cast<std::uint64_t>(document.keys[i]), static_cast<float>(document.values[i]));
  return out;
}

}  // namespace

json::Value Reference::to_json() const {
  ReferenceDocument out{
      .format = kReferenceFormat, .signature = signature_.to_json(), .rows = rows_, .held_out = held_out_};
  for (const auto& feature : features_) out.features.push_back(document_of(feature));
  out.output = document_of(output_);
  for (const auto& slice : slices_) out.slices.push_back({features_[slice.input].name, flat(slice.moments)});
  for (const auto& constant : constants_) out.constants.push_back(document_of(constant, features_));
  return json::to_value(out);
}

Result<Reference> Reference::from_json(const json::Value& value) {
  auto read = json::from_value<ReferenceDocument>(value, "profile.json");
  if (!read) return fail(Code::DataLoss, read.error().message);
  if (read->format != kReferenceFormat)
    return damaged_reference(text::format("format {} is not {}", read->format, kReferenceFormat));
  Reference out;
  FETTLE_TRY(out.signature_, model::Signature::from_json(read->signature));
  const auto& inputs = out.signature_.inputs();
  if (inputs.size() != read->features.size())
    return damaged_reference("it has more or fewer features than its signature");
  out.rows_ = read->rows;
  out.held_out_ = read->held_out;
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    FETTLE_TRY(auto feature, feature_from(read->features[i], inputs[i].categories.size()));
    out.features_.push_back(std::move(feature));
  }
  FETTLE_TRY(out.output_, feature_from(read->output, 0));
  for (const auto& document : read->slices) {
    FETTLE_TRY(auto slice, slice_from(document, out.signature_));
    out.slices_.push_back(std::move(slice));
  }
  for (const auto& document : read->constants) {
    FETTLE_TRY(auto constant, constant_from(document, out.signature_));
    out.constants_.push_back(std::move(constant));
  }
  return out;
}

}  // namespace fettle::monitor
