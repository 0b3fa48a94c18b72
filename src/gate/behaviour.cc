// Checks of how the model behaves as a program: on hostile inputs, twice on the same rows, and how fast.
#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>

#include "base/text.h"
#include "gate/context.h"

namespace fettle::gate {
namespace {

constexpr std::size_t kDeterminismRows = 4096;
constexpr std::size_t kLatencyRows = 2000;
constexpr int kLatencyRounds = 5;

bool is_probability(float x) { return x >= 0 && x <= 1; }  // false for NaN

// Rows that no training set has: all missing, then each input in turn at each extreme beside an ordinary row.
std::vector<float> hostile_rows(std::span<const float> ordinary) {
  using Limits = std::numeric_limits<float>;
  constexpr float kExtremes[] = {
      Limits::quiet_NaN(), Limits::infinity(), -Limits::infinity(), Limits::max(), Limits::lowest(), -1.0F, 0.5F, 1e6F};
  std::vector<float> rows(ordinary.size(), Limits::quiet_NaN());
  for (std::size_t input = 0; input < ordinary.size(); ++input)
    for (const float extreme : kExtremes) {
      rows.insert(rows.end(), ordinary.begin(), ordinary.end());
      rows[rows.size() - ordinary.size() + input] = extreme;
    }
  return rows;
}

std::vector<float> predict(const Context& context, std::span<const float> rows, std::size_t width) {
  std::vector<float> out(rows.size() / width);
  context.inputs.model.predictor->predict(rows, out);
  return out;
}

std::size_t different(std::span<const float> a, std::span<const float> b) {
  std::size_t count = 0;
  for (std::size_t i = 0; i < a.size(); ++i)
    count += std::bit_cast<std::uint32_t>(a[i]) != std::bit_cast<std::uint32_t>(b[i]) ? 1U : 0U;
  return count;
}

std::vector<float> one_by_one_backwards(const Context& context, std::span<const float> rows, std::size_t width) {
  std::vector<float> out(rows.size() / width);
  for (std::size_t i = out.size(); i-- > 0;)
    context.inputs.model.predictor->predict(rows.subspan(i * width, width), std::span(out).subspan(i, 1));
  return out;
}

// Microseconds of one row at a time, row by row, ascending. Each row is timed in every round and its least time counts:
// a row that is slow stays slow, while a machine that was busy with something else at the moment is not the model's
// fault.
std::vector<double> time_rows(const Context& context, std::size_t width, const Clock& clock) {
  std::vector<double> us(kLatencyRows, std::numeric_limits<double>::infinity());
  float out = 0;
  for (int round = 0; round < kLatencyRounds; ++round)
    for (std::size_t i = 0; i < us.size(); ++i) {
      const auto row = context.inputs.valid_rows.subspan(i % context.outputs.size() * width, width);
      const auto start = clock.monotonic_ns();
      context.inputs.model.predictor->predict(row, {&out, 1});
      us[i] = std::min(us[i], static_cast<double>(clock.monotonic_ns() - start) / 1000);
    }
  std::ranges::sort(us);
  return us;
}

}  // namespace

Result<Check> check_robustness(const Context& context) {
  const Question question{"behaviour.robust", "every output is a probability, whatever the input",
                          "outputs of all held-out rows, of a row without any value, and of one row with each input at "
                          "NaN, infinities, the largest numbers and unknown codes",
                          "rows"};
  const auto width = context.inputs.model.signature.inputs().size();
  const auto hostile = hostile_rows(context.inputs.valid_rows.first(width));
  const auto bad = std::ranges::count_if(context.outputs, [](float x) { return !is_probability(x); }) +
                   std::ranges::count_if(predict(context, hostile, width), [](float x) { return !is_probability(x); });
  auto check = found(question, bad == 0 ? Status::Pass : Status::Fail,
                     text::format("{} outputs of {} ordinary and {} hostile rows are no probabilities", bad,
                                  text::human_count(context.outputs.size()), hostile.size() / width));
  check.value = static_cast<double>(bad);
  check.threshold = 0;
  if (bad > 0) check.message += "; the label or the objective of the training is likely wrong";
  return check;
}

Result<Check> check_determinism(const Context& context) {
  const Question question{"behaviour.determinism", "the same row has the same output, bit for bit",
                          "rows scored together, then again, then one at a time in reverse order", "rows"};
  const auto width = context.inputs.model.signature.inputs().size();
  const auto count = std::min(context.outputs.size(), kDeterminismRows);
  const auto rows = context.inputs.valid_rows.first(count * width);
  const auto first = predict(context, rows, width);
  const auto bad = std::max(different(first, predict(context, rows, width)),
                            different(first, one_by_one_backwards(context, rows, width)));
  auto check = found(question, bad == 0 ? Status::Pass : Status::Fail,
                     text::format("{} of {} rows had another output the next time", bad, text::human_count(count)));
  check.value = static_cast<double>(bad);
  check.threshold = 0;
  return check;
}

Result<Check> check_latency(const Context& context, const Clock& clock) {
  const Question question{"behaviour.latency", "one row is scored within the budget",
                          "99th percentile over 2,000 rows scored one at a time on this machine, each row's least of 5 "
                          "times",
                          "microseconds"};
  const auto us = time_rows(context, context.inputs.model.signature.inputs().size(), clock);
  const double p50 = us[us.size() / 2];
  const double p99 = us[us.size() * 99 / 100];
  const bool within = p99 <= context.suite.max_latency_us;
  auto check =
      found(question, within ? Status::Pass : Status::Fail, text::format("p99 {:.1f} us, p50 {:.1f} us", p99, p50));
  check.value = p99;
  check.threshold = context.suite.max_latency_us;
  check.details.set("p50_us", p50).set("p99_us", p99);
  if (!within) check.message += "; train fewer or shallower trees, or raise max_latency_us";
  return check;
}

}  // namespace fettle::gate
