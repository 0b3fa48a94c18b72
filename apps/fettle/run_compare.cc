// `fettle run compare`: where runs differ: params, metrics, tags, code, data.
#include "run_compare.h"

#include <memory>

#include "base/text.h"
#include "client.h"
#include "history.h"
#include "tracked.h"

namespace fettle::cli {
namespace {

bool is_code(const std::string& tag) { return tag.starts_with("mlflow.source.") || tag.starts_with("fettle.git"); }
// Of every run another, hence no difference that one asks for.
bool is_noise(const std::string& tag) { return tag == "mlflow.runName" || tag == "mlflow.log-model.history"; }

Result<void> compare_runs(Output& output, const TrackedOptions& options) {
  const auto server = client::server_url(options.server);
  FETTLE_TRY_(check_comparable(options.names, "runs"));
  std::vector<Compared> things;
  for (const auto& id : options.names) {
    FETTLE_TRY(const auto run, get_run(server, id));
    Compared thing{id, object_in(run, "info").text_or("run_name"), values_of_run(run), {}};
    if (!output.json()) {
      FETTLE_TRY(const auto pictures, histories_of(server, run));
      for (const auto& [key, picture] : pictures) thing.pictures.emplace("metrics." + key, picture);
    }
    things.push_back(std::move(thing));
  }
  output.document(compared_document(things));
  print_comparison(output, things, options.all);
  return {};
}

}  // namespace

Values values_of_run(const json::Value& run) {
  Values out;
  const auto* data = run.find("data");
  for (const auto& param : list_in(data, "params")) out["params." + param.text_or("key")] = value_in_words(param);
  for (const auto& metric : list_in(data, "metrics")) out["metrics." + metric.text_or("key")] = value_in_words(metric);
  for (const auto& tag : list_in(data, "tags")) {
    const auto key = tag.text_or("key");
    if (!is_noise(key)) out[(is_code(key) ? "code." : "tags.") + key] = value_in_words(tag);
  }
  for (const auto& input : list_in(run.find("inputs"), "dataset_inputs")) {
    const auto& set = object_in(input, "dataset");
    auto& digests = out["data." + set.text_or("name")];
    digests += (digests.empty() ? "" : ", ") + set.text_or("digest");
  }
  return out;
}

void add_run_compare_verb(Program& program) {
  auto options = std::make_shared<TrackedOptions>();
  auto verb = program.verb("run", "", "compare", "Where runs differ: params, metrics, tags, code, data");
  verb.arguments("RUN", options->names, "Two ids, or more", true);
  add_server_option(verb, *options);
  verb.flag("--all", options->all, "Also what is the same");
  verb.examples("  fettle run compare 0f3c... 91ab...");
  verb.action([options](Output& output) { return compare_runs(output, *options); });
}

}  // namespace fettle::cli
