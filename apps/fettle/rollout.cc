// `fettle rollout list|show|start|hold|resume|promote|rollback`.
#include <memory>

#include "base/text.h"
#include "cli.h"
#include "client.h"
#include "config/yaml.h"
#include "http/client.h"
#include "os/process.h"
#include "show.h"

namespace fettle::cli {
namespace {

constexpr std::string_view kNounHelp = "Rollouts: a new version takes over traffic step by step, on evidence";
constexpr std::string_view kPath = "/api/fettle/v1/rollouts";

struct Options {
  std::string server, target, reason, actor = os::environment("USER").value_or("");
  std::int64_t version = 0;
  std::string plan;
};

std::string path_of(const std::string& id) { return std::string(kPath) + "/" + http::percent_encode(id); }

Result<void> list(Output& output, const Options& options) {
  FETTLE_TRY(const auto answer, client::get(client::server_url(options.server), kPath));
  output.document(answer);
  std::vector<std::vector<std::string>> rows;
  for (const auto& rollout : answer.find("rollouts")->as_array())
    rows.push_back({rollout.text_or("id"), rollout.text_or("endpoint"), rollout.text_or("state"),
                    text::format("v{}", rollout.find("champion")->int_or("version", 0)),
                    text::format("v{}", rollout.find("challenger")->int_or("version", 0)),
                    std::to_string(rollout.int_or("step", 0) + 1), rollout.text_or("reason")});
  if (rows.empty())
    output.line("no rollouts yet");
  else
    output.table({"id", "endpoint", "state", "champion", "challenger", "step", "last"}, rows);
  return {};
}

Result<void> show(Output& output, const Options& options) {
  FETTLE_TRY(const auto answer, client::get(client::server_url(options.server), path_of(options.target)));
  output.document(answer);
  print_rollout(output, answer);
  return {};
}

Result<void> start(Output& output, const Options& options) {
  json::Value body;
  body.set("endpoint", options.target)
      .set("version", options.version)
      .set("actor", options.actor)
      .set("reason", options.reason);
  if (!options.plan.empty()) {
    FETTLE_TRY(const auto plan, config::load_yaml(options.plan));
    body.set("plan", plan.root);
  }
  FETTLE_TRY(const auto rollout, client::post(client::server_url(options.server), kPath, body));
  output.document(rollout);
  output.line(text::format("rollout {} started; follow it with: fettle rollout show {}", rollout.text_or("id"),
                           rollout.text_or("id")));
  return {};
}

Result<void> command(Output& output, const Options& options, const std::string& verb) {
  json::Value body;
  body.set("actor", options.actor).set("reason", options.reason);
  FETTLE_TRY(const auto rollout,
             client::post(client::server_url(options.server), path_of(options.target) + "/" + verb, body));
  output.document(rollout);
  output.line(text::format("rollout {} is {} now", rollout.text_or("id"), rollout.text_or("state")));
  return {};
}

void add_people(Verb& verb, Options& options) {
  verb.option("--server", options.server, client::kServerHelp);
  verb.option("--reason", options.reason, "Why; it is kept on the record");
  verb.option("--actor", options.actor, "Who decides; it is kept on the record");
}

void add_command(Program& program, const std::string& name, std::string_view help) {
  auto options = std::make_shared<Options>();
  auto verb = program.verb("rollout", kNounHelp, name, help);
  verb.argument("ROLLOUT", options->target, "Its id");
  add_people(verb, *options);
  verb.examples(text::format("  fettle rollout {} 4f1c09ab33de --reason \"seen on the dashboard\"", name));
  verb.action([options, name](Output& output) { return command(output, *options, name); });
}

}  // namespace

void add_rollout_verbs(Program& program) {
  auto options = std::make_shared<Options>();
  auto listing = program.verb("rollout", kNounHelp, "list", "List rollouts, newest first");
  listing.option("--server", options->server, client::kServerHelp);
  listing.examples("  fettle rollout list");
  listing.action([options](Output& output) { return list(output, *options); });
  auto showing =
      program.verb("rollout", kNounHelp, "show", "One rollout: evidence so far, and why each decision was taken");
  showing.argument("ROLLOUT", options->target, "Its id");
  showing.option("--server", options->server, client::kServerHelp);
  showing.examples("  fettle rollout show 4f1c09ab33de");
  showing.action([options](Output& output) { return show(output, *options); });
  auto starting = program.verb("rollout", kNounHelp, "start", "Roll a registered version out on an endpoint");
  starting.argument("ENDPOINT", options->target, "Endpoint");
  starting.option("--version", options->version, "Version of the endpoint's model").required();
  starting.option("--plan", options->plan, "YAML file with the plan; else the project's");
  add_people(starting, *options);
  starting.examples("  fettle rollout start flights --version 3");
  starting.action([options](Output& output) { return start(output, *options); });
  add_command(program, "hold", "Stop a rollout where it is; traffic stays as it is");
  add_command(program, "resume", "Let a held rollout go on");
  add_command(program, "promote", "Make the challenger the champion now, evidence or not");
  add_command(program, "rollback", "Send all traffic to the champion now");
}

}  // namespace fettle::cli
