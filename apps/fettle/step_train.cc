// The built-in step `train_xgboost`: a prepared table becomes a model folder (train/xgboost.h).
#include "base/text.h"
#include "step.h"
#include "table/file.h"
#include "train/xgboost.h"

namespace fettle::train {

BOOST_DESCRIBE_STRUCT(XgboostSpec, (), (label, features, objective, rounds, depth, learning_rate, seed, threads, extra))

}  // namespace fettle::train

namespace fettle::cli {
namespace {

// One table in, one folder out.
Result<void> check_places(const StepContext& context) {
  if (context.deps.empty())
    return fail(Code::InvalidArgument,
                text::format("step '{}' needs the table to train on as its first dep", context.step));
  if (context.outs.size() == 1) return {};
  return fail(Code::InvalidArgument, text::format("step '{}' needs one out, the model's folder; it has {}",
                                                  context.step, context.outs.size()));
}

std::string told(const train::Progress& progress) {
  auto out = text::format("round {}/{}", progress.round, progress.rounds);
  if (progress.train_metric != 0) out += text::format(", training loss {:.4f}", progress.train_metric);
  return out;
}

}  // namespace

Result<void> step_train_xgboost(const StepContext& context) {
  FETTLE_TRY(const auto spec, json::from_value<train::XgboostSpec>(context.with, "with"));
  FETTLE_TRY_(check_places(context));
  auto columns = spec.features;
  columns.push_back(spec.label);
  FETTLE_TRY(const auto rows, table::read(context.deps.front(), columns));
  context.progress(0, text::format("{} rows", text::human_count(rows.rows())));
  return train::train_xgboost(spec, rows, context.outs.front(), [&](const train::Progress& progress) {
    context.progress(static_cast<double>(progress.round) / progress.rounds, told(progress));
  });
}

}  // namespace fettle::cli
