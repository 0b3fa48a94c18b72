// Checks for leakage: did the model see in training what it is tested on, or is the answer among its inputs?
#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <string_view>
#include <unordered_map>

#include "base/text.h"
#include "gate/context.h"
#include "stats/metrics.h"

namespace fettle::gate {
namespace {

constexpr std::uint64_t kMissing = 0x9E3779B97F4A7C15U;
constexpr std::size_t kBins = 64;          // quantile bins of a numeric feature
constexpr double kPriorRows = 1;           // weight of the base rate in a bin's rate
constexpr std::uint64_t kMinOfClass = 10;  // held-out rows of each label, below which a lone feature is not judged

std::uint64_t mix(std::uint64_t h, std::uint64_t value) {  // splitmix64's finaliser
  std::uint64_t z = h * 0xBF58476D1CE4E5B9U + value + kMissing;
  z = (z ^ (z >> 30U)) * 0xBF58476D1CE4E5B9U;
  z = (z ^ (z >> 27U)) * 0x94D049BB133111EBU;
  return z ^ (z >> 31U);
}

// Adds one column to the hashes of the rows. Texts hash by content: dictionaries differ between tables.
void add_hashes(const table::Column& column, std::vector<std::uint64_t>& hashes) {
  std::vector<std::uint64_t> texts;
  for (const auto& text : column.dictionary) texts.push_back(std::hash<std::string_view>{}(text));
  for (std::size_t row = 0; row < hashes.size(); ++row) {
    std::uint64_t value = kMissing;
    if (column.is_valid(row))
      value = column.kind == table::Kind::Text ? texts[static_cast<std::size_t>(column.codes[row])]
                                               : std::hash<double>{}(column.number(row));
    hashes[row] = mix(hashes[row], value);
  }
}

std::vector<std::uint64_t> hash_rows(const table::Table& table, const table::Table& other) {
  std::vector<std::uint64_t> hashes(table.rows());
  for (const auto& column : table.columns())
    if (other.find(column.name) != nullptr) add_hashes(column, hashes);
  return hashes;
}

double share_of(std::size_t part, std::size_t whole) {
  return whole == 0 ? 0 : static_cast<double>(part) / static_cast<double>(whole);
}

double share_among(std::span<const std::uint64_t> hashes, std::span<const std::uint64_t> sorted) {
  const auto twins =
      std::ranges::count_if(hashes, [&](std::uint64_t h) { return std::ranges::binary_search(sorted, h); });
  return share_of(static_cast<std::size_t>(twins), hashes.size());
}

double share_repeated(std::span<const std::uint64_t> sorted) {
  std::size_t repeated = 0;
  for (std::size_t i = 0; i < sorted.size(); ++i)
    repeated += (i > 0 && sorted[i] == sorted[i - 1]) || (i + 1 < sorted.size() && sorted[i] == sorted[i + 1]) ? 1 : 0;
  return share_of(repeated, sorted.size());
}

// Maps a value of one feature to a group: texts by content, numbers by quantile bins of the training rows.
class Grouping {
 public:
  explicit Grouping(const table::Column& train) : text_(train.kind == table::Kind::Text) {
    if (text_) return;
    std::vector<double> values;
    for (std::size_t row = 0; row < train.rows(); ++row)
      if (const double x = train.number(row); !std::isnan(x)) values.push_back(x);
    std::ranges::sort(values);
    for (std::size_t i = 1; i < kBins && !values.empty(); ++i) edges_.push_back(values[i * values.size() / kBins]);
    edges_.erase(std::unique(edges_.begin(), edges_.end()), edges_.end());
  }
  [[nodiscard]] std::uint64_t of(const table::Column& column, std::size_t row) const {
    if (!column.is_valid(row)) return kMissing;
    if (text_) return std::hash<std::string_view>{}(column.text(row));
    const double x = column.number(row);
    // A value on an edge gets a group of its own, so that a 0/1 column has two.
    const auto at = std::ranges::lower_bound(edges_, x);
    const auto index = static_cast<std::uint64_t>(at - edges_.begin());
    return 2 * index + (at != edges_.end() && *at == x ? 1U : 0U);
  }

