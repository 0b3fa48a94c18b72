// `fettle alert list|ack`.
#include <memory>

#include "base/text.h"
#include "cli.h"
#include "client.h"
#include "http/client.h"
#include "os/process.h"
#include "show.h"

namespace fettle::cli {
namespace {

constexpr std::string_view kNounHelp = "Alerts: findings that someone or something must act on";

struct Options {
  std::string server, id, actor = os::environment("USER").value_or("");
  bool open = false;
};

Result<void> list(Output& output, const Options& options) {
  FETTLE_TRY(auto answer, client::get(client::server_url(options.server), "/api/fettle/v1/alerts"));
  json::Value shown = json::Value::array();
  for (const auto& alert : answer.find("alerts")->as_array())
    if (!options.open || alert.text_or("state") != "closed") shown.push(alert);
  print_alerts(output, shown);
  output.document(answer.set("alerts", std::move(shown)));
  return {};
}

Result<void> acknowledge(Output& output, const Options& options) {
  const auto path = text::format("/api/fettle/v1/alerts/{}/acknowledge", http::percent_encode(options.id));
  FETTLE_TRY(const auto alert,
             client::post(client::server_url(options.server), path, json::Value::object().set("actor", options.actor)));
  output.document(alert);
  output.line(text::format("alert {} is acknowledged by {}", alert.text_or("id"), alert.text_or("acknowledged_by")));
  return {};
}

}  // namespace

void add_alert_verbs(Program& program) {
  auto options = std::make_shared<Options>();
  auto listing = program.verb("alert", kNounHelp, "list", "List alerts, newest first");
  listing.option("--server", options->server, client::kServerHelp);
  listing.flag("--open", options->open, "Only those that are not closed");
  listing.examples("  fettle alert list --open");
  listing.action([options](Output& output) { return list(output, *options); });
  auto ack = program.verb("alert", kNounHelp, "ack", "Say that you have seen an alert");
  ack.argument("ALERT", options->id, "Its id");
  ack.option("--server", options->server, client::kServerHelp);
  ack.option("--actor", options->actor, "Who; it is kept on the record");
  ack.examples("  fettle alert ack 90d1c3e5a7f2");
  ack.action([options](Output& output) { return acknowledge(output, *options); });
}

}  // namespace fettle::cli
