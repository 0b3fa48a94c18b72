// `fettle trace PREDICTION`: the way back from one answer to model, run, steps, data and commit.
#include <memory>

#include "base/clock.h"
#include "base/text.h"
#include "cli.h"
#include "client.h"
#include "http/client.h"
#include "show.h"

namespace fettle::cli {
namespace {

const json::Value& at(const json::Value& value, std::string_view key) {
  static const json::Value kNull;
  const auto* found = value.find(key);
  return found == nullptr ? kNull : *found;
}

std::string brief(const std::string& digest) { return digest.substr(0, 12); }

void print_prediction(Output& output, const json::Value& trace) {
  const auto& prediction = at(trace, "prediction");
  output.line(text::format("prediction  {}", prediction.text_or("id")));
  output.line(text::format("  asked     {} of endpoint {}, answered by {}",
                           text::rfc3339(prediction.int_or("time_ms", 0)), prediction.text_or("endpoint"),
                           prediction.text_or("variant")));
  std::vector<std::string> inputs;
  if (const auto& named = at(prediction, "named_inputs"); named.is_object())
    for (const auto& [name, value] : named.as_object())
      inputs.push_back(name + " = " + (value.is_string() ? value.as_string() : json::dump(value)));
  if (!inputs.empty()) output.line("  inputs    " + text::join(inputs, ", "));
  output.line(text::format("  answer    {} = {:.6g}", prediction.text_or("output_name", "output"),
                           prediction.number_or("output", 0)));
  const auto& outcomes = at(trace, "outcomes");
  if (!outcomes.is_array() || outcomes.as_array().empty())
    output.line("  outcome   not known yet");
  else
    for (const auto& outcome : outcomes.as_array())
      output.line(text::format("  outcome   {:.6g}, known {}", outcome.number_or("label", 0),
                               date_in_words(outcome.int_or("time_ms", 0))));
}

void print_named(Output& output, std::string_view head, const json::Value& list) {
  if (!list.is_array()) return;
  for (const auto& each : list.as_array())
    output.line(text::format("{:<12}{} {}", head, each.text_or("name"), brief(each.text_or("digest"))));
}

void print_origin(Output& output, const json::Value& trace) {
  const auto& bundle = at(trace, "bundle");
  const auto& provenance = at(bundle, "provenance");
  const auto& run = at(trace, "run");
  if (const auto& version = at(trace, "version"); version.is_object())
    output.line(text::format("version     {} of {}", version.int_or("version", 0), version.text_or("model")));
  output.line("bundle      " + at(trace, "prediction").text_or("bundle"));
  if (run.is_object())
    output.line(text::format("run         {} {} ({})", run.text_or("run_id"), run.text_or("name"),
                             text::rfc3339(run.int_or("start_ms", 0))));
  else
    output.line("run         " + provenance.text_or("run_id", "was not recorded"));
  print_named(output, "step", at(provenance, "steps"));
  print_named(output, "snapshot", at(provenance, "snapshots"));
  const auto commit = provenance.text_or("commit");
  output.line(
      text::format("commit      {}{}", commit.empty() ? "not in a git repository" : commit,
                   at(provenance, "dirty") == json::Value(true) ? " with changes that were not committed" : ""));
}

Result<void> trace(Output& output, const std::string& option, const std::string& id) {
  FETTLE_TRY(const auto answer,
             client::get(client::server_url(option), "/api/fettle/v1/predictions/" + http::percent_encode(id)));
  output.document(answer);
  print_prediction(output, answer);
  print_origin(output, answer);
  return {};
}

}  // namespace

void add_trace_verb(Program& program) {
  auto server = std::make_shared<std::string>(), id = std::make_shared<std::string>();
  auto verb = program.verb("trace", "From one prediction back to model version, run, steps, data and commit");
  verb.argument("PREDICTION", *id, "Its id: the answer's prediction_id_prefix, ':' and the row");
  verb.option("--server", *server, client::kServerHelp);
  verb.examples("  fettle trace replay-2001-04-02-17:3");
  verb.action([server, id](Output& output) { return trace(output, *server, *id); });
}

}  // namespace fettle::cli
