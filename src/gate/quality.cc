// Checks of how good the model is: against a constant, against the champion, within slices, within declared bounds.
//
// Each compares two losses of the same held-out rows, so the difference per row is what is averaged (paired).
#include <algorithm>
#include <cmath>
#include <unordered_map>

#include "base/text.h"
#include "gate/context.h"
#include "gate/ratio.h"
#include "stats/clustered.h"

namespace fettle::gate {
namespace {

constexpr std::size_t kListed = 10;  // slices in the details, worst first
constexpr std::size_t kNamed = 3;    // and in the message

double mean_of(std::span<const double> values) {
  double total = 0;
  for (const double value : values) total += value;
  return total / static_cast<double>(values.size());
}

stats::ClusteredMean difference(const Context& context, std::span<const double> other) {
  std::vector<double> differences(other.size());
  for (std::size_t i = 0; i < other.size(); ++i) differences[i] = context.loss[i] - other[i];
  return stats::clustered_mean(differences, context.days);
}

json::Value finite_or_null(double x) { return std::isfinite(x) ? json::Value(x) : json::Value(); }

std::string units(const Context& context) { return context.days.empty() ? "rows" : "days"; }

// How many units would narrow the bound to `limit`, were the mean to stay; empty if none would.
std::string needed(const Context& context, const stats::ClusteredMean& mean, double limit, double alpha) {
  const double room = limit - mean.mean;
  const double width = stats::upper_bound(mean, alpha) - mean.mean;
  if (room <= 0 || !std::isfinite(width)) return "";
  const double count = std::ceil(static_cast<double>(mean.groups) * (width / room) * (width / room));
  return count > 1e6 ? "" : text::format("; about {:.0f} held-out {} would tell", count, units(context));
}

struct Comparison {
  std::string_view other;  // "the constant"
  std::span<const double> loss;
  double limit = 0;  // of the mean difference
};

// Pass if the difference is below the limit beyond doubt, Fail if above beyond doubt, else Unknown.
Check compare(const Context& context, const Question& question, const Comparison& with) {
  const auto& suite = context.suite;
  const auto mean = difference(context, with.loss);
  const double upper = stats::upper_bound(mean, suite.alpha);
  const double lower = stats::lower_bound(mean, suite.alpha);
  const bool enough = context.loss.size() >= suite.min_rows;
  const auto status = !enough               ? Status::Unknown
                      : upper <= with.limit ? Status::Pass
                      : lower > with.limit  ? Status::Fail
                                            : Status::Unknown;
  auto check = found(question, status,
                     text::format("log loss {:.4f}, {} {:.4f}: difference {:+.4f}, {:.0f} % bounds {:+.4f} to {:+.4f}",
                                  mean_of(context.loss), with.other, mean_of(with.loss), mean.mean,
                                  (1 - suite.alpha) * 100, lower, upper));
  if (std::isfinite(upper)) check.value = upper;
  check.threshold = with.limit;
  check.details.set("log_loss", mean_of(context.loss))
      .set("log_loss_other", mean_of(with.loss))
      .set("difference", mean.mean)
      .set("lower", finite_or_null(lower))
      .set("upper", finite_or_null(upper))
      .set("rows", mean.n)
      .set("units", mean.groups);
  if (!enough)
    check.message += text::format("; {} held-out rows are too few, the suite wants {}", mean.n, suite.min_rows);
  else if (status == Status::Unknown)
    check.message += needed(context, mean, with.limit, suite.alpha);
  return check;
}

struct Slice {
  std::string column, value;
  std::vector<std::uint32_t> rows;
  RatioBound ratio;
};

std::unordered_map<std::string, std::vector<std::uint32_t>> group_rows(const table::Column& column) {
  std::unordered_map<std::string, std::vector<std::uint32_t>> out;
  const bool text = column.kind == table::Kind::Text;
  std::vector<std::vector<std::uint32_t>> by_code(column.dictionary.size());
  for (std::uint32_t row = 0; row < column.rows(); ++row) {
    if (!column.is_valid(row)) continue;
    (text ? by_code[static_cast<std::size_t>(column.codes[row])] : out[column.display(row)]).push_back(row);
  }
  for (std::size_t code = 0; code < by_code.size(); ++code) out[column.dictionary[code]] = std::move(by_code[code]);
  return out;
}

Result<std::vector<Slice>> find_slices(const Context& context) {
  std::vector<Slice> out;
  for (const auto& name : context.suite.slices) {
    FETTLE_TRY(const auto* column, context.inputs.valid.get(name));
    for (auto& [value, rows] : group_rows(*column))
      if (rows.size() >= context.suite.min_slice_rows) out.push_back({name, value, std::move(rows), {}});
  }
  return out;
}

RatioBound bound_of(const Context& context, const Slice& slice, std::span<const double> other, double alpha) {
  std::vector<double> own, others;
  std::vector<std::int64_t> days;
  for (const auto row : slice.rows) {
    own.push_back(context.loss[row]);
    others.push_back(other[row]);
    if (!context.days.empty()) days.push_back(context.days[row]);
  }
  return ratio_lower_bound(own, others, days, alpha);
}

json::Value describe(const std::vector<Slice>& slices, double limit) {
  auto list = json::Value::array();
  for (std::size_t i = 0; i < std::min(slices.size(), kListed); ++i)
    list.push(json::Value::object()
                  .set("column", slices[i].column)
                  .set("value", slices[i].value)
                  .set("rows", static_cast<std::uint64_t>(slices[i].rows.size()))
                  .set("ratio", slices[i].ratio.ratio)
                  .set("lower", slices[i].ratio.lower)
                  .set("fails", slices[i].ratio.lower > limit));
  return list;
}

std::string name_worst(const std::vector<Slice>& slices, double limit) {
  std::vector<std::string> named;
  for (const auto& slice : slices)
    if (named.size() < kNamed && slice.ratio.lower > limit)
      named.push_back(text::format("{} = {} has {:.2f} times ({} rows)", slice.column, slice.value, slice.ratio.ratio,
                                   text::human_count(slice.rows.size())));
  return text::join(named, ", ");
}

Result<Check> compare_slices(const Context& context, const Question& question, const Comparison& with) {
  if (context.suite.slices.empty()) return found(question, Status::Pass, "the suite names no slices");
  FETTLE_TRY(auto slices, find_slices(context));
  if (slices.empty())
    return found(question, Status::Warn,
                 text::format("no value of {} has {} held-out rows: no slice was judged",
                              text::join(context.suite.slices, ", "), context.suite.min_slice_rows));
  const double alpha = context.suite.alpha / static_cast<double>(slices.size());
  for (auto& slice : slices) slice.ratio = bound_of(context, slice, with.loss, alpha);
  std::ranges::sort(slices, [](const auto& a, const auto& b) {
    return std::tie(b.ratio.lower, b.ratio.ratio, a.value) < std::tie(a.ratio.lower, a.ratio.ratio, b.value);
  });
  const auto failing = std::ranges::count_if(slices, [&](const auto& s) { return s.ratio.lower > with.limit; });
  auto check = found(question, failing == 0 ? Status::Pass : Status::Fail,
                     failing == 0 ? text::format("none of {} slices is beyond doubt above {} times the loss of {}",
                                                 slices.size(), with.limit, with.other)
                                  : text::format("{} of {} slices: {} the loss of {}; look at their rows, add what "
                                                 "tells them apart, or more of them",
                                                 failing, slices.size(), name_worst(slices, with.limit), with.other));
  check.value = slices.front().ratio.lower;
  check.threshold = with.limit;
  check.details.set("slices", static_cast<std::uint64_t>(slices.size())).set("worst", describe(slices, with.limit));
  return check;
}

std::string judge_bound(const std::string& metric, const Bound& bound, const json::Value* value) {
  if (value == nullptr || !value->is_number()) return text::format("{} is not among the metrics", metric);
  const double x = value->as_double();
  if (bound.min && !(x >= *bound.min)) return text::format("{} = {:.4g} is below {:.4g}", metric, x, *bound.min);
  if (bound.max && !(x <= *bound.max)) return text::format("{} = {:.4g} is above {:.4g}", metric, x, *bound.max);
  return "";
}

}  // namespace

Result<Check> check_constant(const Context& context) {
  const Question question{"quality.constant", "the model predicts no better than the training rows' mean label",
                          "paired difference of log loss on the held-out rows; days are the independent units where a "
                          "time column is named; passes if its upper bound is below 0",
                          "nats"};
  auto check = compare(context, question, {"the constant", context.constant_loss, 0});
  check.details.set("base_rate", context.base_rate);
  if (check.status == Status::Fail) check.message += ": the constant is better; do not deploy this model";
  return check;
}

Result<Check> check_champion(const Context& context) {
  const Question question{"quality.champion", "the model is worse than the champion by more than the margin",
                          "paired difference of log loss on the held-out rows; passes if its upper bound is within the "
                          "margin, fails if its lower bound is beyond it",
                          "nats"};
  if (context.champion_loss.empty())
    return found(question, Status::Pass, "no champion to compare with: this would be the first version");
  auto check = compare(context, question, {"the champion's", context.champion_loss, context.suite.margin});
  if (check.status == Status::Fail) check.message += ": keep the champion, or train on newer or more data";
  return check;
}

Result<Check> check_slices(const Context& context) {
  const Question question{"slices.constant", "in every slice the model's loss is within the limit of the constant's",
                          "ratio of the losses per slice with enough rows; fails if a lower bound (Fieller, Bonferroni "
                          "over all slices) is above the limit; the highest lower bound",
                          "times"};
  return compare_slices(context, question, {"the constant", context.constant_loss, context.suite.max_slice_ratio});
}

Result<Check> check_champion_slices(const Context& context) {
  const Question question{"slices.champion", "in every slice the model's loss is within the limit of the champion's",
                          "as slices.constant, against the champion's loss", "times"};
  if (context.champion_loss.empty()) return found(question, Status::Pass, "no champion to compare with");
  return compare_slices(context, question, {"the champion", context.champion_loss, context.suite.max_slice_ratio});
}

Result<Check> check_bounds(const Context& context) {
  const Question question{"quality.bounds", "every metric is within the bounds that the suite declares",
                          "each bound against metrics.json; no statistics", "bounds broken"};
  if (context.suite.bounds.empty()) return found(question, Status::Pass, "the suite declares no bounds");
  std::vector<std::string> broken;
  for (const auto& [metric, bound] : context.suite.bounds) {
    const auto* value = context.inputs.metrics == nullptr ? nullptr : context.inputs.metrics->find(metric);
    if (auto problem = judge_bound(metric, bound, value); !problem.empty()) broken.push_back(std::move(problem));
  }
  auto check = found(question, broken.empty() ? Status::Pass : Status::Fail,
                     broken.empty() ? text::format("{} metrics are within bounds", context.suite.bounds.size())
                                    : text::join(broken, "; "));
  check.value = static_cast<double>(broken.size());
  check.threshold = 0;
  return check;
}

}  // namespace fettle::gate
