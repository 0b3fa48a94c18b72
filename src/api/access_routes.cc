#include "api/access_routes.h"

#include <algorithm>

#include "base/text.h"
#include "json/value.h"

namespace fettle::api {
namespace {

using auth::Grant;
using http::Method;
using http::Request;
using http::Response;

constexpr std::string_view kRoot = "/api/fettle/v1/";

struct Call {
  const AccessRouteParts& parts;
  auth::Directory& directory;
  const Request& request;
  const Identity& who;
  json::Value body;

  [[nodiscard]] std::string capture(std::string_view name) const { return std::string(request.capture(name)); }
  [[nodiscard]] std::string query(std::string_view name) const {
    return std::string(request.parameter(name).value_or(""));
  }
};

json::Value shown(const auth::User& user) {
  return json::Value().set("name", user.name).set("admin", user.admin).set("created_ms", user.created_ms);
}

json::Value shown(const auth::Token& token) {
  return json::Value()
      .set("id", token.id)
      .set("owner", token.owner)
      .set("name", token.name)
      .set("role", auth::name(token.ceiling))
      .set("created_ms", token.created_ms)
      .set("expires_ms", token.expires_ms)
      .set("used_ms", token.used_ms);
}

json::Value shown(const Grant& grant) {
  return json::Value()
      .set("subject", grant.subject)
      .set("kind", auth::name(grant.kind))
      .set("exact", grant.exact)
      .set("on", grant.on)
      .set("role", auth::name(grant.role));
}

json::Value shown(const auth::AuditEntry& entry) {
  return json::Value()
      .set("id", entry.id)
      .set("time_ms", entry.time_ms)
      .set("who", entry.who)
      .set("token", entry.token)
      .set("peer", entry.peer)
      .set("action", entry.action)
      .set("object", entry.object)
      .set("status", entry.status)
      .set("detail", entry.detail);
}

template <typename Record>
json::Value shown(std::string_view name, const std::vector<Record>& records) {
  json::Value all = json::Value::array();
  for (const auto& record : records) all.push(shown(record));
  return json::Value().set(name, std::move(all));
}

Result<std::string> need_text(const json::Value& body, std::string_view key) {
  auto out = body.text_or(key);
  if (out.empty()) return fail(Code::InvalidArgument, text::format("request body: '{}' is missing", key));
  return out;
}

Result<Role> role_in(const json::Value& body, Role fallback) {
  const auto word = body.text_or("role");
  if (word.empty()) return fallback;
  if (const auto role = auth::parse_role(word)) return *role;
  return fail(Code::InvalidArgument,
              text::format("'{}' is no role; there are: none, predictor, reader, writer, approver, admin", word));
}

bool flag(const json::Value& body, std::string_view key) {
  const auto* value = body.find(key);
  return value != nullptr && value->is_bool() && value->as_bool();
}

Result<json::Value> list_users(const Call& call) {
  FETTLE_TRY_(call.who.need_admin());
  std::vector<auth::User> users;
  for (const auto& [name, known] : call.directory.snapshot()->users) users.push_back(known.user);
  return shown("users", users);
}

Result<json::Value> create_user(const Call& call) {
  FETTLE_TRY_(call.who.need_admin());
  FETTLE_TRY(const auto name, need_text(call.body, "name"));
  FETTLE_TRY(const auto password, need_text(call.body, "password"));
  FETTLE_TRY(const auto user, call.directory.create_user(name, password, flag(call.body, "admin")));
  return shown(user);
}

Result<json::Value> change_user(const Call& call) {
  const auto name = call.capture("name");
  if (const auto* admin = call.body.find("admin"); admin != nullptr && admin->is_bool()) {
    FETTLE_TRY_(call.who.need_admin());
    FETTLE_TRY_(call.directory.set_admin(name, admin->as_bool()));
  }
  if (const auto password = call.body.text_or("password"); !password.empty())
    FETTLE_TRY_(call.parts.access.change_password(call.who, name, call.body.text_or("current_password"), password));
  FETTLE_TRY(const auto user, call.directory.user(name));
  return shown(user);
}

Result<json::Value> delete_user(const Call& call) {
  FETTLE_TRY_(call.who.need_admin());
  FETTLE_TRY_(call.directory.delete_user(call.capture("name")));
  return json::Value::object();
}

// One's own tokens; those of all with ?all=true, for admins.
Result<json::Value> list_tokens(const Call& call) {
  const bool all = call.query("all") == "true";
  if (all) FETTLE_TRY_(call.who.need_admin());
  return shown("tokens", call.directory.tokens(all ? "" : call.who.name()));
}

// For oneself with at most one's own role here; admins make them for others.
Result<json::Value> create_token(const Call& call) {
  const auto owner = call.body.text_or("owner", call.who.name());
  if (owner != call.who.name()) {
    FETTLE_TRY_(call.who.need_admin());
    FETTLE_TRY_(call.directory.user(owner));
  }
  FETTLE_TRY(const auto name, need_text(call.body, "name"));
  FETTLE_TRY(const auto role, role_in(call.body, Role::Admin));
  const auto days = call.body.number_or("days", 0);
  if (!(days >= 0 && days <= 36'500)) return fail(Code::InvalidArgument, "'days' is 0 (for ever) to 36500");
  FETTLE_TRY(const auto issued,
             call.directory.issue({.owner = owner,
                                   .name = name,
                                   .ceiling = std::min(role, call.who.ceiling()),
                                   .lifetime_ms = static_cast<std::int64_t>(days * double{kDayMs})}));
  return shown(issued.token).set("token", issued.secret);
}

Result<json::Value> revoke_token(const Call& call) {
  FETTLE_TRY_(call.directory.revoke(call.capture("id"), call.who.unrestricted() ? "" : call.who.name()));
  return json::Value::object();
}

// Admins see all grants, others those that count for them.
Result<json::Value> list_grants(const Call& call) {
  auto grants = call.directory.grants();
  if (!call.who.unrestricted())
    std::erase_if(grants, [&](const Grant& grant) {
      return grant.subject != call.who.name() && grant.subject != auth::kEverybody;
    });
  return shown("grants", grants);
}

Result<Grant> grant_in(const Call& call) {
  Grant out;
  FETTLE_TRY(out.subject, need_text(call.body, "subject"));
  FETTLE_TRY(const auto kind, need_text(call.body, "kind"));
  const auto known = auth::parse_kind(kind);
  if (!known) return fail(Code::InvalidArgument, text::format("kind '{}' is neither experiment nor model", kind));
  out.kind = *known;
  FETTLE_TRY(out.on, need_text(call.body, "on"));
  out.exact = flag(call.body, "exact");
  FETTLE_TRY(out.role, role_in(call.body, Role::NoRole));
  if (call.who.unrestricted()) return out;
  if (!out.exact) return fail(call.who.need_admin().error());
  FETTLE_TRY_(out.kind == auth::Kind::Experiment ? call.parts.access.experiment(call.who, out.on, Role::Admin)
                                                 : call.parts.access.model(call.who, out.on, Role::Admin));
  return out;
}

Result<json::Value> put_grant(const Call& call) {
  FETTLE_TRY(const auto grant, grant_in(call));
  FETTLE_TRY_(call.directory.grant(grant));
  return shown(grant);
}

Result<json::Value> remove_grant(const Call& call) {
  FETTLE_TRY(const auto grant, grant_in(call));
  FETTLE_TRY_(call.directory.revoke_grant(grant));
  return json::Value::object();
}

Result<json::Value> list_audit(const Call& call) {
  FETTLE_TRY_(call.who.need_admin());
  const auto number = [&](std::string_view name, std::int64_t fallback) {
    return text::parse_int(call.query(name)).value_or(fallback);
  };
  FETTLE_TRY(const auto entries, call.parts.audit->list({.who = call.query("who"),
                                                         .object = call.query("object"),
                                                         .refused = call.query("refused") == "true",
                                                         .since_ms = number("since_ms", 0),
                                                         .before_id = number("before", 0),
                                                         .limit = number("limit", 100)}));
  return shown("entries", entries);
}

using CallHandler = Result<json::Value> (*)(const Call&);
struct AccessRoute {
  Method method;
  std::string_view path;
  CallHandler handler;
};
constexpr std::array<AccessRoute, 11> kAccessRoutes{{
    {Method::Get, "users", list_users},
    {Method::Post, "users", create_user},
    {Method::Patch, "users/{name}", change_user},
    {Method::Delete, "users/{name}", delete_user},
    {Method::Get, "tokens", list_tokens},
    {Method::Post, "tokens", create_token},
    {Method::Delete, "tokens/{id}", revoke_token},
    {Method::Get, "grants", list_grants},
    {Method::Put, "grants", put_grant},
    {Method::Delete, "grants", remove_grant},
    {Method::Get, "audit", list_audit},
}};

// What the audit trail says it was about; never a secret of the body.
std::string object_of(const Request& request, const json::Value& body) {
  std::string out = request.path.substr(kRoot.size());
  for (const auto* key : {"name", "owner", "subject", "kind", "on", "role", "admin"})
    if (const auto* value = body.find(key); value != nullptr && (value->is_string() || value->is_bool()))
      out += text::format(" {}={}", key, value->is_string() ? value->as_string() : json::dump(*value));
  return out;
}

Response respond(const AccessRouteParts& parts, const AccessRoute& route, const Request& request) {
  const auto directory = parts.access.directory();
  if (!directory) return auth::refusal(request, directory.error());
  const auto body = request.body.empty() ? json::Value::object() : json::parse(request.body, "request body");
  if (!body) return auth::refusal(request, body.error());
  const auto result = route.handler({parts, **directory, request, auth::caller(request), *body});
  auto out = result ? Response::json(json::dump(*result)) : auth::refusal(request, result.error());
  out.headers.emplace_back("Cache-Control", "no-store");
  const Need need{Need::On::Anyone, route.method == Method::Get ? Role::Reader : Role::Writer};
  parts.access.record(request, need, object_of(request, *body), out);
  return out;
}

Response me(const AccessRouteParts& parts, const Request& request) {
  const auto& who = auth::caller(request);
  json::Value out;
  out.set("access_control", parts.access.on())
      .set("user", who.name())
      .set("admin", who.unrestricted())
      .set("role_limit", auth::name(who.ceiling()));
  return Response::json(json::dump(out));
}

// The body's user and password, for a session's cookie.
void login(const AccessRouteParts& parts, const Request& request, const std::shared_ptr<http::Responder>& responder) {
  const auto body = json::parse(request.body, "request body");
  if (parts.authenticator == nullptr || !body)
    return responder->send(auth::refusal(
        request, body ? Error{Code::FailedPrecondition, "access control is off: nobody has to log in"} : body.error()));
  parts.authenticator->login(request, body->text_or("user"), body->text_or("password"),
                             [responder](Response answer) { responder->send(std::move(answer)); });
}

}  // namespace

void add_access_routes(http::Router& router, const AccessRouteParts& parts) {
  const auto path = [](std::string_view below) { return std::string(kRoot) + std::string(below); };
  for (const auto& route : kAccessRoutes)
    router.add(route.method, path(route.path),
               [parts, route](const Request& request) { return respond(parts, route, request); },
               {.access = http::Access::SignedIn});
  router.add(Method::Get, path("me"), [parts](const Request& request) { return me(parts, request); },
             {.run = http::Run::Loop, .access = http::Access::SignedIn});
  router.add_async(Method::Post, path("login"),
                   [parts](const Request& request, const std::shared_ptr<http::Responder>& responder) {
                     login(parts, request, responder);
                   },
                   {.run = http::Run::Loop, .max_body = 16U << 10U, .access = http::Access::Public});
  router.add(Method::Post, path("logout"),
             [parts](const Request& request) {
               return parts.authenticator == nullptr ? Response::json("{}") : parts.authenticator->logout(request);
             },
             {.access = http::Access::Public});
}

}  // namespace fettle::api
