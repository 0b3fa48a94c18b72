// `fettle run list|search|show`: what the server has tracked.
#include <memory>

#include "base/clock.h"
#include "base/text.h"
#include "cli.h"
#include "client.h"
#include "http/client.h"
#include "tracked.h"

namespace fettle::cli {
namespace {

constexpr std::string_view kNounHelp = "Runs: what was trained, with which params, how well";
constexpr std::size_t kShownMetrics = 3;

struct Options {
  std::string server, experiment, filter, run;
  std::vector<std::string> order;
  std::int64_t limit = 20;
};

std::string metrics_in_words(const json::Value& run) {
  std::string out;
  std::size_t shown = 0;
  for (const auto& metric : list_in(run.find("data"), "metrics")) {
    if (++shown > kShownMetrics) return out + " ...";
    out += text::format("{}{} {:.4g}", out.empty() ? "" : ", ", metric.text_or("key"), metric.number_or("value", 0));
  }
  return out;
}

std::vector<std::string> row_of(const json::Value& run) {
  const auto& info = *run.find("info");
  const auto start = info.int_or("start_time", 0);
  const auto end = info.int_or("end_time", 0);
  return {info.text_or("run_id"),
          info.text_or("run_name"),
          text::lower(info.text_or("status")),
          start > 0 ? text::rfc3339(start).substr(0, 19) : "-",
          end > start && start > 0 ? text::human_duration_ms(static_cast<double>(end - start)) : "-",
          metrics_in_words(run)};
}

Result<void> list(Output& output, const Options& options) {
  const auto server = client::server_url(options.server);
  FETTLE_TRY(auto ids, experiment_ids(server, options.experiment));
  json::Value query;
  query.set("experiment_ids", std::move(ids)).set("filter", options.filter).set("max_results", options.limit);
  query.set("order_by", json::Array(options.order.begin(), options.order.end()));
  FETTLE_TRY(const auto answer, client::post(server, mlflow_path("/runs/search"), query));
  output.document(answer);
  std::vector<std::vector<std::string>> rows;
  for (const auto& run : list_in(&answer, "runs")) rows.push_back(row_of(run));
  if (rows.empty())
    output.line("no runs");
  else
    output.table({"run", "name", "status", "started", "took", "metrics"}, rows);
  if (answer.find("next_page_token") != nullptr) output.line("there are more; see them with --limit");
  return {};
}

void print_pairs(const Output& output, const json::Value* data, std::string_view name) {
  std::vector<std::vector<std::string>> rows;
  for (const auto& pair : list_in(data, name)) {
    const auto* value = pair.find("value");
    rows.push_back({pair.text_or("key"), value == nullptr     ? ""
                                         : value->is_string() ? value->as_string()
                                                              : text::number(value->as_double())});
  }
  if (!rows.empty()) output.table({std::string(name), ""}, rows);
}

Result<void> show(Output& output, const Options& options) {
  const auto server = client::server_url(options.server);
  FETTLE_TRY(const auto answer,
             client::get(server, mlflow_path("/runs/get?run_id=" + http::percent_encode(options.run))));
  output.document(answer);
  const auto& run = *answer.find("run");
  const auto row = row_of(run);
  output.line(text::format("run {} ({}): {}, started {}, took {}", row[0], row[1], row[2], row[3], row[4]));
  output.line(text::format("artifacts {}", run.find("info")->text_or("artifact_uri")));
  for (const auto* part : {"params", "metrics", "tags"}) print_pairs(output, run.find("data"), part);
  return {};
}

}  // namespace

void add_run_verbs(Program& program) {
  auto options = std::make_shared<Options>();
  auto listing = program.verb("run", kNounHelp, "list", "List runs, newest first");
  listing.option("--server", options->server, client::kServerHelp);
  listing.option("--experiment", options->experiment, "Only of this experiment, by name");
  listing.option("--filter", options->filter, "As in MLflow: metrics.auc > 0.7 AND params.depth = '6'");
  listing.option("--order", options->order, "As in MLflow: \"metrics.auc DESC\"");
  listing.option("--limit", options->limit, "At most so many");
  listing.examples("  fettle run list\n  fettle run list --experiment flights --filter \"metrics.auc > 0.7\"");
  listing.action([options](Output& output) { return list(output, *options); });
  auto searching = program.verb("run", kNounHelp, "search", "List runs that a filter leaves");
  searching.argument("FILTER", options->filter, "As in MLflow: metrics.auc > 0.9 AND params.depth = '6'");
  searching.option("--server", options->server, client::kServerHelp);
  searching.option("--experiment", options->experiment, "Only of this experiment, by name");
  searching.option("--order", options->order, "As in MLflow: \"metrics.auc DESC\"");
  searching.option("--limit", options->limit, "At most so many");
  searching.examples("  fettle run search 'metrics.auc > 0.9' --order 'metrics.auc DESC'");
  searching.action([options](Output& output) { return list(output, *options); });
  auto showing = program.verb("run", kNounHelp, "show", "One run: params, metrics, tags");
  showing.argument("RUN", options->run, "Its id");
  showing.option("--server", options->server, client::kServerHelp);
  showing.examples("  fettle run show 0f3c...");
  showing.action([options](Output& output) { return show(output, *options); });
  add_run_compare_verb(program);
  add_run_export_verb(program);
}

}  // namespace fettle::cli
