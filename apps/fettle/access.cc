// `fettle user|token|grant|audit`: who may do what on a server with access control.
#include <algorithm>
#include <memory>

#include "base/clock.h"
#include "base/text.h"
#include "cli.h"
#include "client.h"
#include "http/client.h"
#include "os/file.h"
#include "os/process.h"
#include "server_verb.h"

namespace fettle::cli {
namespace {

constexpr std::string_view kTokenHelp = "API tokens: what programs send instead of a password";
constexpr std::string_view kGrantHelp = "Grants: who has which role on what";
constexpr std::string_view kUsers = "/api/fettle/v1/users";
constexpr std::string_view kTokens = "/api/fettle/v1/tokens";
constexpr std::string_view kGrants = "/api/fettle/v1/grants";

struct Options {
  std::string server, name, password_file, owner, role, experiment, experiment_id, model, registered_model;
  std::string who, object, since;
  double days = 0;
  std::int64_t limit = 100;
  bool admin = false, no_admin = false, all = false, refused = false;
};
using Action = Result<void> (*)(Output&, const Options&);

std::string url(const Options& options) { return client::server_url(options.server); }
std::string below(std::string_view path, const std::string& name) {
  return text::format("{}/{}", path, http::percent_encode(name));
}
std::string day(std::int64_t ms, std::string_view never) {
  return ms == 0 ? std::string(never) : text::rfc3339(ms).substr(0, 19) + "Z";
}

// Never a word of the command line, which others on the machine can read.
Result<std::string> read_password(const Options& options, const std::string& variable) {
  if (options.password_file.empty()) {
    if (const auto password = os::environment(variable); password && !password->empty()) return *password;
    return fail(Code::InvalidArgument,
                text::format("no password: put it into {} or a file that --password-file names", variable));
  }
  FETTLE_TRY(const auto bytes, os::read_file(options.password_file));
  return std::string(text::trim(bytes));
}

Result<void> list_users(Output& output, const Options& options) {
  FETTLE_TRY(const auto answer, client::get(url(options), kUsers));
  output.document(answer);
  std::vector<std::vector<std::string>> rows;
  for (const auto& user : answer.find("users")->as_array())
    rows.push_back(
        {user.text_or("name"), user.find("admin")->as_bool() ? "admin" : "", day(user.int_or("created_ms", 0), "")});
  output.table({"user", "", "created"}, rows);
  return {};
}

Result<void> create_user(Output& output, const Options& options) {
  FETTLE_TRY(const auto password, read_password(options, "FETTLE_NEW_PASSWORD"));
  json::Value body;
  body.set("name", options.name).set("password", password).set("admin", options.admin);
  FETTLE_TRY(const auto user, client::post(url(options), kUsers, body));
  output.document(user);
  output.line(text::format("user '{}' is made", options.name));
  return {};
}

Result<void> delete_user(Output& output, const Options& options) {
  FETTLE_TRY(const auto answer, client::remove(url(options), below(kUsers, options.name)));
  output.document(answer);
  output.line(text::format("user '{}' is gone, with tokens and grants", options.name));
  return {};
}

Result<void> change_password(Output& output, const Options& options) {
  FETTLE_TRY(const auto password, read_password(options, "FETTLE_NEW_PASSWORD"));
  json::Value body;
  body.set("password", password).set("current_password", os::environment("MLFLOW_TRACKING_PASSWORD").value_or(""));
  FETTLE_TRY(const auto user, client::patch(url(options), below(kUsers, options.name), body));
  output.document(user);
  output.line(text::format("user '{}' has a new password", options.name));
  return {};
}

Result<void> change_admin(Output& output, const Options& options) {
  const auto body = json::Value().set("admin", !options.no_admin);
  FETTLE_TRY(const auto user, client::patch(url(options), below(kUsers, options.name), body));
  output.document(user);
  output.line(text::format("user '{}' is {} admin of this server", options.name, options.no_admin ? "no" : "an"));
  return {};
}

Result<void> list_tokens(Output& output, const Options& options) {
  FETTLE_TRY(const auto answer,
             client::get(url(options), text::format("{}{}", kTokens, options.all ? "?all=true" : "")));
  output.document(answer);
  std::vector<std::vector<std::string>> rows;
  for (const auto& token : answer.find("tokens")->as_array())
    rows.push_back({token.text_or("id"), token.text_or("name"), token.text_or("owner"), token.text_or("role"),
                    day(token.int_or("created_ms", 0), ""), day(token.int_or("expires_ms", 0), "never"),
                    day(token.int_or("used_ms", 0), "never")});
  output.table({"token", "name", "owner", "at most", "created", "expires", "used"}, rows);
  return {};
}

Result<void> create_token(Output& output, const Options& options) {
  json::Value body;
  body.set("name", options.name).set("days", options.days);
  if (!options.owner.empty()) body.set("owner", options.owner);
  if (!options.role.empty()) body.set("role", options.role);
  FETTLE_TRY(const auto token, client::post(url(options), kTokens, body));
  output.document(token);
  output.line(token.text_or("token"));
  return {};
}

Result<void> revoke_token(Output& output, const Options& options) {
  FETTLE_TRY(const auto answer, client::remove(url(options), below(kTokens, options.name)));
  output.document(answer);
  output.line(text::format("token {} counts no more", options.name));
  return {};
}

Result<void> list_grants(Output& output, const Options& options) {
  FETTLE_TRY(const auto answer, client::get(url(options), kGrants));
  output.document(answer);
  std::vector<std::vector<std::string>> rows;
  for (const auto& grant : answer.find("grants")->as_array())
    rows.push_back({grant.text_or("subject"), grant.text_or("role"), grant.text_or("kind"), grant.text_or("on"),
                    grant.find("exact")->as_bool() ? "itself" : "pattern"});
  output.table({"subject", "role", "on", "", ""}, rows);
  return {};
}

// What --experiment, --experiment-id, --model or --registered-model says; exactly one of them.
Result<json::Value> grant_of(const Options& options) {
  struct Target {
    const std::string& value;
    const char* kind;
    bool exact;
  };
  json::Value body;
  int given = 0;
  for (const auto& [value, kind, exact] :
       {Target{options.experiment, "experiment", false}, Target{options.experiment_id, "experiment", true},
        Target{options.model, "model", false}, Target{options.registered_model, "model", true}}) {
    if (value.empty()) continue;
    ++given;
    body.set("subject", options.name).set("kind", kind).set("on", value).set("exact", exact);
  }
  if (given == 1) return body;
  return fail(Code::InvalidArgument,
              "say what on: one of --experiment PATTERN, --experiment-id ID, --model PATTERN, --registered-model NAME");
}

Result<void> set_grant(Output& output, const Options& options) {
  FETTLE_TRY(auto body, grant_of(options));
  body.set("role", options.role);
  FETTLE_TRY(const auto grant, client::put(url(options), kGrants, body));
  output.document(grant);
  output.line(text::format("'{}' has role '{}' on {} {}", options.name, options.role, grant.text_or("kind"),
                           grant.text_or("on")));
  return {};
}

Result<void> remove_grant(Output& output, const Options& options) {
  FETTLE_TRY(const auto body, grant_of(options));
  FETTLE_TRY(const auto answer, client::remove(url(options), kGrants, body));
  output.document(answer);
  output.line("the grant is gone");
  return {};
}

Result<void> show_audit(Output& output, const Options& options) {
  auto path = text::format("/api/fettle/v1/audit?limit={}&who={}&object={}&refused={}", options.limit,
                           http::percent_encode(options.who), http::percent_encode(options.object),
                           options.refused ? "true" : "false");
  if (!options.since.empty()) {
    const auto since = text::parse_time(options.since);
    if (!since) return fail(Code::InvalidArgument, text::format("'{}' is no date or time", options.since));
    path += text::format("&since_ms={}", *since);
  }
  FETTLE_TRY(const auto answer, client::get(url(options), path));
  output.document(answer);
  std::vector<std::vector<std::string>> rows;
  for (const auto& entry : answer.find("entries")->as_array())
    rows.push_back({day(entry.int_or("time_ms", 0), ""), entry.text_or("who", "-"), entry.text_or("peer"),
                    std::to_string(entry.int_or("status", 0)), entry.text_or("action"), entry.text_or("object")});
  output.table({"when", "who", "from", "status", "what", "on"}, rows);
  return {};
}

using Shared = std::shared_ptr<Options>;

void act(Verb verb, const Shared& options, Action action) {
  verb.option("--server", options->server, client::kServerHelp);
  verb.action([options, action](Output& output) { return action(output, *options); });
}

Verb named(Program& program, const Shared& options, std::string_view noun, std::string_view help, std::string_view name,
           std::string_view what, std::string_view argument) {
  auto verb = program.verb(noun, help, name, what);
  verb.argument(argument, options->name, "Which one");
  return verb;
}

void add_user_verbs(Program& program, const Shared& options) {
  act(program.verb("user", kUserHelp, "list", "List users"), options, list_users);
  auto create = named(program, options, "user", kUserHelp, "create", "Make a user", "NAME");
  create.option("--password-file", options->password_file, "File with the password; else FETTLE_NEW_PASSWORD");
  create.flag("--admin", options->admin, "Make him an admin of the server");
  create.examples("  FETTLE_NEW_PASSWORD='...' fettle user create ada");
  act(create, options, create_user);
  act(named(program, options, "user", kUserHelp, "delete", "Delete a user, with tokens and grants", "NAME"), options,
      delete_user);
  auto password = named(program, options, "user", kUserHelp, "password", "Change a password", "NAME");
  password.option("--password-file", options->password_file, "File with the new one; else FETTLE_NEW_PASSWORD");
  password.examples(
      "  MLFLOW_TRACKING_USERNAME=ada MLFLOW_TRACKING_PASSWORD='old' FETTLE_NEW_PASSWORD='new' fettle user "
      "password ada");
  act(password, options, change_password);
  auto admin = named(program, options, "user", kUserHelp, "admin", "Make a user an admin of the server", "NAME");
  admin.flag("--no", options->no_admin, "Make him none");
  act(admin, options, change_admin);
}

void add_token_verbs(Program& program, const Shared& options) {
  auto list = program.verb("token", kTokenHelp, "list", "List your tokens");
  list.flag("--all", options->all, "Everybody's; for admins");
  act(list, options, list_tokens);
  auto create = named(program, options, "token", kTokenHelp, "create", "Make a token; it is shown this once", "NAME");
  create.option("--days", options->days, "When it expires; 0 = never");
  create.option("--role", options->role, "It may do no more than this role: predictor, reader, writer, approver");
  create.option("--owner", options->owner, "For whom, if not for you; for admins");
  create.examples(
      "  export FETTLE_TOKEN=$(fettle token create laptop --days 90)\n"
      "  fettle token create dashboard --role reader");
  act(create, options, create_token);
  act(named(program, options, "token", kTokenHelp, "revoke", "End a token", "TOKEN"), options, revoke_token);
}

Verb grant_verb(Program& program, const Shared& options, std::string_view name, std::string_view what) {
  auto verb = program.verb("grant", kGrantHelp, name, what);
  verb.argument("SUBJECT", options->name, "A user, '@group' of an OIDC token, or @everyone");
  if (name == "set") verb.argument("ROLE", options->role, "none, predictor, reader, writer, approver or admin");
  verb.option("--experiment", options->experiment, "Experiments whose name fits: 'team-*'");
  verb.option("--experiment-id", options->experiment_id, "One experiment");
  verb.option("--model", options->model, "Registered models whose name fits: '*'");
  verb.option("--registered-model", options->registered_model, "One registered model");
  return verb;
}

void add_grant_verbs(Program& program, const Shared& options) {
  act(program.verb("grant", kGrantHelp, "list", "List grants: all for admins, else yours"), options, list_grants);
  auto set = grant_verb(program, options, "set", "Give a role; 'none' hides");
  set.examples("  fettle grant set ada writer --experiment 'team-*'\n  fettle grant set @everyone none --model '*'");
  act(set, options, set_grant);
  act(grant_verb(program, options, "remove", "Take a grant back"), options, remove_grant);
}

}  // namespace

void add_access_verbs(Program& program) {
  const auto options = std::make_shared<Options>();
  add_user_verbs(program, options);
  add_token_verbs(program, options);
  add_grant_verbs(program, options);
  auto audit = program.verb("audit", "Show who changed, or was refused, what; newest first");
  audit.option("--who", options->who, "Only this user");
  audit.option("--object", options->object, "Only what has this in its name");
  audit.option("--since", options->since, "Only from this date or time on");
  audit.flag("--refused", options->refused, "Only what was refused");
  audit.option("--limit", options->limit, "At most so many");
  audit.examples("  fettle audit --refused --since 2026-01-01\n  fettle audit --object flights --json");
  act(audit, options, show_audit);
}

}  // namespace fettle::cli
