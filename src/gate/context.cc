#include "gate/context.h"

#include <algorithm>
#include <numeric>

#include "base/text.h"
#include "model/predict_all.h"
#include "stats/metrics.h"

namespace fettle::gate {
namespace {

constexpr std::int64_t kDayMs = 86'400'000;

Result<std::vector<double>> read_labels(const table::Table& table, const std::string& label, std::string_view which) {
  const auto column = table.get(label);
  if (!column) return fail(column.error().within(text::format("label of the {} rows", which)));
  std::vector<double> out(table.rows());
  for (std::size_t row = 0; row < out.size(); ++row) {
    out[row] = (*column)->number(row);
    if (out[row] != 0 && out[row] != 1)
      return fail(Code::InvalidArgument,
                  text::format("label '{}' of the {} rows is {} in row {}: the gate judges models of a label that is 0 "
                               "or 1; derive one in the prepare step",
                               label, which, (*column)->display(row), row));
  }
  return out;
}

Result<std::vector<std::int64_t>> read_days(const table::Table& table, const std::string& time) {
  std::vector<std::int64_t> days;
  if (time.empty()) return days;
  FETTLE_TRY(const auto* column, table.get(time));
  if (column->kind != table::Kind::Time)
    return fail(Code::InvalidArgument,
                text::format("the suite's time column '{}' holds {} values: name a column of times, or none", time,
                             table::name(column->kind)));
  days.reserve(table.rows());
  for (const auto ms : column->ints) days.push_back((ms - (ms < 0 ? kDayMs - 1 : 0)) / kDayMs);
  return days;
}

std::vector<double> losses(std::span<const float> outputs, std::span<const double> labels) {
  std::vector<double> out(labels.size());
  for (std::size_t i = 0; i < out.size(); ++i) out[i] = stats::log_loss_of(outputs[i], labels[i]);
  return out;
}

Result<void> check_shapes(const Inputs& inputs) {
  const auto rows = inputs.valid.rows();
  const bool fits = inputs.valid_rows.size() == rows * inputs.model.signature.inputs().size() &&
                    (inputs.champion_outputs.empty() || inputs.champion_outputs.size() == rows);
  if (!fits) return fail(Code::Internal, "gate: the matrices do not fit the tables");
  if (inputs.model.predictor->outputs() != 1)
    return fail(Code::InvalidArgument, text::format("the model gives {} outputs a row; the gate judges models of one",
                                                    inputs.model.predictor->outputs()));
  if (rows == 0 || inputs.train.rows() == 0)
    return fail(Code::InvalidArgument,
                "no rows to judge the model on: the training or the held-out table is empty; "
                "see the splits of the prepare step");
  return {};
}

}  // namespace

Result<Context> Context::create(const Suite& suite, const Inputs& inputs) {
  FETTLE_TRY_(check_shapes(inputs));
  Context out{suite, inputs, {}, {}, {}, {}, 0, {}, {}, {}};
  FETTLE_TRY(out.train_labels, read_labels(inputs.train, suite.label, "training"));
  FETTLE_TRY(out.labels, read_labels(inputs.valid, suite.label, "held-out"));
  FETTLE_TRY(out.days, read_days(inputs.valid, suite.time));
  out.outputs.resize(out.labels.size());
  model::predict_all(*inputs.model.predictor, inputs.valid_rows, out.outputs);
  out.base_rate = std::accumulate(out.train_labels.begin(), out.train_labels.end(), 0.0) /
                  static_cast<double>(out.train_labels.size());
  out.loss = losses(out.outputs, out.labels);
  out.constant_loss = losses(std::vector(out.labels.size(), static_cast<float>(out.base_rate)), out.labels);
  if (!inputs.champion_outputs.empty()) out.champion_loss = losses(inputs.champion_outputs, out.labels);
  return out;
}

Check found(const Question& question, Status status, std::string message) {
  Check check;
  check.name = question.name;
  check.status = status;
  check.message = std::move(message);
  check.hypothesis = question.hypothesis;
  check.method = question.method;
  check.unit = question.unit;
  check.details = json::Value::object();
  return check;
}

}  // namespace fettle::gate
