// `fettle run|experiment delete|restore`, `fettle model restore`: until `fettle gc` removes it, what is deleted can be
// had again.
#include <memory>

#include "base/text.h"
#include "cli.h"
#include "client.h"
#include "http/client.h"
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

// Logged models; MLflow's client deletes them.
Result<void> change_models(Output& output, const LifecycleOptions& options, std::string_view verb) {
  for (const auto& model : options.names) {
    FETTLE_TRY_(client::post(options.server,
                             text::format("/api/fettle/v1/logged-models/{}/{}", http::percent_encode(model), verb),
                             json::Value::object()));
    output.line(text::format("logged model {} {}d", model, verb));
  }
  output.document(json::Value::object().set("logged_models", json::Array(options.names.begin(), options.names.end())));
  return {};
}

using Change = Result<void> (*)(Output&, const LifecycleOptions&, std::string_view);

struct Noun {
  std::string_view name, argument, argument_help, example;
  Change change;
};
constexpr Noun kRunNoun{"run", "RUN", "Ids", "0f3c...", change_runs};
constexpr Noun kExperimentNoun{"experiment", "EXPERIMENT", "Names or ids", "flights", change_experiments};
constexpr Noun kModelNoun{"model", "LOGGED_MODEL", "Ids", "m-0f3c...", change_models};

void add(Program& program, const Noun& noun, std::string_view verb, std::string_view help) {
  auto options = std::make_shared<LifecycleOptions>();
  auto out = program.verb(noun.name, "", verb, help);
  out.arguments(noun.argument, options->names, noun.argument_help, true);
  add_server_option(out, *options);
  out.examples(text::format("  fettle {} {} {}", noun.name, verb, noun.example));
  out.action([options, verb, change = noun.change](Output& output) {
    options->server = client::server_url(options->server);
    return change(output, *options, verb);
  });
}

}  // namespace

void add_lifecycle_verbs(Program& program) {
  add(program, kRunNoun, "delete", "Delete runs; they can be restored until fettle gc removes them");
  add(program, kRunNoun, "restore", "Undo the deletion of runs");
  add(program, kExperimentNoun, "delete", "Delete experiments with their runs; they can be restored until fettle gc");
  add(program, kExperimentNoun, "restore", "Undo the deletion of experiments and of all their runs");
  add(program, kModelNoun, "restore", "Undo the deletion of logged models");
}

}  // namespace fettle::cli
