#include "step.h"

#include <signal.h>
#include <sys/prctl.h>

#include <algorithm>
#include <cstdio>
#include <memory>

#include "base/clock.h"
#include "base/text.h"
#include "json/describe.h"
#include "os/file.h"
#include "step_protocol.h"

namespace fettle::cli {
namespace {

constexpr std::int64_t kProgressEveryNs = 50'000'000;

void say(const std::string& line) {
  std::printf("%s\n", line.c_str());
  std::fflush(stdout);
}

// At most 20 lines a second, and the last.
std::function<void(double, std::string_view)> progress_to_parent() {
  return [last_ns = std::int64_t{0}](double fraction, std::string_view text) mutable {
    const auto now_ns = system_clock().monotonic_ns();
    if (fraction < 1 && now_ns - last_ns < kProgressEveryNs) return;
    last_ns = now_ns;
    say(progress_line(fraction, text));
  };
}

Result<StepContext> read_spec(const std::string& path) {
  FETTLE_TRY(const auto text, os::read_file(path));
  FETTLE_TRY(const auto value, json::parse(text, path));
  return json::from_value<StepContext>(value, path + ": ");
}

Result<void> run_step(const std::string& name, const std::string& spec) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);  // a step without its pipeline would write outs that nobody waits for
  const auto function = find_step(name);
  if (function == nullptr) {
    std::vector<std::string> known;
    for (const auto& step : built_in_steps()) known.emplace_back(step.name);
    return fail(Code::NotFound,
                text::format("there is no built-in step '{}'; there are: {}", name, text::join(known, ", ")));
  }
  FETTLE_TRY(auto context, read_spec(spec));
  context.progress = progress_to_parent();
  auto done = function(context);
  if (!done) say(error_line(done.error().message));
  return done;
}

}  // namespace

const std::vector<BuiltIn>& built_in_steps() {
  static const std::vector<BuiltIn> steps = {
      {.name = "prepare", .function = step_prepare, .sections = {}},
      {.name = "train_xgboost", .function = step_train_xgboost, .sections = {}},
      {.name = "evaluate", .function = step_evaluate, .sections = {}},
      {.name = "gate", .function = step_gate, .sections = {"gates"}, .remote = true},
      {.name = "register", .function = step_register, .sections = {"endpoint"}, .remote = true},
  };
  return steps;
}

StepFunction find_step(std::string_view uses) {
  const auto found = std::ranges::find(built_in_steps(), uses, &BuiltIn::name);
  return found == built_in_steps().end() ? nullptr : found->function;
}

void add_step_verb(Program& program) {
  struct Options {
    std::string name, spec;
  };
  auto options = std::make_shared<Options>();
  auto verb = program.verb("step", "Run one built-in step, as a pipeline does (fettle pipeline run)");
  verb.argument("NAME", options->name, "prepare, train_xgboost, evaluate, gate or register");
  verb.option("--spec", options->spec, "JSON file that describes the step").required();
  verb.examples("  fettle step prepare --spec .fettle/steps/prepare.json");
  verb.action([options](Output&) { return run_step(options->name, options->spec); });
}

}  // namespace fettle::cli
