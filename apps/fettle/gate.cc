// `fettle gate run|show`: a suite's checks outside of a pipeline, and the last verdict again.
#include <memory>

#include "base/text.h"
#include "cli.h"
#include "client.h"
#include "gate_case.h"
#include "json/describe.h"
#include "os/file.h"
#include "project.h"

namespace fettle::cli {
namespace {

constexpr std::string_view kNounHelp = "Check a model before it is deployed";
constexpr std::string_view kVerdictFile = "work/verdict.json";

struct GateOptions {
  std::string project = ".", suite = "default", server, file;
};

std::string_view colour_of(gate::Status status) {
  return status == gate::Status::Pass ? "good" : status == gate::Status::Warn ? "watch" : "bad";
}

std::string cell(const std::optional<double>& number) { return number ? text::format("{:.4g}", *number) : "-"; }

void print(const gate::Verdict& verdict, Output& output) {
  output.document(json::to_value(verdict));
  std::vector<std::vector<std::string>> rows;
  for (const auto& check : verdict.checks)
    rows.push_back(
        {std::string(gate::name(check.status)), check.name, cell(check.value), cell(check.threshold), check.unit});
  output.table({"STATUS", "CHECK", "VALUE", "LIMIT", "UNIT"}, rows);
  output.line("");
  for (const auto& check : verdict.checks)
    if (check.status != gate::Status::Pass)
      output.line(text::format("{} {}: {}", output.colour(gate::name(check.status), colour_of(check.status)),
                               check.name, check.message));
  output.line(output.colour(gate::summary(verdict), colour_of(verdict.status)));
}

Result<void> stopped(const gate::Verdict& verdict) {
  if (!gate::stops(verdict.status)) return {};
  return fail(Code::FailedPrecondition, gate::summary(verdict));
}

// With --json the verdict is the one document, also when it stops the model: the exit code says so.
Result<void> run_gate(const GateOptions& options, Output& output) {
  FETTLE_TRY(const auto project, load_project(options.project));
  output.progress("gate", -1, "loading");
  FETTLE_TRY(const auto the_case, load_gate_case({.gates = project.gates,
                                                  .suite = options.suite,
                                                  .folder = project.folder,
                                                  .server = client::server_url(options.server),
                                                  .insist = !options.server.empty()}));
  FETTLE_TRY(const auto verdict, judge(the_case));
  output.progress_done();
  print(verdict, output);
  return stopped(verdict);
}

Result<void> show_gate(const GateOptions& options, Output& output) {
  FETTLE_TRY(const auto project, load_project(options.project));
  const auto path = project.path_of(options.file);
  const auto text = os::read_file(path);
  if (!text && text.error().code == Code::NotFound)
    return fail(Code::NotFound, text::format("there is no verdict '{}' yet; `fettle pipeline run` makes one", path));
  if (!text) return fail(text.error());
  FETTLE_TRY(const auto verdict, gate::parse_verdict(*text, path));
  print(verdict, output);
  return {};
}

}  // namespace

void add_gate_verbs(Program& program) {
  auto options = std::make_shared<GateOptions>();
  options->file = kVerdictFile;
  auto run = program.verb("gate", kNounHelp, "run", "Run a suite's checks now; exit code 5 if they stop the model");
  run.option("--project", options->project, kProjectHelp);
  run.option("--suite", options->suite, "Entry of gates: in fettle.yaml");
  run.option("--server", options->server, client::kServerHelp);
  run.examples("  fettle gate run\n  fettle gate run --suite strict --server http://127.0.0.1:5000 --json");
  run.action([options](Output& output) { return run_gate(*options, output); });
  auto show = program.verb("gate", kNounHelp, "show", "Show the last verdict of the pipeline's gate");
  show.option("--project", options->project, kProjectHelp);
  show.option("--verdict", options->file, "The verdict's file, from the project's folder");
  show.examples("  fettle gate show\n  fettle gate show --json");
  show.action([options](Output& output) { return show_gate(*options, output); });
}

}  // namespace fettle::cli
