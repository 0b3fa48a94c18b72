#include "registry/aliases.h"

#include <algorithm>

#include "base/text.h"
#include "registry/alias_rows.h"
#include "registry/events.h"
#include "tracking/names.h"
#include "tracking/transaction.h"

namespace fettle::registry {
namespace {

using sql::Session;
using tracking::read_value;
using tracking::write_value;

constexpr std::string_view kLatest = "latest";
constexpr std::size_t kMaxAlias = 255, kMaxReason = 5000;

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_alias_character(char c) {
  return is_digit(c) || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') || c == '_' || c == '-';
}

Result<std::int64_t> newest(Session& session, std::int64_t model) {
  std::int64_t version = 0;
  FETTLE_TRY_(session.query("SELECT max(version) FROM model_versions WHERE model = ? AND deleted = 0", {model},
                            [&](const sql::Row& row) {
                              version = row.integer(0);
                              return false;
                            }));
  return version;
}

std::string in_words(std::int64_t version) {
  return version == 0 ? std::string("no version") : text::format("version {}", version);
}

Result<void> check_expected(const AliasMove& move, std::int64_t now) {
  if (!move.expected || *move.expected == now) return {};
  return fail(Code::Conflict, text::format("alias '{}' of '{}' points to {}, not to {}; look again and decide anew",
                                           move.alias, move.model, in_words(now), in_words(*move.expected)));
}

Result<MoveResult> move_in(Session& session, const ModelRow& model, const AliasMove& move, const Actor& actor,
                           std::int64_t now_ms) {
  FETTLE_TRY(const auto from, alias_version(session, model.row, move.alias));
  FETTLE_TRY_(check_expected(move, from));
  if (move.version != 0) FETTLE_TRY_(need_version(session, model.model.name, move.version));
  AliasChange change{now_ms, from, move.version, move.alias, actor.name, move.reason, {}, {}};
  if (from == move.version) return MoveResult{std::move(change), {}};
  FETTLE_TRY(const bool held, is_protected(session, model.model.name, move.alias));
  if (!held) {
    FETTLE_TRY_(apply_change(session, model, change));
    return MoveResult{std::move(change), {}};
  }
  if (!actor.identified)
    return fail(
        Code::PermissionDenied,
        text::format("alias '{}' of '{}' is protected: it moves when a second person approves, and without access "
                     "control nobody can be told from anybody else; start the server with access control, or "
                     "lift the protection",
                     move.alias, move.model));
  FETTLE_TRY(auto request, ask(session, model, change));
  return MoveResult{{}, std::move(request)};
}

Result<void> check_move(const AliasMove& move) {
  FETTLE_TRY_(check_alias(move.alias));
  return tracking::check_length("reason", move.reason, kMaxReason);
}

AliasChange read_change(const sql::Row& row) {
  AliasChange out;
  out.time_ms = row.integer(0);
  out.from = row.integer(1);
  out.version = row.integer(2);
  out.alias = row.text(3);
  out.actor = row.text(4);
  out.reason = row.text(5);
  out.approved_by = row.text(6);
  out.request = row.text(7);
  return out;
}

Result<std::vector<AliasChange>> read_changes(Session& session, std::int64_t model, std::string_view alias,
                                              std::int64_t limit) {
  std::vector<AliasChange> out;
  FETTLE_TRY_(session.query(
      "SELECT time_ms, old, version, alias, actor, reason, approved_by, request FROM alias_changes WHERE model = ? AND "
      "(CAST(? AS TEXT) = '' OR alias = ?) ORDER BY id DESC LIMIT ?",
      {model, alias, alias, limit}, [&](const sql::Row& row) {
        out.push_back(read_change(row));
        return true;
      }));
  return out;
}

}  // namespace

Result<void> check_alias(std::string_view alias) {
  if (alias.empty()) return fail(Code::InvalidArgument, "Registered model alias name cannot be empty.");
  if (alias.size() > kMaxAlias) return tracking::check_length("alias", alias, kMaxAlias);
  if (!std::ranges::all_of(alias, is_alias_character))
    return fail(Code::InvalidArgument, text::format("Invalid alias name: '{}'. Names may only contain alphanumerics, "
                                                    "underscores (_), and dashes (-).",
                                                    alias));
  if (text::lower(alias) == kLatest)
    return fail(Code::InvalidArgument, "'latest' alias name (case insensitive) is reserved.");
  const bool like_version =
      (alias[0] | 0x20) == 'v' && alias.size() > 1 && std::ranges::all_of(alias.substr(1), is_digit);
  if (like_version) return fail(Code::InvalidArgument, text::format("Version alias name '{}' is reserved.", alias));
  return {};
}

Result<std::int64_t> alias_version(Session& session, std::int64_t model, std::string_view alias) {
  std::int64_t version = 0;
  FETTLE_TRY_(session.query("SELECT version FROM model_aliases WHERE model = ? AND alias = ?", {model, alias},
                            [&](const sql::Row& row) {
                              version = row.integer(0);
                              return false;
                            }));
  return version;
}

Result<void> apply_change(Session& session, const ModelRow& model, const AliasChange& change) {
  const auto alias = std::string_view(change.alias);
  const auto done =
      change.version == 0
          ? session.execute("DELETE FROM model_aliases WHERE model = ? AND alias = ?", {model.row, alias})
          : session.execute(
                "INSERT INTO model_aliases(model, alias, version) VALUES(?, ?, ?) ON CONFLICT(model, alias) DO "
                "UPDATE SET version = excluded.version",
                {model.row, alias, change.version});
  if (!done) return fail(done.error());
  FETTLE_TRY_(session.execute(
      "INSERT INTO alias_changes(model, alias, old, version, actor, reason, approved_by, request, time_ms) "
      "VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?)",
      {model.row, alias, change.from, change.version, std::string_view(change.actor), std::string_view(change.reason),
       std::string_view(change.approved_by), std::string_view(change.request), change.time_ms}));
  return tell_alias(session, model.row, model.model.name, change);
}

Result<MoveResult> Aliases::move(const AliasMove& move, const Actor& actor) {
  FETTLE_TRY_(check_move(move));
  return told(write_value<MoveResult>(database_, [&](Session& session) -> Result<MoveResult> {
    FETTLE_TRY(const auto model, need_model(session, move.model));
    return move_in(session, model, move, actor, clock_.now_ms());
  }));
}

Result<MoveResult> Aliases::undo(const AliasMove& move, const Actor& actor) {
  FETTLE_TRY_(check_move(move));
  return told(write_value<MoveResult>(database_, [&](Session& session) -> Result<MoveResult> {
    FETTLE_TRY(const auto model, need_model(session, move.model));
    FETTLE_TRY(const auto changes, read_changes(session, model.row, move.alias, 1));
    if (changes.empty())
      return fail(Code::FailedPrecondition,
                  text::format("alias '{}' of '{}' never moved: there is nothing to undo", move.alias, move.model));
    AliasMove back = move;
    back.version = changes.front().from;
    if (!back.expected) back.expected = changes.front().version;
    if (back.reason.empty()) back.reason = text::format("undo of the move to {}", in_words(changes.front().version));
    auto done = move_in(session, model, back, actor, clock_.now_ms());
    if (!done && done.error().code == Code::NotFound)
      return fail(Code::FailedPrecondition, text::format("version {} of '{}', where alias '{}' was before, is deleted",
                                                         back.version, move.model, move.alias));
    return done;
  }));
}

Result<void> Aliases::follow(const std::string& name, const std::string& alias, std::int64_t version) {
  return told(database_.write([&](Session& session) -> Result<void> {
    FETTLE_TRY(const auto model, need_model(session, name));
    FETTLE_TRY(const auto from, alias_version(session, model.row, alias));
    if (from == version) return {};
    if (version != 0) FETTLE_TRY_(need_version(session, name, version));
    return apply_change(session, model,
                        {clock_.now_ms(), from, version, alias, "fettle", "what the endpoint serves", {}, {}});
  }));
}

Result<std::optional<std::int64_t>> Aliases::get(const std::string& model, const std::string& alias) const {
  return read_value<std::optional<std::int64_t>>(
      database_, [&](Session& session) -> Result<std::optional<std::int64_t>> {
        FETTLE_TRY(const auto found, need_model(session, model));
        FETTLE_TRY(const auto version, text::lower(alias) == kLatest ? newest(session, found.row)
                                                                     : alias_version(session, found.row, alias));
        return version == 0 ? std::nullopt : std::optional(version);
      });
}

Result<std::vector<AliasChange>> Aliases::history(const std::string& model, const std::string& alias) const {
  return read_value<std::vector<AliasChange>>(database_, [&](Session& session) -> Result<std::vector<AliasChange>> {
    constexpr std::int64_t kMost = 10'000;
    FETTLE_TRY(const auto found, need_model(session, model));
    return read_changes(session, found.row, alias, kMost);
  });
}

}  // namespace fettle::registry
