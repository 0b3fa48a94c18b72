#include <algorithm>

#include "base/text.h"
#include "registry/rows.h"
#include "registry/store.h"
#include "tracking/names.h"
#include "tracking/transaction.h"

namespace fettle::registry {
namespace {

using sql::Session;
using tracking::read_value;

constexpr std::string_view kLatest = "latest";
constexpr std::size_t kMaxAlias = 255;

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_alias_character(char c) {
  return is_digit(c) || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') || c == '_' || c == '-';
}

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

Result<std::int64_t> version_of(Session& session, std::int64_t model, std::string_view alias) {
  std::int64_t version = 0;
  FETTLE_TRY_(session.query("SELECT version FROM model_aliases WHERE model = ? AND alias = ?", {model, alias},
                            [&](const sql::Row& row) {
                              version = row.integer(0);
                              return false;
                            }));
  return version;
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

Result<void> record(Session& session, std::int64_t model, const AliasChange& change) {
  FETTLE_TRY_(
      session.execute("INSERT INTO alias_changes(model, alias, old, version, actor, time_ms) VALUES(?, ?, ?, ?, ?, ?)",
                      {model, std::string_view(change.alias), change.from, change.version,
                       std::string_view(change.actor), change.time_ms}));
  return {};
}

}  // namespace

Result<void> Store::set_alias(const std::string& model, const std::string& alias, std::int64_t version,
                              const std::string& actor) {
  FETTLE_TRY_(check_alias(alias));
  return database_.write([&](Session& session) -> Result<void> {
    FETTLE_TRY(const auto found, need_version(session, model, version));
    FETTLE_TRY(const auto old, version_of(session, found.model, alias));
    if (old == version) return {};
    FETTLE_TRY_(session.execute(
        "INSERT INTO model_aliases VALUES(?, ?, ?) ON CONFLICT(model, alias) DO UPDATE SET version = excluded.version",
        {found.model, std::string_view(alias), version}));
    return record(session, found.model, {clock_.now_ms(), old, version, alias, actor});
  });
}

Result<void> Store::delete_alias(const std::string& model, const std::string& alias, const std::string& actor) {
  FETTLE_TRY_(check_alias(alias));
  return database_.write([&](Session& session) -> Result<void> {
    FETTLE_TRY(const auto found, need_model(session, model));
    FETTLE_TRY(const auto old, version_of(session, found.row, alias));
    if (old == 0) return {};
    FETTLE_TRY_(session.execute("DELETE FROM model_aliases WHERE model = ? AND alias = ?",
                                {found.row, std::string_view(alias)}));
    return record(session, found.row, {clock_.now_ms(), old, 0, alias, actor});
  });
}

Result<std::optional<std::int64_t>> Store::get_alias(const std::string& model, const std::string& alias) const {
  return read_value<std::optional<std::int64_t>>(
      database_, [&](Session& session) -> Result<std::optional<std::int64_t>> {
        FETTLE_TRY(const auto found, need_model(session, model));
        FETTLE_TRY(const auto version,
                   text::lower(alias) == kLatest ? newest(session, found.row) : version_of(session, found.row, alias));
        return version == 0 ? std::nullopt : std::optional(version);
      });
}

Result<std::vector<AliasChange>> Store::alias_history(const std::string& model) const {
  return read_value<std::vector<AliasChange>>(database_, [&](Session& session) -> Result<std::vector<AliasChange>> {
    FETTLE_TRY(const auto found, need_model(session, model));
    std::vector<AliasChange> out;
    FETTLE_TRY_(
        session.query("SELECT time_ms, old, version, alias, actor FROM alias_changes WHERE model = ? ORDER BY id DESC",
                      {found.row}, [&](const sql::Row& row) {
                        out.push_back({row.integer(0), row.integer(1), row.integer(2), std::string(row.text(3)),
                                       std::string(row.text(4))});
                        return true;
                      }));
    return out;
  });
}

}  // namespace fettle::registry
