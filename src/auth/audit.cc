#include "auth/audit.h"

#include <memory>

#include "base/log.h"
#include "base/text.h"

namespace fettle::auth {
namespace {

constexpr std::int64_t kRepeatMs = 10 * 60'000;
constexpr std::size_t kMostSeen = 10'000;
constexpr std::int64_t kRefusalsPerSecond = 50;
constexpr std::size_t kMaxText = 500;
constexpr std::int64_t kMostListed = 10'000;

std::string_view shortened(const std::string& text) {
  if (!text::is_utf8(text)) return "(not UTF-8)";
  auto end = std::min(text.size(), kMaxText);
  while (end > 0 && end < text.size() && (static_cast<unsigned char>(text[end]) & 0xc0U) == 0x80U) --end;
  return std::string_view(text).substr(0, end);
}

Result<void> insert(sql::Session& session, const AuditEntry& entry) {
  return session
      .execute(
          "INSERT INTO audit_log(id, time_ms, who, token, peer, action, object, status, detail) "
          "SELECT coalesce(max(id), 0) + 1, CAST(? AS BIGINT), CAST(? AS TEXT), CAST(? AS TEXT), "
          "CAST(? AS TEXT), CAST(? AS TEXT), CAST(? AS TEXT), CAST(? AS INTEGER), CAST(? AS TEXT) FROM audit_log",
          {entry.time_ms, shortened(entry.who), shortened(entry.token), shortened(entry.peer), shortened(entry.action),
           shortened(entry.object), entry.status, shortened(entry.detail)})
      .transform([](std::int64_t) {});
}

}  // namespace

Result<void> Audit::changed(AuditEntry entry) {
  entry.time_ms = clock_.now_ms();
  return database_.write([&](sql::Session& session) { return insert(session, entry); });
}

void Audit::write_later(AuditEntry entry) {
  const auto kept = std::make_shared<AuditEntry>(std::move(entry));
  database_.write_async([kept](sql::Session& session) { return insert(session, *kept); },
                        [](const Result<void>& result) {
                          if (!result) log::error(text::format("the audit trail: {}", result.error().message));
                        });
}

void Audit::refused(AuditEntry entry) {
  entry.time_ms = clock_.now_ms();
  {
    const std::lock_guard lock(mutex_);
    if (const auto second = entry.time_ms / 1000; second != second_) {
      if (left_out_ > 0) entry.detail += text::format(" (and {} refusals before it, not written)", left_out_);
      second_ = second;
      written_ = left_out_ = 0;
    }
    if (++written_ > kRefusalsPerSecond) {
      ++left_out_;
      return;
    }
  }
  write_later(std::move(entry));
}

void Audit::logged(AuditEntry entry) {
  entry.time_ms = clock_.now_ms();
  {
    const std::lock_guard lock(mutex_);
    if (seen_.size() >= kMostSeen) seen_.clear();
    auto& last = seen_[text::format("{}\n{}\n{}", entry.who, entry.action, entry.object)];
    if (last != 0 && entry.time_ms - last < kRepeatMs) return;
    last = entry.time_ms;
  }
  write_later(std::move(entry));
}

Result<std::vector<AuditEntry>> Audit::list(const AuditQuery& query) const {
  std::string where = "time_ms >= ?";
  std::vector<sql::Parameter> parameters{query.since_ms};
  if (!query.who.empty()) {
    where += " AND who = ?";
    parameters.emplace_back(std::string_view(query.who));
  }
  if (!query.object.empty()) {
    where += " AND replace(object, ?, '') <> object";
    parameters.emplace_back(std::string_view(query.object));
  }
  if (query.refused) where += " AND status >= 400";
  if (query.before_id > 0) {
    where += " AND id < ?";
    parameters.emplace_back(query.before_id);
  }
  parameters.emplace_back(std::clamp<std::int64_t>(query.limit, 1, kMostListed));
  std::vector<AuditEntry> out;
  const auto add = [&](const sql::Row& row) {
    const auto text_at = [&](int column) { return std::string(row.text(column)); };
    out.push_back({row.integer(0), row.integer(1), text_at(2), text_at(3), text_at(4), text_at(5), text_at(6),
                   row.integer(7), text_at(8)});
    return true;
  };
  FETTLE_TRY_(database_.read([&](sql::Session& session) {
    return session.query(text::format("SELECT id, time_ms, who, token, peer, action, object, status, detail "
                                      "FROM audit_log WHERE {} ORDER BY id DESC LIMIT ?",
                                      where),
                         parameters, add);
  }));
  return out;
}

Result<std::int64_t> Audit::prune(std::int64_t older_than_ms) {
  std::int64_t gone = 0;
  FETTLE_TRY_(database_.write([&](sql::Session& session) -> Result<void> {
    FETTLE_TRY(gone, session.execute("DELETE FROM audit_log WHERE time_ms < ?", {older_than_ms}));
    return {};
  }));
  return gone;
}

}  // namespace fettle::auth
