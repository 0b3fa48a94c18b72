// `fettle run export`: runs as a table, one row a run, or their metrics in long form, one row a point.
#include <memory>

#include "base/text.h"
#include "cli.h"
#include "client.h"
#include "http/client.h"
#include "tracked.h"

namespace fettle::cli {
namespace {

constexpr std::int64_t kHistoryPage = 25'000;

struct ExportOptions {
  std::string server, experiment, filter, to = "-";
  std::vector<std::string> runs;
  bool metrics = false;
};

double number_of(const json::Value& pair) {
  const auto* value = pair.find("value");
  if (value != nullptr && value->is_number()) return value->as_double();
  return text::parse_double(pair.text_or("value")).value_or(0);
}

void add_row(Frame& frame, const json::Value& run) {
  frame.begin_row();
  const auto& info = *run.find("info");
  for (const auto* key : {"run_id", "run_name", "experiment_id", "status", "user_id", "artifact_uri"})
    frame.text(key, info.text_or(key));
  frame.whole("start_time", info.int_or("start_time", 0));
  if (info.find("end_time") != nullptr) frame.whole("end_time", info.int_or("end_time", 0));
  const auto* data = run.find("data");
  for (const auto& metric : list_in(data, "metrics"))
    frame.number("metrics." + metric.text_or("key"), number_of(metric));
  for (const auto& param : list_in(data, "params"))
    frame.text("params." + param.text_or("key"), param.text_or("value"));
  for (const auto& tag : list_in(data, "tags")) frame.text("tags." + tag.text_or("key"), tag.text_or("value"));
}

Result<void> add_history(Frame& frame, const std::string& server, const std::string& run, const std::string& key) {
  for (std::string token;;) {
    FETTLE_TRY(const auto page,
               client::get(server, text::format("{}?run_id={}&metric_key={}&max_results={}&page_token={}",
                                                mlflow_path("/metrics/get-history"), http::percent_encode(run),
                                                http::percent_encode(key), kHistoryPage, http::percent_encode(token))));
    for (const auto& point : list_in(&page, "metrics")) {
      frame.begin_row();
      frame.text("run_id", run);
      frame.text("metric", key);
      frame.whole("step", point.int_or("step", 0));
      frame.whole("timestamp", point.int_or("timestamp", 0));
      frame.number("value", number_of(point));
    }
    token = page.text_or("next_page_token");
    if (token.empty()) return {};
  }
}

Result<void> add_run(Frame& frame, const ExportOptions& options, const std::string& server, const json::Value& run) {
  if (!options.metrics) {
    add_row(frame, run);
    return {};
  }
  for (const auto& metric : list_in(run.find("data"), "metrics"))
    FETTLE_TRY_(add_history(frame, server, run.find("info")->text_or("run_id"), metric.text_or("key")));
  return {};
}

Result<void> export_runs(Output& output, const ExportOptions& options) {
  const auto server = client::server_url(options.server);
  Frame frame;
  const auto take = [&](const json::Value& run) { return add_run(frame, options, server, run); };
  for (const auto& id : options.runs) {
    FETTLE_TRY(const auto run, get_run(server, id));
    FETTLE_TRY_(take(run));
  }
  if (options.runs.empty())
    FETTLE_TRY_(each_run({.server = server, .experiment = options.experiment, .filter = options.filter}, take));
  if (frame.rows() == 0) return fail(Code::NotFound, "there is nothing to export; see `fettle run list`");
  FETTLE_TRY_(frame.write(options.to));
  if (options.to == "-") return {};
  output.document(json::Value().set("file", options.to).set("rows", static_cast<std::int64_t>(frame.rows())));
  output.line(text::format("{} rows in '{}'", text::human_count(frame.rows()), options.to));
  return {};
}

}  // namespace

void add_run_export_verb(Program& program) {
  auto options = std::make_shared<ExportOptions>();
  auto verb = program.verb("run", "", "export", "Runs, or their metrics in long form, as CSV, JSON lines or Parquet");
  verb.arguments("RUN", options->runs, "Ids; by default all that --experiment and --filter leave");
  verb.option("--server", options->server, client::kServerHelp);
  verb.option("--experiment", options->experiment, "Only of this experiment, by name");
  verb.option("--filter", options->filter, "As in MLflow: metrics.auc > 0.7");
  verb.flag("--metrics", options->metrics, "One row a point: run_id, metric, step, timestamp, value");
  verb.option("--to", options->to, "File by extension (.csv, .jsonl, .parquet); - is CSV on standard output");
  verb.examples(
      "  fettle run export --experiment flights --to runs.parquet\n  fettle run export 0f3c... --metrics > points.csv");
  verb.action([options](Output& output) { return export_runs(output, *options); });
}

}  // namespace fettle::cli
