#include "api/mlflow/wire.h"
#include "base/text.h"
#include "json/value.h"

namespace fettle::api::mlflow {
namespace {

using On = Need::On;

// The parameter that names the object.
std::string_view parameter_of(On on) {
  switch (on) {
    case On::Experiment:
      return "experiment_id";
    case On::ExperimentName:
      return "experiment_name";
    case On::Run:
      return "run_id";
    case On::LoggedModel:
      return "model_id";
    default:
      return "name";
  }
}

// A run without an experiment belongs to experiment 0.
Result<void> check_experiment(const Service& service, const Input& input, Role role) {
  FETTLE_TRY(const auto id, input.text("experiment_id"));
  return service.access.experiment(input.caller(), id.empty() ? "0" : id, role);
}

Result<void> check_runs(const Service& service, const Input& input, Role role) {
  for (const auto* name : {"run_ids", "run_id"}) {
    FETTLE_TRY(const auto runs, input.texts(name));
    for (const auto& run : runs) FETTLE_TRY_(service.access.run(input.caller(), run, role));
  }
  return {};
}

Result<void> check_renamed(const Service& service, const Input& input, Role role) {
  FETTLE_TRY(const auto name, input.text("name"));
  FETTLE_TRY(const auto new_name, input.text("new_name"));
  FETTLE_TRY_(service.access.model(input.caller(), name, role));
  return service.access.new_model(input.caller(), new_name);
}

Result<void> check_new_experiment(const Service& service, const Input& input) {
  FETTLE_TRY(const auto name, input.text("name"));
  FETTLE_TRY(const auto location, input.text("artifact_location"));
  const bool own_place = tracking::artifact_path_of(location) || service.roots.reads(location);
  return service.access.new_experiment(input.caller(), name, own_place);
}

}  // namespace

Result<void> check(const Service& service, const Input& input, const Need& need) {
  const auto& who = input.caller();
  if (who.unrestricted()) return {};
  FETTLE_TRY(const auto named, input.text(parameter_of(need.on)));
  switch (need.on) {
    case On::Undeclared:
      return fail(Code::PermissionDenied, "this route says nothing about who may use it");
    case On::Anyone:
      return {};
    case On::Server:
      return who.need_admin();
    case On::Experiment:
      return check_experiment(service, input, need.role);
    case On::ExperimentName:
      return service.access.experiment_name(who, named, need.role);
    case On::NewExperiment:
      return check_new_experiment(service, input);
    case On::Run:
      return service.access.run(who, named, need.role);
    case On::Runs:
      return check_runs(service, input, need.role);
    case On::LoggedModel:
      return service.access.logged_model(who, named, need.role);
    case On::Model:
    case On::Removed:
      return service.access.model(who, named, need.role);
    case On::NewModel:
      return service.access.new_model(who, named);
    case On::Renamed:
      return check_renamed(service, input, need.role);
  }
  return fail(Code::Internal, "this route's need is of no known kind");
}

void settle_grants(const Service& service, const Input& input, const Need& need, const http::Response& answer) {
  constexpr int kOk = 200;
  if (answer.status != kOk || !need.changes()) return;
  const auto name = input.text("name").value_or("");
  switch (need.on) {
    case On::NewExperiment:
      if (const auto made = json::parse(answer.body))
        service.access.made_experiment(input.caller(), made->text_or("experiment_id"));
      break;
    case On::NewModel:
      service.access.made_model(input.caller(), name);
      break;
    case On::Renamed:
      service.access.renamed_model(name, input.text("new_name").value_or(""));
      break;
    case On::Experiment:
      if (need.role == Role::Admin) service.access.renamed_experiment(input.text("experiment_id").value_or(""));
      break;
    case On::Removed:
      service.access.removed_model(name);
      break;
    default:
      break;
  }
}

std::string object_of(const Input& input, const Need& need) {
  const auto name = input.text(parameter_of(need.on)).value_or("");
  switch (need.on) {
    case On::Experiment:
      return text::format("experiment {}", name.empty() ? "0" : name);
    case On::ExperimentName:
    case On::NewExperiment:
      return text::format("experiment '{}'", name);
    case On::Run:
    case On::Runs:
      return text::format("run {}", name);
    case On::LoggedModel:
      return text::format("logged model {}", name);
    case On::Model:
    case On::NewModel:
    case On::Renamed:
    case On::Removed:
      return input.has("version") ? text::format("model '{}' version {}", name, input.text("version").value_or("?"))
                                  : text::format("model '{}'", name);
    default:
      return input.has("username") ? text::format("user '{}'", input.text("username").value_or("")) : "";
  }
}

}  // namespace fettle::api::mlflow
