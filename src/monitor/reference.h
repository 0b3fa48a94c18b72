// What was normal: the training rows' distributions, known facts and the held-out quality of one model. Frozen when
// the model is evaluated, kept in its bundle as profile.json; every window's Profile counts on its bins.
//
// Immutable once built; share it as shared_ptr<const Reference>.
#pragma once

#include <boost/describe.hpp>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "json/value.h"
#include "model/signature.h"
#include "monitor/known_values.h"
#include "stats/moments.h"

namespace fettle::monitor {

struct ReferenceOptions {
  std::vector<std::string> slices;                               // category inputs whose values are watched apart
  std::map<std::string, std::vector<std::string>> constant_per;  // input -> inputs that determine its value
  std::map<std::string, std::pair<double, double>> ranges;       // input -> allowed [min, max]
};

// Bins of a numeric input: value x falls into the first bin whose edge is >= x; the last bin has no edge. Up to 64
// distinct values get a bin each, more get quantile bins; a value that fills several quantiles is one bin. The first
// and the last bin are empty in the reference: below and above everything seen.
struct Bins {
  std::vector<float> edges;
  [[nodiscard]] std::size_t size() const noexcept { return edges.size() + 1; }
  [[nodiscard]] std::size_t of(float x) const noexcept {  // branch-free lower bound
    const float* at = edges.data();
    std::size_t left = edges.size();
    if (left == 0) return 0;
    for (; left > 1; left -= left / 2) at += at[left / 2 - 1] < x ? left / 2 : 0;
    return static_cast<std::size_t>(at - edges.data()) + (*at < x ? 1 : 0);
  }
};

// One input over the reference rows. Counts are of valid values only; the rest is counted by what is wrong with it.
struct FeatureReference {
  std::string name;
  bool category = false;
  Bins bins;                          // numeric inputs
  std::vector<std::uint64_t> counts;  // per bin, or per category code
  stats::Moments moments;             // of valid numeric values
  std::uint64_t missing = 0, non_finite = 0, out_of_range = 0;
  bool has_range = false;
  double min = 0, max = 0;
  [[nodiscard]] bool in_range(float x) const noexcept { return !has_range || (x >= min && x <= max); }
};

// One slice input: moments of every input within each of its categories ([category * inputs + input]; numeric only).
struct SliceReference {
  std::size_t input = 0;
  std::vector<stats::Moments> moments;
};

// "input is determined by keys": what each combination of keys had, and how often the reference itself disagrees.
struct ConstantReference {
  std::size_t input = 0;
  std::vector<std::size_t> keys;
  KnownValues known;
  std::uint64_t violations = 0, checked = 0;
};

// The model on rows it was not trained on. All zero when there were none.
struct HeldOut {
  std::uint64_t n = 0;
  double predicted_mean = 0, observed_mean = 0;
  double log_loss = 0, log_loss_constant = 0, brier = 0, auc = 0, auc_variance = 0, ece = 0;
};
BOOST_DESCRIBE_STRUCT(HeldOut, (),
                      (n, predicted_mean, observed_mean, log_loss, log_loss_constant, brier, auc, auc_variance, ece))

class Reference {
 public:
  Reference() = default;
  // `rows` and `heldout_rows` are row-major [n, signature.inputs().size()], NaN = missing or unknown category; outputs
  // and labels belong to `heldout_rows`. Names of the options that are no inputs, or slices that are no categories, are
  // ignored here: check them where they are read. Pure; O(rows * inputs * log).
  [[nodiscard]] static Reference build(const model::Signature& signature, std::span<const float> rows,
                                       std::span<const float> heldout_rows, std::span<const float> heldout_outputs,
                                       std::span<const double> heldout_labels, const ReferenceOptions& options);
  // InvalidArgument names the first option that does not fit the signature, with the closest name.
  [[nodiscard]] static Result<void> check(const model::Signature& signature, const ReferenceOptions& options);
  [[nodiscard]] json::Value to_json() const;
  [[nodiscard]] static Result<Reference> from_json(const json::Value& value);

  [[nodiscard]] const model::Signature& signature() const noexcept { return signature_; }
  [[nodiscard]] std::uint64_t rows() const noexcept { return rows_; }
  [[nodiscard]] const std::vector<FeatureReference>& features() const noexcept { return features_; }
  [[nodiscard]] const FeatureReference& output() const noexcept { return output_; }  // held-out outputs
  [[nodiscard]] const std::vector<SliceReference>& slices() const noexcept { return slices_; }
  [[nodiscard]] const std::vector<ConstantReference>& constants() const noexcept { return constants_; }
  [[nodiscard]] const HeldOut& held_out() const noexcept { return held_out_; }

 private:
  model::Signature signature_;
  std::uint64_t rows_ = 0;
  std::vector<FeatureReference> features_;
  FeatureReference output_;
  std::vector<SliceReference> slices_;
  std::vector<ConstantReference> constants_;
  HeldOut held_out_;
};

}  // namespace fettle::monitor
