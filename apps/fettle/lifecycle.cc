// `fettle run delete|restore`, `fettle experiment delete|restore`: until `fettle gc` removes it, what is deleted can be
// had again.
#include <memory>

#include "base/text.h"
#include "cli.h"
#include "client.h"
#include "tracked.h"

namespace fettle::cli {
namespace {

struct LifecycleOptions : TrackedOptions {};

Result<void> change_runs(Output& output, const LifecycleOptions& options, std::string_view verb) {
  for (const auto& run : options.names) {
    FETTLE_TRY_(client::post(options.server, mlflow_path(text::format("/runs/{}", verb)),
                             json::Value::object().set("run_id", run)));
    output.line(text::format("run {} {}d", run, verb));
  }
  output.document(json::Value::object().set("runs", json::Array(options.names.begin(), options.names.end())));
  return {};
}

Result<void> change_experiments(Output& output, const LifecycleOptions& options, std::string_view verb) {
  json::Value ids = json::Value::array();
  for (const auto& name : options.names) {
    FETTLE_TRY(const auto experiment, find_experiment(options.server, name));
    const auto id = experiment.text_or("experiment_id");
    FETTLE_TRY_(client::post(options.server, mlflow_path(text::format("/experiments/{}", verb)),
                             json::Value::object().set("experiment_id", id)));
    ids.push(id);
    output.line(text::format("experiment {} (id {}) {}d", experiment.text_or("name"), id, verb));
  }
  output.document(json::Value::object().set("experiments", std::move(ids)));
  return {};
}

using Change = Result<void> (*)(Output&, const LifecycleOptions&, std::string_view);

void add(Program& program, std::string_view noun, std::string_view verb, std::string_view help, Change change) {
  auto options = std::make_shared<LifecycleOptions>();
  const bool runs = noun == "run";
  auto out = program.verb(noun, "", verb, help);
  out.arguments(runs ? "RUN" : "EXPERIMENT", options->names, runs ? "Ids" : "Names or ids", true);
  add_server_option(out, *options);
  out.examples(text::format("  fettle {} {} {}", noun, verb, runs ? "0f3c..." : "flights"));
  out.action([options, verb, change](Output& output) {
    options->server = client::server_url(options->server);
    return change(output, *options, verb);
  });
}

}  // namespace

void add_lifecycle_verbs(Program& program) {
  add(program, "run", "delete", "Delete runs; they can be restored until fettle gc removes them", change_runs);
  add(program, "run", "restore", "Undo the deletion of runs", change_runs);
  add(program, "experiment", "delete", "Delete experiments with their runs; they can be restored until fettle gc",
      change_experiments);
  add(program, "experiment", "restore", "Undo the deletion of experiments and of all their runs", change_experiments);
}

}  // namespace fettle::cli
