// `fettle model alias set|remove|undo|history`, `fettle model requests|approve|reject|protect`: who moves which alias.
#include <memory>

#include "base/clock.h"
#include "base/text.h"
#include "cli.h"
#include "client.h"
#include "http/client.h"
#include "os/process.h"

namespace fettle::cli {
namespace {

constexpr std::string_view kModelHelp = "Registered models: versions, and aliases that point to them";
constexpr std::string_view kAliasHelp = "Move the pointers to versions, look where they were, go back";
constexpr std::string_view kApi = "/api/fettle/v1";

struct Options {
  std::string server, model, alias, version, expected, reason, id, state = "open";
  std::string actor = os::environment("USER").value_or("");
  bool lift = false;
};

std::string when(std::int64_t ms) { return ms > 0 ? text::rfc3339(ms).substr(0, 19) : "-"; }
std::string version_in_words(std::int64_t version) { return version == 0 ? "-" : text::format("v{}", version); }

// "3", "v3", and "none" for no version.
Result<std::int64_t> version_of(const std::string& text) {
  if (text == "none") return 0;
  const auto number = text::parse_int(text.starts_with('v') ? text.substr(1) : text);
  if (number && *number > 0) return *number;
  return fail(Code::InvalidArgument, text::format("'{}' is no version; write its number, for example 3", text));
}

std::string alias_path(const Options& options, std::string_view rest = "") {
  return text::format("{}/models/{}/aliases/{}{}", kApi, http::percent_encode(options.model),
                      http::percent_encode(options.alias), rest);
}

Result<json::Value> body_of(const Options& options) {
  json::Value body = json::Value::object().set("reason", options.reason).set("actor", options.actor);
  if (!options.expected.empty()) {
    FETTLE_TRY(const auto expected, version_of(options.expected));
    body.set("expected", expected);
  }
  return body;
}

void print_moved(Output& output, const Options& options, const json::Value& answer) {
  output.document(answer);
  if (const auto* request = answer.find("request")) {
    output.line(text::format("alias {} of {} is protected: request {} waits for somebody else", options.alias,
                             options.model, request->text_or("id")));
    output.line(text::format("  fettle model approve {}", request->text_or("id")));
    return;
  }
  const auto& change = *answer.find("change");
  const auto from = change.int_or("from", 0), version = change.int_or("version", 0);
  if (from == version)
    output.line(
        text::format("alias {} of {} was at {} already", options.alias, options.model, version_in_words(version)));
  else
    output.line(text::format("alias {} of {}: {} -> {}", options.alias, options.model, version_in_words(from),
                             version == 0 ? "removed" : version_in_words(version)));
}

Result<void> set(Output& output, const Options& options, bool remove) {
  FETTLE_TRY(const auto version, remove ? Result<std::int64_t>(0) : version_of(options.version));
  FETTLE_TRY(auto body, body_of(options));
  FETTLE_TRY(const auto answer,
             client::put(client::server_url(options.server), alias_path(options), body.set("version", version)));
  print_moved(output, options, answer);
  return {};
}

Result<void> undo(Output& output, const Options& options) {
  FETTLE_TRY(const auto body, body_of(options));
  FETTLE_TRY(const auto answer, client::post(client::server_url(options.server), alias_path(options, "/undo"), body));
  print_moved(output, options, answer);
  return {};
}

Result<void> history(Output& output, const Options& options) {
  const auto path = text::format("{}/models/{}/alias-changes?alias={}", kApi, http::percent_encode(options.model),
                                 http::percent_encode(options.alias));
  FETTLE_TRY(const auto answer, client::get(client::server_url(options.server), path));
  output.document(answer);
  std::vector<std::vector<std::string>> rows;
  for (const auto& change : answer.find("changes")->as_array())
    rows.push_back({when(change.int_or("time_ms", 0)), change.text_or("alias"),
                    version_in_words(change.int_or("from", 0)), version_in_words(change.int_or("version", 0)),
                    change.text_or("actor"), change.text_or("approved_by"), change.text_or("reason")});
  if (rows.empty())
    output.line("no alias of this model ever moved");
  else
    output.table({"when", "alias", "from", "to", "who", "approved by", "why"}, rows);
  return {};
}

Result<void> requests(Output& output, const Options& options) {
  const auto state = options.state == "all" ? "" : options.state;
  const auto path = text::format("{}/alias-requests?model={}&state={}", kApi, http::percent_encode(options.model),
                                 http::percent_encode(state));
  FETTLE_TRY(const auto answer, client::get(client::server_url(options.server), path));
  output.document(answer);
  std::vector<std::vector<std::string>> rows;
  for (const auto& each : answer.find("requests")->as_array())
    rows.push_back({each.text_or("id"), when(each.int_or("time_ms", 0)), each.text_or("model"), each.text_or("alias"),
                    version_in_words(each.int_or("from", 0)), version_in_words(each.int_or("version", 0)),
                    each.text_or("requested_by"), each.text_or("state"), each.text_or("decided_by"),
                    each.text_or("reason")});
  if (rows.empty())
    output.line(text::format("no {}requests", state.empty() ? "" : state + " "));
  else
    output.table({"request", "when", "model", "alias", "from", "to", "who", "state", "decided by", "why"}, rows);
  return {};
}

Result<void> decide(Output& output, const Options& options, std::string_view verb) {
  const auto path = text::format("{}/alias-requests/{}/{}", kApi, http::percent_encode(options.id), verb);
  FETTLE_TRY(const auto answer,
             client::post(client::server_url(options.server), path,
                          json::Value::object().set("reason", options.reason).set("actor", options.actor)));
  output.document(answer);
  const auto& request = *answer.find("request");
  output.line(request.text_or("state") == "approved"
                  ? text::format("approved: alias {} of {} is now at {}", request.text_or("alias"),
                                 request.text_or("model"), version_in_words(request.int_or("version", 0)))
                  : text::format("request {} is {}", options.id, request.text_or("state")));
  return {};
}

Result<void> protect(Output& output, const Options& options) {
  const auto server = client::server_url(options.server);
  const auto path = std::string(kApi) + "/alias-protections";
  if (!options.model.empty() && options.alias.empty())
    return fail(Code::InvalidArgument, "which alias? Write: fettle model protect MODEL ALIAS");
  const auto changed = [&]() -> Result<json::Value> {
    if (options.model.empty()) return client::get(server, path);
    if (options.lift)
      return client::remove(server, text::format("{}?model={}&alias={}", path, http::percent_encode(options.model),
                                                 http::percent_encode(options.alias)));
    return client::put(
        server, path,
        json::Value::object().set("model", options.model).set("alias", options.alias).set("actor", options.actor));
  };
  FETTLE_TRY(const auto answer, changed());
  output.document(answer);
  std::vector<std::vector<std::string>> rows;
  for (const auto& each : answer.find("protections")->as_array())
    rows.push_back({each.text_or("model"), each.text_or("alias"), each.text_or("by"), when(each.int_or("time_ms", 0))});
  if (rows.empty())
    output.line("no alias is protected");
  else
    output.table({"models", "alias", "by", "since"}, rows);
  return {};
}

using Shared = std::shared_ptr<Options>;

void add_common(Verb& verb, const Shared& options) {
  verb.option("--server", options->server, client::kServerHelp);
  verb.option("--reason", options->reason, "Why; it is kept on the record");
  verb.option("--actor", options->actor, "Who, where the server does not know: without access control");
}

void add_moves(Program& program, const Shared& options) {
  auto setting = program.verb("model alias", kAliasHelp, "set", "Point an alias to a version");
  setting.argument("MODEL", options->model, "The registered model's name");
  setting.argument("ALIAS", options->alias, "The alias, for example champion");
  setting.argument("VERSION", options->version, "Where it shall point");
  setting.option("--expected", options->expected, "Only if it points there now; 'none': only if it is new");
  add_common(setting, options);
  setting.examples("  fettle model alias set flights champion 3 --expected 2 --reason 'better on holidays'");
  setting.action([options](Output& output) { return set(output, *options, false); });

  auto removing = program.verb("model alias", kAliasHelp, "remove", "Remove an alias");
  removing.argument("MODEL", options->model, "The registered model's name");
  removing.argument("ALIAS", options->alias, "The alias");
  removing.option("--expected", options->expected, "Only if it points there now");
  add_common(removing, options);
  removing.examples("  fettle model alias remove flights candidate");
  removing.action([options](Output& output) { return set(output, *options, true); });

  auto undoing = program.verb("model alias", kAliasHelp, "undo", "Point an alias to where its last move took it from");
  undoing.argument("MODEL", options->model, "The registered model's name");
  undoing.argument("ALIAS", options->alias, "The alias");
  undoing.option("--expected", options->expected, "Only if it points there now");
  add_common(undoing, options);
  undoing.examples("  fettle model alias undo flights champion --reason 'too many alarms'");
  undoing.action([options](Output& output) { return undo(output, *options); });

  auto past = program.verb("model alias", kAliasHelp, "history", "Every move: when, from, to, who, why; newest first");
  past.argument("MODEL", options->model, "The registered model's name");
  past.argument("ALIAS", options->alias, "One alias; else all", false);
  past.option("--server", options->server, client::kServerHelp);
  past.examples("  fettle model alias history flights champion");
  past.action([options](Output& output) { return history(output, *options); });
}

void add_approvals(Program& program, const Shared& options) {
  auto listing = program.verb("model", kModelHelp, "requests", "Moves of protected aliases that wait for approval");
  listing.argument("MODEL", options->model, "Only this model's", false);
  listing.option("--state", options->state, "open, approved, rejected, stale or all");
  listing.option("--server", options->server, client::kServerHelp);
  listing.examples("  fettle model requests\n  fettle model requests flights --state all");
  listing.action([options](Output& output) { return requests(output, *options); });

  for (const auto& [name, help] : {std::pair{"approve", "Approve what somebody else asked for: the alias moves"},
                                   std::pair{"reject", "Refuse what somebody asked for"}}) {
    auto verb = program.verb("model", kModelHelp, name, help);
    verb.argument("REQUEST", options->id, "Its id, as 'fettle model requests' shows it");
    add_common(verb, options);
    verb.examples(text::format("  fettle model {} 4c1f09a7be52 --reason 'checked the holidays'", name));
    verb.action([options, name](Output& output) { return decide(output, *options, name); });
  }

  auto guard = program.verb("model", kModelHelp, "protect",
                            "Let an alias move only when a second person approves; without arguments, list them");
  guard.argument("MODEL", options->model, "Name of the models; '*' stands for any characters", false);
  guard.argument("ALIAS", options->alias, "The alias", false);
  guard.flag("--lift", options->lift, "End the protection");
  guard.option("--server", options->server, client::kServerHelp);
  guard.option("--actor", options->actor, "Who, where the server does not know");
  guard.examples(
      "  fettle model protect 'flights*' champion\n  fettle model protect\n"
      "  fettle model protect 'flights*' champion --lift");
  guard.action([options](Output& output) { return protect(output, *options); });
}

}  // namespace

void add_alias_verbs(Program& program) {
  auto options = std::make_shared<Options>();
  add_moves(program, options);
  add_approvals(program, options);
}

}  // namespace fettle::cli
