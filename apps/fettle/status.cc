// `fettle status`: is my model in fine fettle?
#include <memory>

#include "base/text.h"
#include "cli.h"
#include "client.h"
#include "show.h"

namespace fettle::cli {
namespace {

constexpr std::size_t kChangesShown = 8;

Result<void> status(Output& output, const std::string& option) {
  const auto server = client::server_url(option);
  FETTLE_TRY(const auto answer, client::get(server, "/api/fettle/v1/status"));
  output.document(answer);
  if (answer.find("endpoints")->as_array().empty())
    output.line("nothing is deployed yet; `fettle pipeline run` registers and deploys a first model");
  for (const auto& endpoint : answer.find("endpoints")->as_array()) print_endpoint(output, endpoint);
  json::Value open = json::Value::array();
  for (const auto& alert : answer.find("alerts")->as_array())
    if (alert.text_or("state") != "closed") open.push(alert);
  if (!open.as_array().empty()) {
    output.line("");
    print_alerts(output, open);
  }
  const auto& changes = answer.find("changes")->as_array();
  if (!changes.empty()) output.line("\nwhat changed");
  for (std::size_t i = 0; i < std::min(changes.size(), kChangesShown); ++i)
    output.line(text::format("  {}  {}: {}", date_in_words(changes[i].int_or("event_ms", 0)),
                             changes[i].text_or("endpoint"), changes[i].text_or("text")));
  return {};
}

}  // namespace

void add_status_verb(Program& program) {
  auto server = std::make_shared<std::string>();
  auto verb = program.verb("status", "How every endpoint fares, why, and what Fettle does about it");
  verb.option("--server", *server, client::kServerHelp);
  verb.examples("  fettle status\n  fettle status --json");
  verb.action([server](Output& output) { return status(output, *server); });
}

}  // namespace fettle::cli
