// Built-in step `evaluate`: the model's held-out metrics, and the profile that later traffic is compared with.
#include <boost/describe.hpp>
#include <numeric>

#include "base/text.h"
#include "json/describe.h"
#include "model/predict_all.h"
#include "monitor/reference.h"
#include "os/file.h"
#include "stats/metrics.h"
#include "step.h"
#include "table/file.h"
#include "train/matrix.h"

namespace fettle::cli {
namespace {

constexpr double kIntervalAlpha = 0.05;
constexpr std::size_t kScoredTraining = 200'000;  // rows, evenly spaced: enough to see overfitting

struct Range {
  double min = 0, max = 0;
};
BOOST_DESCRIBE_STRUCT(Range, (), (min, max))

struct EvaluateSpec {
  std::string label;
  std::string model = "work/model";
  std::string train = "work/train.parquet";
  std::string valid = "work/valid.parquet";
  std::vector<std::string> slices;                               // see monitor::ReferenceOptions
  std::map<std::string, std::vector<std::string>> constant_per;  // input -> inputs that determine it
  std::map<std::string, Range> ranges;                           // input -> allowed values
};
BOOST_DESCRIBE_STRUCT(EvaluateSpec, (), (label, model, train, valid, slices, constant_per, ranges))

struct Scored {
  std::vector<float> rows, outputs;
  std::vector<double> labels;
};

Result<std::vector<double>> labels_of(const table::Table& rows, const std::string& label) {
  FETTLE_TRY(const auto* column, rows.get(label));
  std::vector<double> out(rows.rows());
  for (std::size_t row = 0; row < out.size(); ++row) {
    out[row] = column->number(row);
    if (out[row] != 0 && out[row] != 1)
      return fail(Code::InvalidArgument,
                  text::format("label '{}' is {} in row {}; it must be 0 or 1", label, column->display(row), row));
  }
  return out;
}

Result<Scored> read_rows(const model::LoadedModel& model, const std::string& path, const std::string& label) {
  FETTLE_TRY(const auto table, table::read(path));
  if (table.rows() == 0)
    return fail(Code::InvalidArgument, text::format("'{}' has no rows; see the splits of the prepare step", path));
  Scored out;
  auto labels = labels_of(table, label);
  if (!labels) return fail(labels.error().within(path));
  out.labels = *std::move(labels);
  FETTLE_TRY(out.rows, train::feature_matrix(model.signature, table));
  return out;
}

void score(const model::LoadedModel& model, Scored& rows) {
  rows.outputs.resize(rows.labels.size());
  model::predict_all(*model.predictor, rows.rows, rows.outputs);
}

// At most `most` rows, evenly spaced.
Scored thinned(const Scored& rows, std::size_t most) {
  const auto width = rows.rows.size() / rows.labels.size();
  const auto stride = (rows.labels.size() + most - 1) / most;
  Scored out;
  for (std::size_t row = 0; row < rows.labels.size(); row += stride) {
    out.labels.push_back(rows.labels[row]);
    const auto begin = rows.rows.begin() + static_cast<std::ptrdiff_t>(row * width);
    out.rows.insert(out.rows.end(), begin, begin + static_cast<std::ptrdiff_t>(width));
  }
  return out;
}

double rate_of(const std::vector<double>& labels) {
  return std::accumulate(labels.begin(), labels.end(), 0.0) / static_cast<double>(labels.size());
}

json::Value metrics_of(const std::vector<double>& train_labels, const Scored& train, const Scored& valid) {
  const auto rate = static_cast<float>(rate_of(train_labels));
  const std::vector<float> constant(valid.labels.size(), rate);
  const auto auc = stats::auc_delong(valid.outputs, valid.labels);
  const auto interval = stats::auc_interval(auc, kIntervalAlpha);
  json::Value out;
  out.set("rows_train", static_cast<std::uint64_t>(train_labels.size()))
      .set("rows_valid", static_cast<std::uint64_t>(valid.labels.size()))
      .set("base_rate_train", rate_of(train_labels))
      .set("base_rate_valid", rate_of(valid.labels))
      .set("auc", auc.auc)
      .set("auc_lower", interval.lower)
      .set("auc_upper", interval.upper)
      .set("auc_train", stats::auc(train.outputs, train.labels))
      .set("log_loss", stats::log_loss(valid.outputs, valid.labels))
      .set("log_loss_train", stats::log_loss(train.outputs, train.labels))
      .set("log_loss_constant", stats::log_loss(constant, valid.labels))
      .set("brier", stats::brier(valid.outputs, valid.labels))
      .set("calibration_error", stats::expected_calibration_error(valid.outputs, valid.labels));
  return out;
}

monitor::ReferenceOptions options_of(const EvaluateSpec& spec) {
  monitor::ReferenceOptions out{spec.slices, spec.constant_per, {}};
  for (const auto& [input, range] : spec.ranges) out.ranges.emplace(input, std::pair(range.min, range.max));
  return out;
}

}  // namespace

Result<void> step_evaluate(const StepContext& context) {
  FETTLE_TRY(const auto spec, json::from_value<EvaluateSpec>(context.with, context.step + ".with"));
  if (context.outs.size() != 2 || context.metrics.size() != 1)
    return fail(Code::InvalidArgument,
                text::format("step '{}': evaluate has one out, the profile, and one file of metrics", context.step));
  const auto& metrics = context.metrics[0];
  const auto& profile = context.outs[0] == metrics ? context.outs[1] : context.outs[0];
  FETTLE_TRY(const auto model, model::load_folder(spec.model));
  if (model.predictor->outputs() != 1)
    return fail(Code::InvalidArgument, text::format("'{}' gives {} outputs a row; evaluate takes models of one",
                                                    spec.model, model.predictor->outputs()));
  FETTLE_TRY_(monitor::Reference::check(model.signature, options_of(spec)));
  context.progress(0.1, "reading rows");
  FETTLE_TRY(const auto train, read_rows(model, spec.train, spec.label));
  FETTLE_TRY(auto valid, read_rows(model, spec.valid, spec.label));
  context.progress(0.3, "scoring held-out rows");
  score(model, valid);
  context.progress(0.5, "scoring training rows");
  auto sample = thinned(train, kScoredTraining);
  score(model, sample);
  context.progress(0.7, "profiling");
  const auto reference =
      monitor::Reference::build(model.signature, train.rows, valid.rows, valid.outputs, valid.labels, options_of(spec));
  FETTLE_TRY_(os::write_file(profile, json::dump(reference.to_json()) + "\n"));
  FETTLE_TRY_(os::write_file(metrics, json::dump_pretty(metrics_of(train.labels, sample, valid)) + "\n"));
  return {};
}

}  // namespace fettle::cli
