#include <algorithm>
#include <array>

#include "base/rng.h"
#include "base/text.h"
#include "notify/outbox.h"
#include "registry/alias_rows.h"
#include "registry/aliases.h"
#include "tracking/names.h"
#include "tracking/transaction.h"

namespace fettle::registry {
namespace {

using sql::Session;
using tracking::read_value;
using tracking::write_value;

constexpr std::size_t kRequestId = 12, kMaxPattern = 256, kMaxDecision = 5000;
constexpr std::array<std::string_view, 4> kStates{"open", "approved", "rejected", "stale"};

std::string_view text_of(RequestState state) { return kStates[static_cast<std::size_t>(state)]; }
RequestState state_of(std::string_view text) {
  return static_cast<RequestState>(std::ranges::find(kStates, text) - kStates.begin());
}

bool fits(std::string_view pattern, std::string_view name) {
  const auto star = pattern.find('*');
  if (star == std::string_view::npos) return pattern == name;
  if (!name.starts_with(pattern.substr(0, star))) return false;
  const auto rest = pattern.substr(star + 1);
  for (auto at = star; at <= name.size(); ++at)
    if (fits(rest, name.substr(at))) return true;
  return false;
}

constexpr std::string_view kRequestColumns =
    "SELECT r.id, m.name, r.alias, r.old, r.version, r.time_ms, r.requested_by, r.reason, r.state, r.decided_by, "
    "r.decision_reason, r.decided_ms FROM alias_requests r JOIN registered_models m ON m.id = r.model ";

AliasRequest read_request(const sql::Row& row) {
  AliasRequest out;
  out.id = row.text(0);
  out.model = row.text(1);
  out.alias = row.text(2);
  out.from = row.integer(3);
  out.version = row.integer(4);
  out.time_ms = row.integer(5);
  out.requested_by = row.text(6);
  out.reason = row.text(7);
  out.state = state_of(row.text(8));
  out.decided_by = row.text(9);
  out.decision_reason = row.text(10);
  out.decided_ms = row.integer(11);
  return out;
}

Result<std::vector<AliasRequest>> read_requests(Session& session, std::string_view where,
                                                std::initializer_list<sql::Parameter> values) {
  std::vector<AliasRequest> out;
  FETTLE_TRY_(session.query(text::format("{}{} ORDER BY r.time_ms DESC, r.id", kRequestColumns, where), values,
                            [&](const sql::Row& row) {
                              out.push_back(read_request(row));
                              return true;
                            }));
  return out;
}

Result<AliasRequest> need_request(Session& session, const std::string& id) {
  FETTLE_TRY(auto found, read_requests(session, "WHERE r.id = ?", {std::string_view(id)}));
  if (found.empty())
    return fail(Code::NotFound, text::format("there is no request '{}'; list them with: fettle model requests", id));
  return std::move(found.front());
}

Result<void> tell_request(Session& session, notify::Event event, const AliasRequest& request, std::int64_t now_ms) {
  return notify::publish(session, event, now_ms, [&] {
    const auto number = [](std::int64_t version) {
      return version == 0 ? json::Value() : json::Value(std::to_string(version));
    };
    json::Value data;
    data.set("request", request.id).set("name", request.model).set("alias", request.alias);
    data.set("version", number(request.version)).set("from", number(request.from));
    data.set("requested_by", request.requested_by).set("reason", request.reason);
    if (request.state != RequestState::Open)
      data.set("decided_by", request.decided_by).set("decision_reason", request.decision_reason);
    return Result<json::Value>(std::move(data));
  });
}

Result<void> check_decider(const AliasRequest& request, const Actor& actor) {
  if (request.state != RequestState::Open)
    return fail(Code::FailedPrecondition, text::format("request {} is {} already, by {}", request.id,
                                                       text_of(request.state), request.decided_by));
  if (actor.identified) return {};
  return fail(
      Code::PermissionDenied,
      "without access control nobody can be told from anybody else, so nothing can be approved or rejected; start "
      "the server with access control");
}

Result<void> store_decision(Session& session, const AliasRequest& request) {
  FETTLE_TRY_(session.execute(
      "UPDATE alias_requests SET state = ?, decided_by = ?, decision_reason = ?, decided_ms = ? WHERE id = ?",
      {text_of(request.state), std::string_view(request.decided_by), std::string_view(request.decision_reason),
       request.decided_ms, std::string_view(request.id)}));
  return {};
}

// Moves as asked, if the alias is where it was then and the version still exists.
Result<RequestState> carry_out(Session& session, const AliasRequest& request) {
  FETTLE_TRY(const auto model, need_model(session, request.model));
  FETTLE_TRY(const auto now, alias_version(session, model.row, request.alias));
  if (now != request.from) return RequestState::Stale;
  if (request.version != 0) {
    const auto version = need_version(session, request.model, request.version);
    if (!version && version.error().code == Code::NotFound) return RequestState::Stale;
    if (!version) return fail(version.error());
  }
  FETTLE_TRY_(apply_change(session, model,
                           {request.decided_ms, now, request.version, request.alias, request.requested_by,
                            request.reason, request.decided_by, request.id}));
  return RequestState::Approved;
}

}  // namespace

Result<bool> is_protected(Session& session, std::string_view model, std::string_view alias) {
  bool out = false;
  FETTLE_TRY_(session.query("SELECT model FROM alias_protections WHERE alias = ?", {alias}, [&](const sql::Row& row) {
    out = fits(row.text(0), model);
    return !out;
  }));
  return out;
}

Result<void> check_unprotected(Session& session, const std::string& model, const std::vector<std::string>& aliases,
                               std::string_view why) {
  for (const auto& alias : aliases) {
    FETTLE_TRY(const bool held, is_protected(session, model, alias));
    if (held)
      return fail(
          Code::PermissionDenied,
          text::format("{} would take away its protected alias '{}'; move or remove the alias first, with approval",
                       why, alias));
  }
  return {};
}

Result<AliasRequest> ask(Session& session, const ModelRow& model, const AliasChange& wanted) {
  FETTLE_TRY(
      auto open,
      read_requests(
          session,
          "WHERE r.model = ? AND r.alias = ? AND r.old = ? AND r.version = ? AND r.requested_by = ? AND "
          "r.state = 'open'",
          {model.row, std::string_view(wanted.alias), wanted.from, wanted.version, std::string_view(wanted.actor)}));
  if (!open.empty()) return std::move(open.front());
  const auto id = random_id().substr(0, kRequestId);
  FETTLE_TRY_(session.execute(
      "INSERT INTO alias_requests(id, model, alias, old, version, time_ms, requested_by, reason, state, decided_by, "
      "decision_reason, decided_ms) VALUES(?, ?, ?, ?, ?, ?, ?, ?, 'open', '', '', 0)",
      {std::string_view(id), model.row, std::string_view(wanted.alias), wanted.from, wanted.version, wanted.time_ms,
       std::string_view(wanted.actor), std::string_view(wanted.reason)}));
  FETTLE_TRY(auto request, need_request(session, id));
  FETTLE_TRY_(tell_request(session, notify::Event::ApprovalRequested, request, wanted.time_ms));
  return request;
}

Result<void> Aliases::protect(const std::string& pattern, const std::string& alias, const Actor& actor) {
  FETTLE_TRY_(check_alias(alias));
  if (pattern.empty() || pattern.size() > kMaxPattern || std::ranges::count(pattern, '*') > 3)
    return fail(
        Code::InvalidArgument,
        text::format("'{}' is no pattern of models: a name, with at most three '*' for any characters", pattern));
  if (!actor.identified)
    return fail(
        Code::FailedPrecondition,
        "approval by a second person needs access control, which is off: without it nobody can be told from anybody "
        "else");
  return database_.write([&](Session& session) -> Result<void> {
    FETTLE_TRY_(session.execute(
        "INSERT INTO alias_protections(model, alias, set_by, time_ms) VALUES(?, ?, ?, ?) ON "
        "CONFLICT(model, alias) DO NOTHING",
        {std::string_view(pattern), std::string_view(alias), std::string_view(actor.name), clock_.now_ms()}));
    return {};
  });
}

Result<void> Aliases::unprotect(const std::string& pattern, const std::string& alias) {
  return database_.write([&](Session& session) -> Result<void> {
    FETTLE_TRY(const auto gone, session.execute("DELETE FROM alias_protections WHERE model = ? AND alias = ?",
                                                {std::string_view(pattern), std::string_view(alias)}));
    if (gone > 0) return {};
    return fail(Code::NotFound, text::format("alias '{}' of models '{}' is not protected by itself; list protections "
                                             "with: fettle model protect",
                                             alias, pattern));
  });
}

Result<std::vector<Protection>> Aliases::protections() const {
  return read_value<std::vector<Protection>>(database_, [](Session& session) -> Result<std::vector<Protection>> {
    std::vector<Protection> out;
    FETTLE_TRY_(session.query("SELECT model, alias, set_by, time_ms FROM alias_protections ORDER BY model, alias", {},
                              [&](const sql::Row& row) {
                                out.push_back({std::string(row.text(0)), std::string(row.text(1)),
                                               std::string(row.text(2)), row.integer(3)});
                                return true;
                              }));
    return out;
  });
}

Result<std::vector<AliasRequest>> Aliases::requests(const RequestQuery& query) const {
  return read_value<std::vector<AliasRequest>>(database_, [&](Session& session) -> Result<std::vector<AliasRequest>> {
    const auto state = query.state ? text_of(*query.state) : std::string_view();
    const auto model = std::string_view(query.model);
    const auto version = query.version.value_or(-1);
    return read_requests(session,
                         "WHERE (CAST(? AS TEXT) = '' OR m.name = ?) AND (CAST(? AS TEXT) = '' OR r.state = ?) AND "
                         "(CAST(? AS BIGINT) = -1 OR r.version = ?)",
                         {model, model, state, state, version, version});
  });
}

Result<AliasRequest> Aliases::request(const std::string& id) const {
  return read_value<AliasRequest>(database_, [&](Session& session) { return need_request(session, id); });
}

Result<AliasRequest> Aliases::approve(const std::string& id, const Actor& actor, const std::string& reason) {
  FETTLE_TRY_(tracking::check_length("reason", reason, kMaxDecision));
  return told(write_value<AliasRequest>(database_, [&](Session& session) -> Result<AliasRequest> {
    FETTLE_TRY(auto request, need_request(session, id));
    FETTLE_TRY_(check_decider(request, actor));
    if (actor.name == request.requested_by)
      return fail(Code::PermissionDenied,
                  text::format("{} asked for request {} and may not approve it: somebody else must", actor.name, id));
    request.decided_by = actor.name;
    request.decision_reason = reason;
    request.decided_ms = clock_.now_ms();
    FETTLE_TRY(request.state, carry_out(session, request));
    FETTLE_TRY_(store_decision(session, request));
    if (request.state == RequestState::Approved)
      FETTLE_TRY_(tell_request(session, notify::Event::ApprovalGiven, request, request.decided_ms));
    return request;
  }));
}

Result<AliasRequest> Aliases::reject(const std::string& id, const Actor& actor, const std::string& reason) {
  FETTLE_TRY_(tracking::check_length("reason", reason, kMaxDecision));
  return told(write_value<AliasRequest>(database_, [&](Session& session) -> Result<AliasRequest> {
    FETTLE_TRY(auto request, need_request(session, id));
    FETTLE_TRY_(check_decider(request, actor));
    request.state = RequestState::Rejected;
    request.decided_by = actor.name;
    request.decision_reason = reason;
    request.decided_ms = clock_.now_ms();
    FETTLE_TRY_(store_decision(session, request));
    FETTLE_TRY_(tell_request(session, notify::Event::ApprovalRejected, request, request.decided_ms));
    return request;
  }));
}

}  // namespace fettle::registry
