// The command line's one shape: `fettle <noun> <verb>`, --json on every verb, help with examples, exit codes by error.
//
// CLI11 stays behind cli.cc, since its headers cost seconds in every file that sees them. A verb declares options that
// fill variables, then an action; the action prints through Output, which knows whether a person or a machine reads.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "json/value.h"

namespace CLI {
class App;
}

namespace fettle::cli {

class Output {
 public:
  explicit Output(bool json);
  [[nodiscard]] bool json() const noexcept { return json_; }          // a machine reads: print one JSON document
  [[nodiscard]] bool terminal() const noexcept { return terminal_; }  // standard error is a terminal
  // For machines, the document; for people, nothing. Call once. It is printed when the action has ended: if that fails,
  // the document has a member "error" too, so that there is always one document.
  void document(const json::Value& value) const;
  void line(std::string_view text) const;  // to people only, on standard output
  // To people only: columns aligned, numbers to the right; on a terminal cut to its width.
  void table(const std::vector<std::string>& headers, const std::vector<std::vector<std::string>>& rows) const;
  // On standard error: redrawn in place on a terminal, a line at each tenth elsewhere; silent with --json.
  // `fraction` < 0: unknown how far.
  void progress(std::string_view what, double fraction, std::string_view detail = "");
  void progress_done();  // ends a bar that is being redrawn
  [[nodiscard]] std::string colour(std::string_view text,
                                   std::string_view state) const;  // "good", "watch", "bad", "dim"

  void finish(const Result<void>& result) const;  // prints the document; Verb calls it

 private:
  mutable json::Value document_;
  bool json_, terminal_, colours_, open_bar_ = false;
  std::string last_what_;
  int last_tenth_ = -1;
};

class Verb {
 public:
  // Flags are "--name" or "-n,--name". Defaults are what the target holds; they are shown in the help.
  Verb& option(std::string_view flag, std::string& target, std::string_view help);
  Verb& option(std::string_view flag, std::int64_t& target, std::string_view help);
  Verb& option(std::string_view flag, double& target, std::string_view help);
  Verb& option(std::string_view flag, std::vector<std::string>& target, std::string_view help);  // repeatable
  Verb& flag(std::string_view flag, bool& target, std::string_view help);
  Verb& argument(std::string_view name, std::string& target, std::string_view help, bool required = true);
  Verb& arguments(std::string_view name, std::vector<std::string>& target, std::string_view help,
                  bool required = false);
  Verb& required();                       // the option just added must be given
  Verb& examples(std::string_view text);  // lines shown under the help
  // Targets must outlive the action: keep them in a shared_ptr that the action captures.
  void action(std::function<Result<void>(Output&)> action);

 private:
  friend class Program;
  Verb(CLI::App* app, Result<void>* result) : app_(app), result_(result) {}
  CLI::App* app_;
  Result<void>* result_;
  void* last_ = nullptr;  // CLI::Option
};

class Program {
 public:
  Program(std::string_view description, std::string_view version);
  ~Program();
  // `fettle NOUN VERB`, also `fettle NOUN NOUN VERB`; a noun's help is taken from its first use.
  [[nodiscard]] Verb verb(std::string_view noun, std::string_view noun_help, std::string_view name,
                          std::string_view help);
  [[nodiscard]] Verb verb(std::string_view name, std::string_view help);  // `fettle NAME`
  // Every noun, verb and option, for shell completion: words that may follow `words`.
  [[nodiscard]] std::vector<std::string> complete(const std::vector<std::string>& words) const;
  // Parses, runs, prints an error once ({"error": {...}} with --json); the exit code.
  [[nodiscard]] int run(int argc, char** argv);

 private:
  std::unique_ptr<CLI::App> app_;
  std::unique_ptr<Result<void>> result_;
};

// One function a noun, each in its own file; main.cc calls them all.
void add_data_verbs(Program& program);
void add_pipeline_verbs(Program& program);
void add_gate_verbs(Program& program);
void add_experiment_verbs(Program& program);
void add_run_verbs(Program& program);
void add_artifact_verbs(Program& program);
void add_model_verbs(Program& program);
void add_alias_verbs(Program& program);
void add_webhook_verbs(Program& program);
void add_import_verb(Program& program);
void add_predict_verb(Program& program);
void add_backup_verbs(Program& program);
void add_gc_verb(Program& program);
void add_lifecycle_verbs(Program& program);
void add_status_verb(Program& program);
void add_endpoint_verbs(Program& program);
void add_rollout_verbs(Program& program);
void add_alert_verbs(Program& program);
void add_trace_verb(Program& program);
void add_apply_verb(Program& program);
void add_access_verbs(Program& program);
void add_completion_verb(Program& program);

}  // namespace fettle::cli
