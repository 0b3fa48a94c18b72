// `fettle endpoint list|show|replay`.
#include <memory>

#include "base/clock.h"
#include "base/text.h"
#include "cli.h"
#include "client.h"
#include "http/client.h"
#include "replay.h"
#include "show.h"

namespace fettle::cli {
namespace {

constexpr std::string_view kNounHelp = "Endpoints: what serves, how it fares, traffic to try it with";

struct ReplayOptions {
  std::string endpoint, file, time = "time", label, unit, from, to, fault, predict = "http://127.0.0.1:8000", server;
  std::string id_prefix = "replay";
  std::vector<std::string> features;
  std::int64_t batch = 250, outcome_delay_days = 1, connections = 2;
  bool no_settle = false;
};

Result<void> list(Output& output, const std::string& server) {
  FETTLE_TRY(const auto answer, client::get(client::server_url(server), "/api/fettle/v1/endpoints"));
  output.document(answer);
  std::vector<std::vector<std::string>> rows;
  for (const auto& endpoint : answer.find("endpoints")->as_array())
    rows.push_back(
        {endpoint.text_or("name"), endpoint.text_or("model"), endpoint.text_or("state"), variants_in_words(endpoint),
         text::human_count(static_cast<std::uint64_t>(endpoint.int_or("predictions", 0))), endpoint.text_or("why")});
  if (rows.empty())
    output.line("no endpoint yet; the first registered version of a model makes one");
  else
    output.table({"endpoint", "model", "state", "variants", "predictions", "why"}, rows);
  return {};
}

Result<void> show(Output& output, const std::string& server, const std::string& name) {
  const auto base = client::server_url(server);
  const auto path = "/api/fettle/v1/endpoints/" + http::percent_encode(name);
  FETTLE_TRY(auto endpoint, client::get(base, path));
  FETTLE_TRY(const auto weeks, client::get(base, path + "/windows?kind=week"));
  print_endpoint(output, endpoint);
  print_weeks(output, *weeks.find("windows"));
  endpoint.set("weeks", *weeks.find("windows"));
  output.document(endpoint);
  return {};
}

// The model's inputs, as the server names them.
Result<std::vector<std::string>> inputs_of(const std::string& predict, const std::string& endpoint) {
  FETTLE_TRY(const auto metadata, client::get(predict, "/v2/models/" + http::percent_encode(endpoint)));
  std::vector<std::string> names;
  if (const auto* inputs = metadata.find("inputs"); inputs != nullptr && inputs->is_array())
    for (const auto& input : inputs->as_array())
      if (const auto name = input.text_or("name"); !name.starts_with("fettle.")) names.push_back(name);
  return names;
}

Result<std::optional<std::int64_t>> date_of(std::string_view flag, const std::string& text) {
  if (text.empty()) return std::optional<std::int64_t>();
  const auto time = text::parse_time(text);
  if (!time) return fail(Code::InvalidArgument, text::format("{} '{}' is no date; write it as 2001-04-01", flag, text));
  return time;
}

Result<ReplaySource> source_of(const ReplayOptions& options) {
  ReplaySource source{options.file, options.time, options.label,    options.unit, options.features, {},
                      {},           {},           options.id_prefix};
  FETTLE_TRY(source.from_ms, date_of("--from", options.from));
  FETTLE_TRY(source.until_ms, date_of("--to", options.to));
  if (!options.fault.empty()) {
    FETTLE_TRY(source.fault, parse_fault(options.fault));
  }
  if (source.features.empty()) {
    FETTLE_TRY(source.features, inputs_of(options.predict, options.endpoint));
  }
  return source;
}

std::string rate(std::size_t rows, double seconds) {
  return text::human_count(static_cast<std::uint64_t>(static_cast<double>(rows) / std::max(seconds, 1e-6)));
}

json::Value to_json(const ReplayTotals& totals, const std::string& endpoint, double seconds) {
  json::Value out;
  return out.set("endpoint", endpoint)
      .set("rows", totals.rows)
      .set("failed", totals.failed)
      .set("outcomes", totals.outcomes)
      .set("days", totals.days)
      .set("seconds", seconds)
      .set("rows_per_second", static_cast<double>(totals.rows) / std::max(seconds, 1e-6))
      .set("last_prediction", totals.last_prediction)
      .set("first_error", totals.first_error);
}

Result<void> run_replay(Output& output, const ReplayOptions& options) {
  if (options.batch < 1 || options.outcome_delay_days < 0)
    return fail(Code::InvalidArgument, "--batch must be at least 1 and --outcome-delay-days at least 0");
  const auto began = system_clock().monotonic_ns();
  FETTLE_TRY(const auto source, source_of(options));
  FETTLE_TRY(const auto rows, ReplayRows::load(source));
  const ReplayTarget target{options.endpoint,
                            options.predict,
                            options.no_settle ? "" : client::server_url(options.server),
                            static_cast<std::size_t>(options.batch),
                            static_cast<int>(options.connections),
                            options.outcome_delay_days};
  FETTLE_TRY(const auto totals, replay(rows, target, options.id_prefix, [&](const ReplayedDay& day, double fraction) {
               output.progress("replay", fraction, text::rfc3339(day.start_ms).substr(0, 10));
               if (output.terminal()) output.progress_done();
               output.line(text::format("{}  {:>9} rows  {:>9} outcomes  {:>9} rows/s{}",
                                        text::rfc3339(day.start_ms).substr(0, 10), text::human_count(day.rows),
                                        text::human_count(day.outcomes), rate(day.rows, day.seconds),
                                        day.failed == 0 ? "" : text::format("  {} FAILED", day.failed)));
             }));
  const auto seconds = static_cast<double>(system_clock().monotonic_ns() - began) / 1e9;
  output.document(to_json(totals, options.endpoint, seconds));
  output.line(text::format("{} rows and {} outcomes of {} days in {:.1f} s ({} rows/s), {} failed",
                           text::human_count(totals.rows), text::human_count(totals.outcomes), totals.days, seconds,
                           rate(totals.rows, seconds), totals.failed));
  if (totals.failed > 0 && totals.rows == 0)
    return fail(Code::FailedPrecondition, text::format("every request failed; the first: {}", totals.first_error));
  if (totals.failed > 0) output.line("the first failure: " + totals.first_error);
  return {};
}

void add_replay_verb(Program& program) {
  auto options = std::make_shared<ReplayOptions>();
  auto verb = program.verb("endpoint", kNounHelp, "replay", "Send recorded rows as live traffic, labels later");
  verb.argument("NAME", options->endpoint, "Endpoint");
  verb.argument("FILE", options->file, "Table: parquet, csv, jsonl or arrow");
  verb.option("--time", options->time, "Column with the time of each row");
  verb.option("--label-column", options->label, "Column with what was found out later").required();
  verb.option("--unit-column", options->unit, "Column to assign variants by; else each row is a unit");
  verb.option("--feature", options->features, "Column to send (repeatable); else the model's inputs");
  verb.option("--from", options->from, "First day");
  verb.option("--to", options->to, "Day after the last");
  verb.option("--batch", options->batch, "Rows a request");
  verb.option("--connections", options->connections, "Requests at a time");
  verb.option("--outcome-delay-days", options->outcome_delay_days, "Days after a row's own until its label is known");
  verb.option("--id-prefix", options->id_prefix, "Request ids begin with it; the same ids sent again count once");
  verb.option("--fault", options->fault, "For drills: COLUMN*FACTOR [where COLUMN=VALUE] [from=DATE] [to=DATE]");
  verb.option("--predict", options->predict, "Address that predicts");
  verb.option("--server", options->server, client::kServerHelp);
  verb.flag("--no-settle", options->no_settle, "Do not wait after each day until the server has judged it");
  verb.examples(
      "  fettle endpoint replay flights april.parquet --time date --label-column late\n"
      "  fettle endpoint replay flights may.parquet --time date --label-column late \\\n"
      "    --fault \"distance*1.609344 where origin=ATL from=2001-05-21 to=2001-05-28\"");
  verb.action([options](Output& output) { return run_replay(output, *options); });
}

}  // namespace

void add_endpoint_verbs(Program& program) {
  auto server = std::make_shared<std::string>(), name = std::make_shared<std::string>();
  auto listing = program.verb("endpoint", kNounHelp, "list", "List endpoints and how they fare");
  listing.option("--server", *server, client::kServerHelp);
  listing.examples("  fettle endpoint list");
  listing.action([server](Output& output) { return list(output, *server); });
  auto showing =
      program.verb("endpoint", kNounHelp, "show", "One endpoint: variants, quality by week, why it is as it is");
  showing.argument("NAME", *name, "Endpoint");
  showing.option("--server", *server, client::kServerHelp);
  showing.examples("  fettle endpoint show flights");
  showing.action([server, name](Output& output) { return show(output, *server, *name); });
  add_replay_verb(program);
}

}  // namespace fettle::cli
