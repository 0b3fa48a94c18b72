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
constexpr std::size_t kBins = 64;  // quantile bins of a numeric feature
constexpr std::size_t kEdgeRows = 100'000;
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

constexpr std::uint64_t kFilterBits = 1U << 23U;

// Share of held-out rows that are training rows. Most training rows are turned away by one bit.
double share_among(std::vector<std::uint64_t> valid, std::span<const std::uint64_t> train) {
  std::vector<std::uint8_t> filter(kFilterBits / 8);
  for (const auto h : valid) filter[h % kFilterBits / 8] |= static_cast<std::uint8_t>(1U << (h % 8));
  std::ranges::sort(valid);
  std::vector<std::uint8_t> met(valid.size());
  for (const auto h : train) {
    if ((filter[h % kFilterBits / 8] & (1U << (h % 8))) == 0) continue;
    const auto twins = std::ranges::equal_range(valid, h);
    std::fill(met.begin() + (twins.begin() - valid.begin()), met.begin() + (twins.end() - valid.begin()), 1);
  }
  return share_of(static_cast<std::size_t>(std::ranges::count(met, 1)), met.size());
}

double share_repeated(std::vector<std::uint64_t> hashes) {
  std::ranges::sort(hashes);
  std::size_t repeated = 0;
  for (std::size_t i = 0; i < hashes.size(); ++i)
    repeated += (i > 0 && hashes[i] == hashes[i - 1]) || (i + 1 < hashes.size() && hashes[i] == hashes[i + 1]) ? 1 : 0;
  return share_of(repeated, hashes.size());
}

using Groups = std::vector<std::uint32_t>;  // per row; 0: missing, or a text that training does not have

std::pair<Groups, Groups> group_texts(const table::Column& train, const table::Column& valid) {
  std::unordered_map<std::string_view, std::uint32_t> ids;
  for (const auto& text : train.dictionary) ids.emplace(text, static_cast<std::uint32_t>(ids.size() + 1));
  const auto map = [&](const table::Column& column) {
    Groups by_code, out(column.rows());
    for (const auto& text : column.dictionary) {
      const auto at = ids.find(text);
      by_code.push_back(at == ids.end() ? 0 : at->second);
    }
    for (std::size_t row = 0; row < out.size(); ++row)
      if (column.codes[row] >= 0) out[row] = by_code[static_cast<std::size_t>(column.codes[row])];
    return out;
  };
  return {map(train), map(valid)};
}

// Edges of quantile bins, from at most kEdgeRows evenly spaced rows.
std::vector<double> quantile_edges(const table::Column& train) {
  std::vector<double> values, edges;
  for (std::size_t row = 0; row < train.rows(); row += train.rows() / kEdgeRows + 1)
    if (const double x = train.number(row); !std::isnan(x)) values.push_back(x);
  std::ranges::sort(values);
  for (std::size_t i = 1; i < kBins && !values.empty(); ++i) edges.push_back(values[i * values.size() / kBins]);
  edges.erase(std::unique(edges.begin(), edges.end()), edges.end());
  return edges;
}

// A value on an edge has a group of its own, so that a 0/1 column has two.
std::pair<Groups, Groups> group_numbers(const table::Column& train, const table::Column& valid) {
  const auto edges = quantile_edges(train);
  const auto map = [&](const table::Column& column) {
    Groups out(column.rows());
    for (std::size_t row = 0; row < out.size(); ++row) {
      const double x = column.number(row);
      if (std::isnan(x)) continue;
      const auto at = std::ranges::lower_bound(edges, x);
      out[row] = static_cast<std::uint32_t>(2 * (at - edges.begin()) + (at != edges.end() && *at == x ? 2 : 1));
    }
    return out;
  };
  return {map(train), map(valid)};
}

// AUC on the held-out rows of the training rows' mean label per group of one feature.
double lone_auc(const Context& context, const table::Column& train, const table::Column& valid) {
  const bool text = train.kind == table::Kind::Text && valid.kind == table::Kind::Text;
  const auto [train_groups, valid_groups] = text ? group_texts(train, valid) : group_numbers(train, valid);
  const std::size_t count = text ? train.dictionary.size() + 1 : 2 * kBins + 2;
  std::vector<double> hits(count), rows(count);
  for (std::size_t row = 0; row < train_groups.size(); ++row) {
    hits[train_groups[row]] += context.train_labels[row];
    rows[train_groups[row]] += 1;
  }
  std::vector<float> scores(valid_groups.size());
  for (std::size_t row = 0; row < scores.size(); ++row) {
    const auto group = valid_groups[row];
    scores[row] = static_cast<float>((hits[group] + kPriorRows * context.base_rate) / (rows[group] + kPriorRows));
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
  const auto train = hash_rows(context.inputs.train, context.inputs.valid);
  const double share = share_among(hash_rows(context.inputs.valid, context.inputs.train), train);
  auto check = found(question, Status::Pass, text::format("{:.3f} % of held-out rows are training rows", share * 100));
  check.value = share;
  check.threshold = context.suite.max_duplicate_share;
  if (share <= context.suite.max_duplicate_share) return check;
  const double within = share_repeated(train);
  check.details.set("repeated_within_training", within);
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
