// `fettle experiment list|search|show|compare|export`: experiments and what is in them.
#include <memory>

#include "base/text.h"
#include "cli.h"
#include "client.h"
#include "export.h"
#include "tracked.h"

namespace fettle::cli {
namespace {

constexpr std::string_view kExperimentHelp = "Experiments: runs that belong together";

struct ExperimentOptions : TrackedOptions {
  std::string name;
  ExportOptions file;
};

Result<void> list_experiments(Output& output, const ExperimentOptions& options) {
  json::Value found = json::Value::array();
  std::vector<std::vector<std::string>> rows;
  FETTLE_TRY(const bool more,
             each_found(experiments_search(options, options.limit), [&](const json::Value& each) -> Result<void> {
               rows.push_back({each.text_or("experiment_id"), each.text_or("name"),
                               time_in_words(each, "last_update_time"), each.text_or("artifact_location")});
               found.push(each);
               return {};
             }));
  output.document(json::Value().set("experiments", std::move(found)).set("more", more));
  if (rows.empty())
    output.line("no experiments");
  else
    output.table({"id", "experiment", "changed", "artifacts"}, rows);
  if (more) output.line("there are more; see them with --limit");
  return {};
}

Result<void> show_experiment(Output& output, const ExperimentOptions& options) {
  FETTLE_TRY(auto experiment, find_experiment(options.server, options.name));
  std::int64_t runs = 0;
  std::vector<std::vector<std::string>> newest;
  constexpr std::int64_t kShown = 5;
  auto of_it = options;
  of_it.experiment = experiment.text_or("experiment_id");
  FETTLE_TRY(const auto search, runs_search(of_it, 0));
  FETTLE_TRY_(each_found(search, [&](const json::Value& run) -> Result<void> {
    const auto& info = object_in(run, "info");
    if (++runs <= kShown)
      newest.push_back({info.text_or("run_id"), info.text_or("run_name"), time_in_words(info, "start_time")});
    return {};
  }));
  experiment.set("runs", runs);
  output.document(experiment);
  output.line(text::format("experiment {} (id {}, {}): {} runs", experiment.text_or("name"),
                           experiment.text_or("experiment_id"), experiment.text_or("lifecycle_stage"), runs));
  output.line(text::format("artifacts {}", experiment.text_or("artifact_location")));
  std::vector<std::vector<std::string>> tags;
  for (const auto& tag : list_in(&experiment, "tags")) tags.push_back({tag.text_or("key"), tag.text_or("value")});
  if (!tags.empty()) output.table({"tags", ""}, tags);
  if (!newest.empty()) output.table({"newest runs", "name", "started"}, newest);
  return {};
}

Result<void> export_experiments(Output& output, const ExperimentOptions& options) {
  using table::Kind;
  FETTLE_TRY(auto out, TableExport::open(output, options.file, Columns::AsMet,
                                         {{"experiment_id", Kind::Text},
                                          {"name", Kind::Text},
                                          {"lifecycle_stage", Kind::Text},
                                          {"artifact_location", Kind::Text},
                                          {"creation_time", Kind::Int},
                                          {"last_update_time", Kind::Int}}));
  const auto take = [&](const json::Value& each) {
    for (const auto* key : {"experiment_id", "name", "lifecycle_stage", "artifact_location"})
      out.text(key, each.text_or(key));
    for (const auto* key : {"creation_time", "last_update_time"})
      if (each.find(key) != nullptr) out.whole(key, each.int_or(key, 0));
    for (const auto& tag : list_in(&each, "tags")) out.text("tags." + tag.text_or("key"), tag.text_or("value"));
    return out.end_row();
  };
  for (const auto& name : options.names) {
    FETTLE_TRY(const auto experiment, find_experiment(options.server, name));
    FETTLE_TRY_(take(experiment));
  }
  if (options.names.empty()) FETTLE_TRY_(each_found(experiments_search(options, 0), take));
  return out.finish("see `fettle experiment list`");
}

constexpr std::string_view kFilterHelp = "As in MLflow: name LIKE 'fl%' AND tags.team = 'a'";

}  // namespace

void add_experiment_verbs(Program& program) {
  auto options = std::make_shared<ExperimentOptions>();
  const auto verb = [&](std::string_view name, std::string_view help) {
    auto out = program.verb("experiment", kExperimentHelp, name, help);
    add_server_option(out, *options);
    return out;
  };
  const auto act = [options](Verb& of, Result<void> (*work)(Output&, const ExperimentOptions&)) {
    act_on_server(of, options, work);
  };
  const auto add_choice = [options](Verb& of) {
    add_order_option(of, *options, "last_update_time DESC");
    add_limit_option(of, *options);
    of.flag("--deleted", options->deleted, "Those that were deleted");
  };
  auto listing = verb("list", "List experiments, newest first");
  add_choice(listing);
  listing.examples("  fettle experiment list");
  act(listing, list_experiments);
  auto searching = verb("search", "List experiments that a filter leaves");
  searching.argument("FILTER", options->filter, kFilterHelp);
  add_choice(searching);
  searching.examples("  fettle experiment search \"name LIKE 'fl%'\"");
  act(searching, list_experiments);
  auto showing = verb("show", "One experiment: tags, number of runs, newest runs");
  showing.argument("EXPERIMENT", options->name, "Its name or id");
  showing.examples("  fettle experiment show flights");
  act(showing, show_experiment);
  add_experiment_compare_verb(program);
  auto exporting = verb("export", "Experiments as CSV, JSON lines or Parquet, one row an experiment");
  exporting.arguments("EXPERIMENT", options->names, "Names or ids; by default all that --filter leaves");
  exporting.option("--filter", options->filter, kFilterHelp);
  exporting.flag("--deleted", options->deleted, "Those that were deleted");
  add_export_options(exporting, options->file);
  exporting.examples("  fettle experiment export --to experiments.csv");
  act(exporting, export_experiments);
}

}  // namespace fettle::cli
