// `fettle gc`: removes for good, on the server, what was deleted long ago and what nobody refers to.
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <iostream>
#include <memory>
#include <thread>

#include "base/text.h"
#include "cli.h"
#include "client.h"
#include "duration.h"

namespace fettle::cli {
namespace {

constexpr std::string_view kGcRoute = "/api/fettle/v1/gc";
constexpr std::size_t kShownKept = 50;
constexpr auto kAskAgain = std::chrono::milliseconds(200);

struct GcOptions {
  std::string server, older_than = "30d", unused_for = "1h";
  bool dry_run = false, yes = false;
};

json::Value report_in(const json::Value& answer) {
  const auto* report = answer.find("report");
  return report == nullptr ? json::Value() : *report;
}

void show_progress(Output& output, const json::Value& report) {
  output.progress(
      report.text_or("doing"), -1,
      text::format("{} runs, {} objects", text::human_count(static_cast<std::uint64_t>(report.int_or("runs", 0))),
                   text::human_count(static_cast<std::uint64_t>(report.int_or("objects", 0)))));
}

Result<json::Value> request_of(const GcOptions& options, bool dry_run) {
  FETTLE_TRY(const auto older_than_ms, parse_duration(options.older_than, "--older-than"));
  FETTLE_TRY(const auto unused_for_ms, parse_duration(options.unused_for, "--unused-for"));
  json::Value body;
  body.set("dry_run", dry_run).set("older_than_ms", older_than_ms).set("unused_for_ms", unused_for_ms);
  return body;
}

// A run from its beginning to its end.
Result<json::Value> run_on_server(Output& output, const GcOptions& options, bool dry_run) {
  FETTLE_TRY(const auto body, request_of(options, dry_run));
  FETTLE_TRY(const auto begun, client::post(options.server, kGcRoute, body));
  auto report = report_in(begun);
  const auto started_ms = report.int_or("started_ms", 0);
  while (report.text_or("state") == "running") {
    show_progress(output, report);
    std::this_thread::sleep_for(kAskAgain);
    FETTLE_TRY(const auto answer, client::get(options.server, kGcRoute));
    report = report_in(answer);
    if (report.int_or("started_ms", 0) != started_ms)
      return fail(Code::Unavailable, "the server was started anew, or cleans up for somebody else; run this again");
  }
  output.progress_done();
  if (report.text_or("state") == "done") return report;
  return fail(Code::Unavailable,
              text::format("the clean-up ended early: {}; run this again, it goes on", report.text_or("error")));
}

void print(Output& output, const json::Value& report, bool dry_run) {
  const auto count = [&](std::string_view key) {
    return text::human_count(static_cast<std::uint64_t>(report.int_or(key, 0)));
  };
  const auto bytes = text::human_bytes(static_cast<std::uint64_t>(report.int_or("bytes", 0)));
  output.table({dry_run ? "would be removed for good" : "removed for good", ""},
               {{"runs", count("runs")},
                {"logged models", count("logged_models")},
                {"experiments", count("experiments")},
                {"bundles", count("bundles")},
                {"paths of artifacts", count("artifacts")},
                {"objects", text::format("{} ({})", count("objects"), bytes)},
                {"uploads in parts", count("uploads")},
                {"spooled bodies", count("spooled")}});
  if (const auto why = report.text_or("objects_stay"); !why.empty()) output.line("objects stay: " + why);
  const auto* kept = report.find("kept_things");
  if (kept == nullptr || !kept->is_array() || kept->as_array().empty()) return;
  std::vector<std::vector<std::string>> rows;
  for (const auto& each : kept->as_array()) {
    if (rows.size() == kShownKept) break;
    rows.push_back({each.text_or("kind"), each.text_or("id"), each.text_or("why")});
  }
  const auto all = report.int_or("kept", 0);
  output.line(text::format("kept although old: {}{}", all, all > std::ssize(rows) ? ", of which:" : ""));
  output.table({"kept", "id", "why"}, rows);
}

// Nobody removes by accident: a person is shown what would go and asked, a script has to say --yes.
Result<void> confirm(Output& output, const GcOptions& options) {
  const std::string undo = text::format(
      "this cannot be undone; what was deleted less than {} ago stays and can be restored", options.older_than);
  if (output.json() || ::isatty(STDIN_FILENO) == 0)
    return fail(Code::FailedPrecondition, text::format("{}; give --yes to go on, or --dry-run to only look", undo));
  FETTLE_TRY(const auto report, run_on_server(output, options, true));
  print(output, report, true);
  output.line(undo);
  std::fflush(stdout);  // also into a pipe, before the question
  std::fputs("Remove this for good? [y/N] ", stderr);
  std::string answer;
  std::getline(std::cin, answer);
  if (text::lower(text::trim(answer)) == "y" || text::lower(text::trim(answer)) == "yes") return {};
  return fail(Code::FailedPrecondition, "nothing was removed");
}

Result<void> gc(Output& output, const GcOptions& options) {
  FETTLE_TRY_(request_of(options, options.dry_run));  // before anyone is asked about it
  if (!options.dry_run && !options.yes) FETTLE_TRY_(confirm(output, options));
  FETTLE_TRY(const auto report, run_on_server(output, options, options.dry_run));
  output.document(report);
  print(output, report, options.dry_run);
  return {};
}

}  // namespace

void add_gc_verb(Program& program) {
  auto options = std::make_shared<GcOptions>();
  auto verb = program.verb("gc", "Remove for good what was deleted long ago, and free the space of what nobody uses");
  verb.option("--older-than", options->older_than, "Deleted longer ago than this; until then it can be restored");
  verb.option("--unused-for", options->unused_for,
              "Objects that were stored longer ago than this; less than 1h only while nobody uploads");
  verb.flag("--dry-run", options->dry_run, "Only say what would be removed and what is kept, and why");
  verb.flag("--yes", options->yes, "Do not ask");
  verb.option("--server", options->server, client::kServerHelp);
  verb.examples("  fettle gc --dry-run\n  fettle gc --older-than 7d --yes");
  verb.action([options](Output& output) {
    options->server = client::server_url(options->server);
    return gc(output, *options);
  });
}

}  // namespace fettle::cli
