// The checks of a gate: is this model, trained and tested on these rows, fit to be deployed?
//
// Pure but for latency, which reads the clock it is given. Every check is a function of Suite and Inputs; run() calls
// them all. A check that finds nothing to look at (no time column, no champion, no schema) passes and says so.
//
// Statistics. Rows of one day share its weather and its news: where the suite names a time column, the days are the
// independent units (cluster-robust variance, Student's t; Cameron, Miller 2015), else the rows. Bounds are one-sided.
// The label is 0 or 1; loss is log loss in nats.
#pragma once

#include <boost/describe.hpp>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "dataset/schema.h"
#include "gate/verdict.h"
#include "model/predictor.h"
#include "table/table.h"

namespace fettle::gate {

struct Bound {
  std::optional<double> min, max;
};
BOOST_DESCRIBE_STRUCT(Bound, (), (min, max))

// One entry of `gates:` in fettle.yaml. Paths are relative to the project's folder.
struct Suite {
  std::string label;     // column with 0 or 1
  std::string time;      // time column; empty: rows are independent, and time overlap is not looked at
  std::string schema;    // schema file; columns that the tables do not have are left out, and named
  std::string endpoint;  // whose champion to compare with; empty: none
  std::string model = "work/model";
  std::string train = "work/train.parquet";
  std::string valid = "work/valid.parquet";
  std::string metrics;                  // metrics.json of the evaluate step, for `bounds`
  std::map<std::string, Bound> bounds;  // metric name -> what it must be within
  std::vector<std::string> slices;      // columns whose values are slices
  double alpha = 0.05;                  // one-sided error rate of each statistical check
  double margin = 0.01;                 // nats that a model may be worse than the champion
  double max_slice_ratio = 1.1;         // slice's loss over that of the constant
  std::uint64_t min_rows = 200;         // held-out rows below which quality is unknown
  std::uint64_t min_slice_rows = 100;   // slices with fewer held-out rows are not judged
  double max_duplicate_share = 0.001;   // of held-out rows that are also training rows
  double max_feature_auc = 0.99;        // of one feature alone
  double max_unseen_share = 0.05;       // of held-out rows with a category that the model does not know
  double max_latency_us = 1000;         // 99th percentile of one row at a time
  std::vector<std::string> allow_unknown = {"quality.champion"};  // the canary decides it later, on live outcomes
  std::vector<std::string> skip;                                  // checks not to run
};
BOOST_DESCRIBE_STRUCT(Suite, (),
                      (label, time, schema, endpoint, model, train, valid, metrics, bounds, slices, alpha, margin,
                       max_slice_ratio, min_rows, min_slice_rows, max_duplicate_share, max_feature_auc,
                       max_unseen_share, max_latency_us, allow_unknown, skip))

// Everything borrowed; it must outlive the call.
struct Inputs {
  const table::Table& train;
  const table::Table& valid;
  const model::LoadedModel& model;
  std::span<const float> valid_rows;        // row-major [valid.rows(), inputs], under the model's signature
  std::span<const float> champion_outputs;  // the champion's on `valid`; empty: no champion
  const dataset::Schema* schema = nullptr;
  const json::Value* metrics = nullptr;
};

// All checks but those in `skip`, in a fixed order. InvalidArgument: the label is missing or not 0/1, a name in the
// suite is no column or no check. The verdict's model and champion are left for the caller to fill.
[[nodiscard]] Result<Verdict> run(const Suite& suite, const std::string& suite_name, const Inputs& inputs,
                                  const Clock& clock);
// Names of all checks, in that order.
[[nodiscard]] const std::vector<std::string>& check_names();

}  // namespace fettle::gate