 private:
  bool text_;
  std::vector<double> edges_;
};

// AUC on the held-out rows of the training rows' mean label per group of one feature.
double lone_auc(const Context& context, const table::Column& train, const table::Column& valid) {
  const Grouping grouping(train);
  std::unordered_map<std::uint64_t, std::pair<double, double>> sums;  // labels, rows
  for (std::size_t row = 0; row < train.rows(); ++row) {
    auto& [hits, rows] = sums[grouping.of(train, row)];
    hits += context.train_labels[row];
    rows += 1;
  }
  std::vector<float> scores(valid.rows());
  for (std::size_t row = 0; row < scores.size(); ++row) {
    const auto at = sums.find(grouping.of(valid, row));
    const auto [hits, rows] = at == sums.end() ? std::pair(0.0, 0.0) : at->second;
    scores[row] = static_cast<float>((hits + kPriorRows * context.base_rate) / (rows + kPriorRows));
  }
  return stats::auc(scores, context.labels);
}

bool has_both_classes(const Context& context) {
  const auto ones = static_cast<std::uint64_t>(std::ranges::count(context.labels, 1.0));
  return ones >= kMinOfClass && context.labels.size() - ones >= kMinOfClass;
}

std::pair<std::int64_t, std::int64_t> time_range(const table::Column& column) {
  std::pair range{std::numeric_limits<std::int64_t>::max(), std::numeric_limits<std::int64_t>::min()};
  for (std::size_t row = 0; row < column.rows(); ++row) {
    if (!column.is_valid(row)) continue;
    range.first = std::min(range.first, column.ints[row]);
    range.second = std::max(range.second, column.ints[row]);
  }
  return range;
}

}  // namespace

Result<Check> check_duplicates(const Context& context) {
  const Question question{"leakage.duplicates", "no held-out row is also a training row",
                          "share of held-out rows that equal a training row in every common column (64-bit hashes)",
                          "share of rows"};
  const auto valid = hash_rows(context.inputs.valid, context.inputs.train);
  auto train = hash_rows(context.inputs.train, context.inputs.valid);
  std::ranges::sort(train);
  const double share = share_among(valid, train);
  const double within = share_repeated(train);
  auto check = found(question, Status::Pass, text::format("{:.3f} % of held-out rows are training rows", share * 100));
  check.value = share;
  check.threshold = context.suite.max_duplicate_share;
  check.details.set("repeated_within_training", within);
  if (share <= context.suite.max_duplicate_share) return check;
  // Rows of few possible values repeat by nature: then held-out rows meet twins as often as training rows do.
  check.status = share <= within * 1.5 ? Status::Warn : Status::Fail;
  check.message += check.status == Status::Warn
                       ? text::format(
                             "; {:.3f} % repeat within training, so this may be natural: make sure that the "
                             "rows were not doubled before they were split",
                             within * 100)
                       : std::string("; split before rows are copied or sampled, and drop repeated rows");
  return check;
}

Result<Check> check_time(const Context& context) {
  const Question question{"leakage.time", "every training row is older than every held-out row",
                          "share of training rows at or after the first held-out row's time", "share of rows"};
  if (context.suite.time.empty()) return found(question, Status::Pass, "the suite names no time column");
  FETTLE_TRY(const auto* train, context.inputs.train.get(context.suite.time));
  FETTLE_TRY(const auto* valid, context.inputs.valid.get(context.suite.time));
  const auto held_out = time_range(*valid);
  std::size_t late = 0;
  for (std::size_t row = 0; row < train->rows(); ++row)
    late += train->is_valid(row) && train->ints[row] >= held_out.first ? 1U : 0U;
  const auto last = text::rfc3339(time_range(*train).second);
  auto check = found(question, late == 0 ? Status::Pass : Status::Fail,
                     text::format("training ends {}, held-out rows begin {}", last, text::rfc3339(held_out.first)));
  check.value = share_of(late, train->rows());
  check.threshold = 0;
  check.details.set("training_rows_too_late", static_cast<std::uint64_t>(late));
  if (late > 0)
    check.message += text::format(": {} training rows are from the held-out time; mend the splits of the prepare step",
                                  text::human_count(late));
  return check;
}

Result<Check> check_feature(const Context& context) {
  const Question question{"leakage.feature", "no input alone gives the label away",
                          "AUC on the held-out rows of each input alone, scored by the training rows' mean label per "
                          "category or quantile bin; the highest",
                          "AUC"};
  if (!has_both_classes(context))
    return found(question, Status::Unknown,
                 text::format("fewer than {} held-out rows of each label: hold out more rows", kMinOfClass));
  auto check = found(question, Status::Pass, "");
  check.value = 0;
  check.threshold = context.suite.max_feature_auc;
  std::string strongest;
  for (const auto& input : context.inputs.model.signature.inputs()) {
    FETTLE_TRY(const auto* train, context.inputs.train.get(input.name));
    FETTLE_TRY(const auto* valid, context.inputs.valid.get(input.name));
    const double auc = lone_auc(context, *train, *valid);
    check.details.set(input.name, auc);
    if (auc <= *check.value) continue;
    check.value = auc;
    strongest = input.name;
  }
  check.message = text::format("{} alone reaches AUC {:.3f}", strongest, *check.value);
  if (*check.value <= context.suite.max_feature_auc) return check;
  check.status = Status::Fail;
  check.message += "; it is likely made from the label: remove it from the features";
  return check;
}

}  // namespace fettle::gate
