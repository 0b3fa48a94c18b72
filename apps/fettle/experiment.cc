// `fettle experiment list|show`: experiments and what is in them.
#include <memory>

#include "base/clock.h"
#include "base/text.h"
#include "cli.h"
#include "client.h"
#include "http/client.h"
#include "tracked.h"

namespace fettle::cli {
namespace {

constexpr std::string_view kExperimentHelp = "Experiments: runs that belong together";

struct ExperimentOptions {
  std::string server, name, filter;
  bool deleted = false;
};

std::string started(const json::Value& run) {
  const auto ms = run.find("info")->int_or("start_time", 0);
  return ms > 0 ? text::rfc3339(ms).substr(0, 19) : "-";
}

Result<void> list_experiments(Output& output, const ExperimentOptions& options) {
  const auto server = client::server_url(options.server);
  json::Value body, found = json::Value::array();
  body.set("max_results", 1000).set("filter", options.filter);
  body.set("view_type", options.deleted ? "DELETED_ONLY" : "ACTIVE_ONLY");
  std::vector<std::vector<std::string>> rows;
  for (std::string token;;) {
    FETTLE_TRY(const auto page, client::post(server, mlflow_path("/experiments/search"), body));
    for (const auto& each : list_in(&page, "experiments")) {
      const auto changed = each.int_or("last_update_time", 0);
      rows.push_back({each.text_or("experiment_id"), each.text_or("name"),
                      changed > 0 ? text::rfc3339(changed).substr(0, 19) : "-", each.text_or("artifact_location")});
      found.push(each);
    }
    token = page.text_or("next_page_token");
    if (token.empty()) break;
    body.set("page_token", token);
  }
  output.document(json::Value().set("experiments", std::move(found)));
  if (rows.empty())
    output.line("no experiments");
  else
    output.table({"id", "experiment", "changed", "artifacts"}, rows);
  return {};
}

// By name, else by id.
Result<json::Value> find_experiment(const std::string& server, const std::string& name) {
  auto found =
      client::get(server, mlflow_path("/experiments/get-by-name?experiment_name=" + http::percent_encode(name)));
  if (!found && found.error().code == Code::NotFound && text::parse_int(name))
    found = client::get(server, mlflow_path("/experiments/get?experiment_id=" + http::percent_encode(name)));
  if (!found) return fail(found.error());
  return *found->find("experiment");
}

Result<void> show_experiment(Output& output, const ExperimentOptions& options) {
  const auto server = client::server_url(options.server);
  FETTLE_TRY(auto experiment, find_experiment(server, options.name));
  std::size_t runs = 0;
  std::vector<std::vector<std::string>> newest;
  constexpr std::size_t kShown = 5;
  FETTLE_TRY_(each_run(
      {.server = server, .experiment = experiment.text_or("name")}, [&](const json::Value& run) -> Result<void> {
        if (++runs <= kShown)
          newest.push_back({run.find("info")->text_or("run_id"), run.find("info")->text_or("run_name"), started(run)});
        return {};
      }));
  experiment.set("runs", static_cast<std::int64_t>(runs));
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

}  // namespace

void add_experiment_verbs(Program& program) {
  auto options = std::make_shared<ExperimentOptions>();
  auto listing = program.verb("experiment", kExperimentHelp, "list", "List experiments");
  listing.option("--server", options->server, client::kServerHelp);
  listing.option("--filter", options->filter, "As in MLflow: name LIKE 'fl%' AND tags.team = 'a'");
  listing.flag("--deleted", options->deleted, "Those that were deleted");
  listing.examples("  fettle experiment list\n  fettle experiment list --filter \"name LIKE 'fl%'\"");
  listing.action([options](Output& output) { return list_experiments(output, *options); });
  auto showing =
      program.verb("experiment", kExperimentHelp, "show", "One experiment: tags, number of runs, newest runs");
  showing.argument("EXPERIMENT", options->name, "Its name or id");
  showing.option("--server", options->server, client::kServerHelp);
  showing.examples("  fettle experiment show flights");
  showing.action([options](Output& output) { return show_experiment(output, *options); });
}

}  // namespace fettle::cli
