// `fettle webhook create|list|show|test|redeliver|remove`: who is told of events, and what could not be told.
#include <memory>

#include "base/clock.h"
#include "base/text.h"
#include "cli.h"
#include "client.h"
#include "http/client.h"
#include "os/file.h"

namespace fettle::cli {
namespace {

constexpr std::string_view kNounHelp = "Webhooks: addresses that are told of events in the registry";
constexpr std::string_view kApi = "/api/fettle/v1/webhooks";

struct Options {
  std::string server, id, name, url, description, secret_file, event, delivery;
  std::vector<std::string> events;
};

std::string time_of(const json::Value& value, std::string_view key) {
  const auto ms = value.int_or(key, 0);
  return ms > 0 ? text::rfc3339(ms).substr(0, 19) : "-";
}

std::string path_of(const Options& options, std::string_view rest = "") {
  return text::format("{}/{}{}", kApi, http::percent_encode(options.id), rest);
}

std::string events_of(const json::Value& webhook) {
  std::vector<std::string> out;
  for (const auto& each : webhook.find("events")->as_array()) out.push_back(each.as_string());
  return text::join(out, ", ");
}

Result<void> create(Output& output, const Options& options) {
  json::Value events = json::Value::array();
  for (const auto& each : options.events) events.push(each);
  json::Value body;
  body.set("name", options.name).set("url", options.url).set("description", options.description);
  body.set("events", std::move(events));
  if (!options.secret_file.empty()) {
    FETTLE_TRY(const auto secret, os::read_file(options.secret_file));
    body.set("secret", std::string(text::trim(secret)));
  }
  FETTLE_TRY(const auto webhook, client::post(client::server_url(options.server), kApi, body));
  output.document(webhook);
  output.line(text::format("webhook {} is {}", options.name, webhook.text_or("id")));
  return {};
}

Result<void> list(Output& output, const Options& options) {
  FETTLE_TRY(const auto answer, client::get(client::server_url(options.server), kApi));
  output.document(answer);
  std::vector<std::vector<std::string>> rows;
  for (const auto& each : answer.find("webhooks")->as_array())
    rows.push_back({each.text_or("id"), each.text_or("name"), each.text_or("url"),
                    *each.find("active") == json::Value(true) ? "active" : "disabled",
                    std::to_string(each.int_or("pending", 0)), std::to_string(each.int_or("dead", 0))});
  if (rows.empty())
    output.line("no webhooks");
  else
    output.table({"id", "name", "url", "state", "to send", "dead"}, rows);
  return {};
}

Result<void> show(Output& output, const Options& options) {
  FETTLE_TRY(const auto webhook, client::get(client::server_url(options.server), path_of(options)));
  output.document(webhook);
  output.line(text::format("webhook {} -> {}", webhook.text_or("name"), webhook.text_or("url")));
  output.line(text::format("  events  {}", events_of(webhook)));
  output.line(
      text::format("  signed  {}", *webhook.find("has_secret") == json::Value(true) ? "yes" : "no: it has no secret"));
  std::vector<std::vector<std::string>> rows;
  for (const auto& each : webhook.find("deliveries")->as_array())
    rows.push_back({each.text_or("id"), time_of(each, "created_ms"), each.text_or("event"), each.text_or("state"),
                    std::to_string(each.int_or("tries", 0)),
                    each.text_or("state") == "pending" ? time_of(each, "next_ms") : "-", each.text_or("detail")});
  if (rows.empty())
    output.line("  nothing was sent yet");
  else
    output.table({"delivery", "when", "event", "state", "tries", "next try", "trouble"}, rows);
  return {};
}

Result<void> test(Output& output, const Options& options) {
  FETTLE_TRY(const auto answer, client::post(client::server_url(options.server), path_of(options, "/test"),
                                             json::Value::object().set("event", options.event)));
  output.document(answer);
  if (*answer.find("success") == json::Value(true)) {
    output.line(
        text::format("the receiver took an example of {}: {}", answer.text_or("event"), answer.int_or("status", 0)));
    return {};
  }
  const auto why = answer.text_or("error");
  return fail(Code::Unavailable, why.empty() ? text::format("the receiver answered {}: {}", answer.int_or("status", 0),
                                                            answer.text_or("answer"))
                                             : why);
}

Result<void> redeliver(Output& output, const Options& options) {
  FETTLE_TRY(const auto answer, client::post(client::server_url(options.server), path_of(options, "/redeliver"),
                                             json::Value::object().set("delivery", options.delivery)));
  output.document(answer);
  output.line(text::format("{} to be sent again", answer.int_or("redelivered", 0)));
  return {};
}

Result<void> remove(Output& output, const Options& options) {
  FETTLE_TRY(const auto answer, client::remove(client::server_url(options.server), path_of(options)));
  output.document(answer);
  output.line(text::format("webhook {} is gone, with what was still to be sent to it", options.id));
  return {};
}

}  // namespace

void add_webhook_verbs(Program& program) {
  auto options = std::make_shared<Options>();
  const auto add = [&](std::string_view name, std::string_view help, bool one) {
    auto verb = program.verb("webhook", kNounHelp, name, help);
    if (one) verb.argument("WEBHOOK", options->id, "Its id, as 'fettle webhook list' shows it");
    verb.option("--server", options->server, client::kServerHelp);
    return verb;
  };
  auto creating = add("create", "Tell an address of events", false);
  creating.argument("NAME", options->name, "1 to 63 letters, digits, '.', '_', '-'");
  creating.argument("URL", options->url, "https://HOST/PATH");
  creating.option("--event", options->events, "For example model_version_alias.moved; repeatable").required();
  creating.option("--description", options->description, "For people");
  creating.option("--secret-file", options->secret_file, "File with the secret that deliveries are signed with");
  creating.examples("  fettle webhook create ci https://ci.example.com/hook --event model_version.created");
  creating.action([options](Output& output) { return create(output, *options); });
  add("list", "List webhooks, newest first", false).action([options](Output& output) {
    return list(output, *options);
  });
  add("show", "One webhook and its last deliveries", true).action([options](Output& output) {
    return show(output, *options);
  });
  auto testing = add("test", "Send an example now, and say what came of it", true);
  testing.option("--event", options->event, "Of which event; else the webhook's first");
  testing.action([options](Output& output) { return test(output, *options); });
  auto again = add("redeliver", "Send again what could not be delivered", true);
  again.argument("DELIVERY", options->delivery, "One delivery, also one that was delivered; else all dead ones", false);
  again.examples("  fettle webhook redeliver 5c53e6521772ef845c3171d8c8664354");
  again.action([options](Output& output) { return redeliver(output, *options); });
  add("remove", "Remove a webhook and what was still to be sent to it", true).action([options](Output& output) {
    return remove(output, *options);
  });
}

}  // namespace fettle::cli
