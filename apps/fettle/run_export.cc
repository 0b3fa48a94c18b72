// `fettle run export`: runs as a table, one row a run, or their metrics in long form, one row a point.
#include <memory>

#include "base/text.h"
#include "client.h"
#include "export.h"
#include "http/client.h"
#include "tracked.h"

namespace fettle::cli {
namespace {

constexpr std::int64_t kHistoryPage = 25'000;
using table::Kind;

struct RunExportOptions : TrackedOptions {
  ExportOptions file;
  bool metrics = false;
};

Result<void> add_run_row(TableExport& out, const json::Value& run) {
  const auto& info = object_in(run, "info");
  for (const auto* key : {"run_id", "run_name", "experiment_id", "status", "user_id", "artifact_uri"})
    out.text(key, info.text_or(key));
  out.whole("start_time", info.int_or("start_time", 0));
  if (info.find("end_time") != nullptr) out.whole("end_time", info.int_or("end_time", 0));
  const auto* data = run.find("data");
  for (const auto& metric : list_in(data, "metrics")) out.number("metrics." + metric.text_or("key"), number_in(metric));
  for (const auto& param : list_in(data, "params")) out.text("params." + param.text_or("key"), param.text_or("value"));
  for (const auto& tag : list_in(data, "tags")) out.text("tags." + tag.text_or("key"), tag.text_or("value"));
  return out.end_row();
}

Result<void> add_history(TableExport& out, const std::string& server, const std::string& run, const std::string& key) {
  const Search search{.server = server,
                      .route = "/metrics/get-history",
                      .list = "metrics",
                      .method = http::Method::Get,
                      .parameters = json::Value().set("run_id", run).set("metric_key", key),
                      .page = kHistoryPage};
  return each_found(search,
                    [&](const json::Value& point) {
                      out.text("run_id", run);
                      out.text("metric", key);
                      out.whole("step", point.int_or("step", 0));
                      out.whole("timestamp", point.int_or("timestamp", 0));
                      out.number("value", number_in(point));
                      return out.end_row();
                    })
      .transform([](bool) {});
}

Result<TableExport> open_export(Output& output, const RunExportOptions& options) {
  if (options.metrics)
    return TableExport::open(output, options.file, Columns::Fixed,
                             {{"run_id", Kind::Text},
                              {"metric", Kind::Text},
                              {"step", Kind::Int},
                              {"timestamp", Kind::Int},
                              {"value", Kind::Float}});
  return TableExport::open(output, options.file, Columns::AsMet,
                           {{"run_id", Kind::Text},
                            {"run_name", Kind::Text},
                            {"experiment_id", Kind::Text},
                            {"status", Kind::Text},
                            {"user_id", Kind::Text},
                            {"artifact_uri", Kind::Text},
                            {"start_time", Kind::Int},
                            {"end_time", Kind::Int}});
}

Result<void> export_runs(Output& output, RunExportOptions options) {
  options.server = client::server_url(options.server);
  FETTLE_TRY(auto out, open_export(output, options));
  const auto take = [&](const json::Value& run) -> Result<void> {
    if (!options.metrics) return add_run_row(out, run);
    for (const auto& metric : list_in(run.find("data"), "metrics"))
      FETTLE_TRY_(add_history(out, options.server, object_in(run, "info").text_or("run_id"), metric.text_or("key")));
    return {};
  };
  for (const auto& id : options.names) {
    FETTLE_TRY(const auto run, get_run(options.server, id));
    FETTLE_TRY_(take(run));
  }
  if (options.names.empty()) {
    FETTLE_TRY(const auto search, runs_search(options, 0));
    FETTLE_TRY_(each_found(search, take));
  }
  return out.finish("see `fettle run list`");
}

}  // namespace

void add_run_export_verb(Program& program) {
  auto options = std::make_shared<RunExportOptions>();
  auto verb = program.verb("run", "", "export", "Runs, or their metrics in long form, as CSV, JSON lines or Parquet");
  verb.arguments("RUN", options->names, "Ids; by default all that --experiment and --filter leave");
  add_server_option(verb, *options);
  add_experiment_option(verb, *options);
  verb.option("--filter", options->filter, "As in MLflow: metrics.auc > 0.7");
  verb.flag("--deleted", options->deleted, "Those that were deleted");
  verb.flag("--metrics", options->metrics, "One row a point: run_id, metric, step, timestamp, value");
  add_export_options(verb, options->file);
  verb.examples(
      "  fettle run export --experiment flights --to runs.parquet\n  fettle run export 0f3c... --metrics > points.csv");
  verb.action([options](Output& output) { return export_runs(output, *options); });
}

}  // namespace fettle::cli
