// A profile's checkpoint: everything that it counted, tied to its reference by the numbers of bins and rows.
#include "base/text.h"
#include "json/describe.h"
#include "monitor/profile.h"
#include "monitor/wire.h"

namespace fettle::monitor {
namespace {

constexpr int kCheckpointFormat = 1;

struct ViolationsDocument {
  std::size_t rule = 0;
  std::uint64_t rows = 0;
  std::vector<std::vector<std::uint64_t>> by_slice;
};
BOOST_DESCRIBE_STRUCT(ViolationsDocument, (), (rule, rows, by_slice))

struct CountsDocument {
  std::vector<std::uint64_t> counts;
  std::vector<double> sums;
  std::vector<ViolationsDocument> violations;
};
BOOST_DESCRIBE_STRUCT(CountsDocument, (), (counts, sums, violations))

struct SliceCountsDocument {
  std::vector<std::uint64_t> rows;
  std::vector<double> sums;  // [position, n, sum, sum2, ...] of those that are not empty
};
BOOST_DESCRIBE_STRUCT(SliceCountsDocument, (), (rows, sums))

struct DayDocument {
  std::int64_t day = 0;
  std::uint64_t rows = 0;
  std::vector<double> gap;
};
BOOST_DESCRIBE_STRUCT(DayDocument, (), (day, rows, gap))

struct CheckpointDocument {
  int format = 0;
  std::uint64_t reference_rows = 0, rows = 0, malformed = 0;
  std::vector<CountsDocument> features;
  CountsDocument output;
  std::vector<SliceCountsDocument> slices;
  std::vector<double> moments;  // loss of positives, of negatives, Brier, predicted, observed
  std::vector<DayDocument> days;
  std::vector<std::uint64_t> negatives, positives;
  std::map<std::string, std::uint64_t> unseen;
};
BOOST_DESCRIBE_STRUCT(CheckpointDocument, (),
                      (format, reference_rows, rows, malformed, features, output, slices, moments, days, negatives,
                       positives, unseen))

CountsDocument document_of(const FeatureCounts& counts) {
  CountsDocument out{
      sparse(counts.counts), {static_cast<double>(counts.sums.n), counts.sums.sum, counts.sums.sum2}, {}};
  for (std::size_t rule = 0; rule < counts.violations.size(); ++rule) {
    const auto& violations = counts.violations[rule];
    if (violations.rows == 0) continue;
    ViolationsDocument document{rule, violations.rows, {}};
    for (const auto& slice : violations.by_slice) document.by_slice.push_back(sparse(slice));
    out.violations.push_back(std::move(document));
  }
  return out;
}

SliceCountsDocument document_of(const SliceCounts& slice) {
  SliceCountsDocument out{sparse(slice.rows), {}};
  for (std::size_t i = 0; i < slice.sums.size(); ++i) {
    const auto& sums = slice.sums[i];
    if (sums.n > 0)
      out.sums.insert(out.sums.end(), {static_cast<double>(i), static_cast<double>(sums.n), sums.sum, sums.sum2});
  }
  return out;
}

bool read_counts(const CountsDocument& document, FeatureCounts& out) {
  if (!read_sparse(document.counts, out.counts) || document.sums.size() != 3) return false;
  out.sums = {0, document.sums[1], document.sums[2]};
  if (!read_count(document.sums[0], out.sums.n)) return false;
  for (const auto& violations : document.violations) {
    if (violations.rule >= out.violations.size()) return false;
    auto& to = out.violations[violations.rule];
    to.rows = violations.rows;
    if (violations.by_slice.size() != to.by_slice.size()) return false;
    for (std::size_t s = 0; s < to.by_slice.size(); ++s)
      if (!read_sparse(violations.by_slice[s], to.by_slice[s])) return false;
  }
  return true;
}

bool read_slice(const SliceCountsDocument& document, SliceCounts& out) {
  if (!read_sparse(document.rows, out.rows) || document.sums.size() % 4 != 0) return false;
  for (std::size_t i = 0; i < document.sums.size(); i += 4) {
    std::uint64_t at = 0;
    if (!read_count(document.sums[i], at) || at >= out.sums.size()) return false;
    out.sums[at] = {0, document.sums[i + 2], document.sums[i + 3]};
    if (!read_count(document.sums[i + 1], out.sums[at].n)) return false;
  }
  return true;
}

std::unexpected<Error> damaged_checkpoint(std::string_view what) {
  return fail(Code::DataLoss,
              text::format("profile checkpoint: {}; it belongs to another reference or is damaged", what));
}

}  // namespace

json::Value Profile::to_json() const {
  const stats::Moments moments[] = {loss_positive_, loss_negative_, brier_, predicted_, observed_};
  CheckpointDocument out{
      .format = kCheckpointFormat, .reference_rows = reference_->rows(), .rows = rows_, .malformed = malformed_};
  for (const auto& feature : features_) out.features.push_back(document_of(feature));
  out.output = document_of(output_);
  for (const auto& slice : slices_) out.slices.push_back(document_of(slice));
  out.moments = flat(moments);
  for (const auto& day : days_) out.days.push_back({day.day, day.rows, flat({&day.gap, 1})});
  out.negatives = sparse(negatives_);
  out.positives = sparse(positives_);
  out.unseen.insert(unseen_.begin(), unseen_.end());
  return json::to_value(out);
}

Result<Profile> Profile::from_json(std::shared_ptr<const Reference> reference, const json::Value& value) {
  auto read = json::from_value<CheckpointDocument>(value, "profile checkpoint");
  if (!read) return fail(Code::DataLoss, read.error().message);
  if (read->format != kCheckpointFormat)
    return damaged_checkpoint(text::format("format {} is not {}", read->format, kCheckpointFormat));
  Profile out(std::move(reference));
  if (read->reference_rows != out.reference_->rows())
    return damaged_checkpoint("the reference has another number of rows");
  if (read->features.size() != out.features_.size() || read->slices.size() != out.slices_.size())
    return damaged_checkpoint("the reference has other inputs or slices");
  out.rows_ = read->rows;
  out.malformed_ = read->malformed;
  for (std::size_t i = 0; i < out.features_.size(); ++i)
    if (!read_counts(read->features[i], out.features_[i])) return damaged_checkpoint("the reference has other bins");
  for (std::size_t s = 0; s < out.slices_.size(); ++s)
    if (!read_slice(read->slices[s], out.slices_[s])) return damaged_checkpoint("the reference has other slices");
  stats::Moments moments[5];
  if (!read_counts(read->output, out.output_) || !read_flat(read->moments, moments) ||
      !read_sparse(read->negatives, out.negatives_) || !read_sparse(read->positives, out.positives_))
    return damaged_checkpoint("its scores do not fit");
  out.loss_positive_ = moments[0], out.loss_negative_ = moments[1], out.brier_ = moments[2];
  out.predicted_ = moments[3], out.observed_ = moments[4];
  for (const auto& day : read->days) {
    auto& to = out.days_.emplace_back(DayCounts{.day = day.day, .rows = day.rows});
    if (!read_flat(day.gap, {&to.gap, 1})) return damaged_checkpoint("a day does not fit");
  }
  out.unseen_.insert(read->unseen.begin(), read->unseen.end());
  return out;
}

}  // namespace fettle::monitor
