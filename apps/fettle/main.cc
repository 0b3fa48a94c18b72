// The command line: every verb, one shape (cli.h).
#include "cli.h"
#include "server_verb.h"
#include "step.h"
#include "version.h"

int main(int argc, char** argv) {
  fettle::cli::Program program("Fettle versions, builds, tests, deploys, watches and retrains machine-learning models.",
                               kFettleVersion);
  fettle::cli::add_server_verb(program,
                               [argv](const fettle::cli::ServerOptions&) { return fettle::cli::become_server(argv); });
  fettle::cli::add_restore_verb(program, [argv](const fettle::cli::RestoreOptions&, fettle::cli::Output&) {
    return fettle::cli::become_server(argv);
  });
  fettle::cli::add_user_reset_verb(
      program, [argv](const fettle::cli::ResetOptions&) { return fettle::cli::become_server(argv); });
  fettle::cli::add_access_verbs(program);
  fettle::cli::add_data_verbs(program);
  fettle::cli::add_pipeline_verbs(program);
  fettle::cli::add_gate_verbs(program);
  fettle::cli::add_experiment_verbs(program);
  fettle::cli::add_run_verbs(program);
  fettle::cli::add_lifecycle_verbs(program);
  fettle::cli::add_artifact_verbs(program);
  fettle::cli::add_model_verbs(program);
  fettle::cli::add_alias_verbs(program);
  fettle::cli::add_webhook_verbs(program);
  fettle::cli::add_import_verb(program);
  fettle::cli::add_backup_verbs(program);
  fettle::cli::add_gc_verb(program);
  fettle::cli::add_step_verb(program);
  fettle::cli::add_predict_verb(program);
  fettle::cli::add_status_verb(program);
  fettle::cli::add_endpoint_verbs(program);
  fettle::cli::add_rollout_verbs(program);
  fettle::cli::add_alert_verbs(program);
  fettle::cli::add_trace_verb(program);
  fettle::cli::add_apply_verb(program);
  fettle::cli::add_completion_verb(program);
  return program.run(argc, argv);
}
