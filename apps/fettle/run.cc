// `fettle run list|search|show|compare|export`: what the server has tracked.
#include <memory>

#include "base/clock.h"
#include "base/text.h"
#include "cli.h"
#include "client.h"
#include "history.h"
#include "tracked.h"

namespace fettle::cli {
namespace {

constexpr std::string_view kRunHelp = "Runs: what was trained, with which params, how well";
constexpr std::size_t kShownMetrics = 3;

struct RunOptions : TrackedOptions {
  std::string run;
};

std::string metrics_in_words(const json::Value& run) {
  std::string out;
  std::size_t shown = 0;
  for (const auto& metric : list_in(run.find("data"), "metrics")) {
    if (++shown > kShownMetrics) return out + " ...";
    out += text::format("{}{} {:.4g}", out.empty() ? "" : ", ", metric.text_or("key"), number_in(metric));
  }
  return out;
}

std::vector<std::string> row_of(const json::Value& run) {
  const auto& info = object_in(run, "info");
  const auto start = info.int_or("start_time", 0);
  const auto end = info.int_or("end_time", 0);
  return {info.text_or("run_id"),
          info.text_or("run_name"),
          text::lower(info.text_or("status")),
          time_in_words(info, "start_time"),
          end > start && start > 0 ? text::human_duration_ms(static_cast<double>(end - start)) : "-",
          metrics_in_words(run)};
}

Result<void> list_runs(Output& output, const RunOptions& options) {
  FETTLE_TRY(const auto search, runs_search(options, options.limit));
  json::Value found = json::Value::array();
  std::vector<std::vector<std::string>> rows;
  FETTLE_TRY(const bool more, each_found(search, [&](const json::Value& run) -> Result<void> {
               rows.push_back(row_of(run));
               found.push(run);
               return {};
             }));
  output.document(json::Value().set("runs", std::move(found)).set("more", more));
  if (rows.empty())
    output.line("no runs");
  else
    output.table({"run", "name", "status", "started", "took", "metrics"}, rows);
  if (more) output.line("there are more; see them with --limit");
  return {};
}

void print_pairs(const Output& output, const json::Value& run, std::string_view name) {
  std::vector<std::vector<std::string>> rows;
  for (const auto& pair : list_in(run.find("data"), name)) rows.push_back({pair.text_or("key"), value_in_words(pair)});
  if (!rows.empty()) output.table({std::string(name), ""}, rows);
}

Result<void> print_metrics(const Output& output, const std::string& server, const json::Value& run) {
  if (output.json()) return {};
  FETTLE_TRY(const auto pictures, histories_of(server, run));
  std::vector<std::vector<std::string>> rows;
  for (const auto& metric : list_in(run.find("data"), "metrics")) {
    const auto picture = pictures.find(metric.text_or("key"));
    rows.push_back({metric.text_or("key"), value_in_words(metric), picture == pictures.end() ? "" : picture->second});
  }
  if (!rows.empty()) output.table({"metrics", "", pictures.empty() ? "" : "by step"}, rows);
  return {};
}

Result<void> show_run(Output& output, const RunOptions& options) {
  FETTLE_TRY(const auto run, get_run(options.server, options.run));
  output.document(json::Value().set("run", run));
  const auto row = row_of(run);
  output.line(text::format("run {} ({}): {}, started {}, took {}", row[0], row[1], row[2], row[3], row[4]));
  output.line(text::format("artifacts {}", object_in(run, "info").text_or("artifact_uri")));
  print_pairs(output, run, "params");
  FETTLE_TRY_(print_metrics(output, options.server, run));
  print_pairs(output, run, "tags");
  return {};
}

}  // namespace

void add_run_verbs(Program& program) {
  auto options = std::make_shared<RunOptions>();
  const auto verb = [&](std::string_view name, std::string_view help) {
    auto out = program.verb("run", kRunHelp, name, help);
    add_server_option(out, *options);
    return out;
  };
  const auto act = [options](Verb& of, Result<void> (*work)(Output&, const RunOptions&)) {
    act_on_server(of, options, work);
  };
  const auto add_choice = [options](Verb& of) {
    add_experiment_option(of, *options);
    add_order_option(of, *options, "metrics.auc DESC");
    add_limit_option(of, *options);
    of.flag("--deleted", options->deleted, "Those that were deleted");
  };
  auto listing = verb("list", "List runs, newest first");
  add_choice(listing);
  listing.examples("  fettle run list --experiment flights");
  act(listing, list_runs);
  auto searching = verb("search", "List runs that a filter leaves");
  searching.argument("FILTER", options->filter, "As in MLflow: metrics.auc > 0.9 AND params.depth = '6'");
  add_choice(searching);
  searching.examples("  fettle run search 'metrics.auc > 0.9' --order 'metrics.auc DESC'");
  act(searching, list_runs);
  auto showing = verb("show", "One run: params, metrics with their history, tags");
  showing.argument("RUN", options->run, "Its id");
  showing.examples("  fettle run show 0f3c...");
  act(showing, show_run);
  add_run_compare_verb(program);
  add_run_export_verb(program);
}

}  // namespace fettle::cli
