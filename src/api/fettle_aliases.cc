#include <array>
#include <boost/describe.hpp>

#include "api/fettle_registry.h"
#include "base/text.h"
#include "json/describe.h"
#include "registry/aliases.h"

namespace fettle::registry {  // as JSON has them
BOOST_DESCRIBE_STRUCT(AliasChange, (), (time_ms, alias, from, version, actor, reason, approved_by, request))
BOOST_DESCRIBE_ENUM(RequestState, Open, Approved, Rejected, Stale)
BOOST_DESCRIBE_STRUCT(AliasRequest, (),
                      (id, model, alias, from, version, time_ms, requested_by, reason, state, decided_by,
                       decision_reason, decided_ms))
BOOST_DESCRIBE_STRUCT(Protection, (), (model, alias, by, time_ms))
}  // namespace fettle::registry

namespace fettle::api {
namespace {

using http::Method;
using http::Request;
using registry::Actor;
using registry::AliasMove;
using registry::AliasRequest;

struct MoveBody {
  std::optional<std::int64_t> version, expected;
  std::string reason, actor;
};
BOOST_DESCRIBE_STRUCT(MoveBody, (), (version, expected, reason, actor))
struct DecisionBody {
  std::string reason, actor;
};
BOOST_DESCRIBE_STRUCT(DecisionBody, (), (reason, actor))
struct ProtectionBody {
  std::string model, alias, actor;
};
BOOST_DESCRIBE_STRUCT(ProtectionBody, (), (model, alias, actor))

std::string captured(const Request& request, std::string_view name) { return std::string(request.capture(name)); }

// Who asks is known while access control is on; else it is who he says he is.
Actor actor_of(const Request& request, const std::string& said) {
  if (!request.user.empty()) return {request.user, true};
  return {said.empty() ? "somebody" : said, false};
}

template <typename T>
Result<T> body_as(const Request& request) {
  FETTLE_TRY(const auto body, object_of(request));
  return json::from_value<T>(body, "request body");
}

json::Value list_of(std::string_view name, const auto& items) {
  return json::Value::object().set(name, json::to_value(items));
}

Result<json::Value> moved(const Result<registry::MoveResult>& done) {
  if (!done) return fail(done.error());
  if (done->request) return json::Value::object().set("request", json::to_value(*done->request));
  return json::Value::object().set("change", json::to_value(*done->change));
}

Result<json::Value> move_alias(const FettleParts& parts, const Request& request) {
  FETTLE_TRY(const auto body, body_as<MoveBody>(request));
  if (!body.version)
    return fail(Code::InvalidArgument,
                "request body: version: expected the number of a version, or 0 to remove the alias");
  return moved(parts.registry.aliases().move(
      {captured(request, "name"), captured(request, "alias"), *body.version, body.expected, body.reason},
      actor_of(request, body.actor)));
}

Result<json::Value> undo_alias(const FettleParts& parts, const Request& request) {
  FETTLE_TRY(const auto body, body_as<MoveBody>(request));
  return moved(parts.registry.aliases().undo(
      {captured(request, "name"), captured(request, "alias"), 0, body.expected, body.reason},
      actor_of(request, body.actor)));
}

Result<json::Value> history(const FettleParts& parts, const Request& request) {
  FETTLE_TRY(const auto changes, parts.registry.aliases().history(
                                     captured(request, "name"), std::string(request.parameter("alias").value_or(""))));
  return list_of("changes", changes);
}

Result<json::Value> requests(const FettleParts& parts, const Request& request) {
  registry::RequestQuery query;
  query.model = request.parameter("model").value_or("");
  if (const auto state = request.parameter("state"); state && !state->empty()) {
    FETTLE_TRY(query.state, json::from_value<registry::RequestState>(json::Value(std::string(*state)), "state"));
  }
  FETTLE_TRY(const auto found, parts.registry.aliases().requests(query));
  return list_of("requests", found);
}

// A decision that came too late is kept on the record, and is an error for who made it.
Result<json::Value> decided(const Result<AliasRequest>& request) {
  if (!request) return fail(request.error());
  if (request->state == registry::RequestState::Stale)
    return fail(
        Code::Conflict,
        text::format("alias '{}' of '{}' moved since request {} was made, or its version is gone; it is closed, ask "
                     "anew",
                     request->alias, request->model, request->id));
  return json::Value::object().set("request", json::to_value(*request));
}

Result<json::Value> approve(const FettleParts& parts, const Request& request) {
  FETTLE_TRY(const auto body, body_as<DecisionBody>(request));
  return decided(parts.registry.aliases().approve(captured(request, "id"), actor_of(request, body.actor), body.reason));
}

Result<json::Value> reject(const FettleParts& parts, const Request& request) {
  FETTLE_TRY(const auto body, body_as<DecisionBody>(request));
  return decided(parts.registry.aliases().reject(captured(request, "id"), actor_of(request, body.actor), body.reason));
}

Result<json::Value> protections(const FettleParts& parts, const Request&) {
  FETTLE_TRY(const auto found, parts.registry.aliases().protections());
  return list_of("protections", found);
}

Result<json::Value> protect(const FettleParts& parts, const Request& request) {
  FETTLE_TRY(const auto body, body_as<ProtectionBody>(request));
  FETTLE_TRY_(parts.registry.aliases().protect(body.model, body.alias, actor_of(request, body.actor)));
  return protections(parts, request);
}

Result<json::Value> unprotect(const FettleParts& parts, const Request& request) {
  FETTLE_TRY_(parts.registry.aliases().unprotect(std::string(request.parameter("model").value_or("")),
                                                 std::string(request.parameter("alias").value_or(""))));
  return protections(parts, request);
}

constexpr std::array<FettleRoute, 9> kRoutes{{
    {Method::Put, "models/{name}/aliases/{alias}", model_writer, move_alias},
    {Method::Post, "models/{name}/aliases/{alias}/undo", model_writer, undo_alias},
    {Method::Get, "models/{name}/alias-changes", model_reader, history},
    {Method::Get, "alias-requests", filtered, requests},
    {Method::Post, "alias-requests/{id}/approve", request_approver, approve},
    {Method::Post, "alias-requests/{id}/reject", request_approver, reject},
    {Method::Get, "alias-protections", filtered, protections},
    {Method::Put, "alias-protections", protection_owner, protect},
    {Method::Delete, "alias-protections", protection_owner, unprotect},
}};

}  // namespace

json::Value changes_value(const std::vector<registry::AliasChange>& changes) { return json::to_value(changes); }
json::Value requests_value(const std::vector<AliasRequest>& requests) { return json::to_value(requests); }

std::span<const FettleRoute> alias_routes() { return kRoutes; }

}  // namespace fettle::api
