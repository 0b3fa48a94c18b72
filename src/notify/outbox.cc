#include "notify/outbox.h"

#include <algorithm>

#include "base/rng.h"
#include "base/text.h"

namespace fettle::notify {
namespace {

using sql::Row;
using sql::Session;

constexpr std::string_view kPending = "pending", kDelivered = "delivered", kDead = "dead";
constexpr std::int64_t kKeepDeliveredMs = 7 * kDayMs, kKeepDeadMs = 90 * kDayMs;
constexpr std::size_t kMaxDetail = 500;
constexpr std::string_view kDeliveryColumns =
    "SELECT delivery, webhook, event, body, state, tries, created_ms, next_ms, tried_ms, status, detail "
    "FROM webhook_deliveries ";

Delivery read_delivery(const Row& row) {
  Delivery out;
  out.id = row.text(0);
  out.webhook = row.text(1);
  out.event = row.text(2);
  out.body = row.text(3);
  out.state = row.text(4);
  out.tries = row.integer(5);
  out.created_ms = row.integer(6);
  out.next_ms = row.integer(7);
  out.tried_ms = row.integer(8);
  out.status = row.integer(9);
  out.detail = row.text(10);
  return out;
}

Result<std::vector<Delivery>> query_deliveries(Session& session, std::string_view rest,
                                               std::initializer_list<sql::Parameter> values) {
  std::vector<Delivery> out;
  FETTLE_TRY_(session.query(text::format("{}{}", kDeliveryColumns, rest), values, [&](const Row& row) {
    out.push_back(read_delivery(row));
    return true;
  }));
  return out;
}

Result<std::vector<std::string>> active_webhooks(Session& session, std::string_view event) {
  std::vector<std::string> out;
  FETTLE_TRY_(
      session.query("SELECT id, events FROM webhooks WHERE active = 1 ORDER BY created_ms", {}, [&](const Row& row) {
        if (event.empty() || std::ranges::contains(text::split(row.text(1), ','), event)) out.emplace_back(row.text(0));
        return true;
      }));
  return out;
}

std::string uuid() {  // as receivers know it: 8-4-4-4-12
  const auto hex = random_id();
  return text::format("{}-{}-{}-{}-{}", hex.substr(0, 8), hex.substr(8, 4), hex.substr(12, 4), hex.substr(16, 4),
                      hex.substr(20));
}

// The delivery of one webhook whose turn it is: a stuck one that is due, else the first that is not stuck.
Result<std::optional<Delivery>> head(Session& session, const std::string& webhook, std::int64_t now) {
  FETTLE_TRY(auto stuck, query_deliveries(
                             session, "WHERE webhook = ? AND state = 'pending' AND tries >= ? ORDER BY next_ms LIMIT 1",
                             {std::string_view(webhook), kPatience}));
  if (!stuck.empty() && stuck.front().next_ms <= now) return std::move(stuck.front());
  FETTLE_TRY(auto first,
             query_deliveries(session, "WHERE webhook = ? AND state = 'pending' AND tries < ? ORDER BY id LIMIT 1",
                              {std::string_view(webhook), kPatience}));
  if (first.empty()) return stuck.empty() ? std::nullopt : std::optional(std::move(stuck.front()));
  if (!stuck.empty() && stuck.front().next_ms < first.front().next_ms) return std::move(stuck.front());
  return std::move(first.front());
}

// Receivers answer what they like: what is kept is short and text.
std::string_view clipped(std::string_view detail) {
  detail = detail.substr(0, std::min(kMaxDetail, detail.find('\0')));
  for (int i = 0; i < 4 && !text::is_utf8(detail); ++i) detail.remove_suffix(1);
  return text::is_utf8(detail) ? detail : "the receiver's answer is no text";
}

std::string_view state_of(Verdict verdict) {
  if (verdict == Verdict::Again) return kPending;
  return verdict == Verdict::Delivered ? kDelivered : kDead;
}

}  // namespace

Result<void> publish(Session& session, Event event, std::int64_t now_ms,
                     const std::function<Result<json::Value>()>& data) {
  const auto event_name = name(event);
  FETTLE_TRY(const auto webhooks, active_webhooks(session, event_name));
  if (webhooks.empty()) return {};
  FETTLE_TRY(const auto described, data());
  const auto body = body_of(event, described, now_ms);
  for (const auto& webhook : webhooks) {
    const auto id = uuid();
    FETTLE_TRY_(session.execute(
        "INSERT INTO webhook_deliveries(delivery, webhook, event, body, state, tries, created_ms, next_ms, tried_ms, "
        "status, detail) VALUES(?, ?, ?, ?, ?, 0, ?, ?, 0, 0, '')",
        {std::string_view(id), std::string_view(webhook), std::string_view(event_name), std::string_view(body),
         kPending, now_ms, now_ms}));
  }
  return {};
}

Result<Outbox::Next> Outbox::next(const std::set<std::string>& busy) const {
  Next out;
  FETTLE_TRY_(database_.read([&](Session& session) -> Result<void> {
    const auto now = clock_.now_ms();
    FETTLE_TRY(const auto webhooks, active_webhooks(session, ""));
    for (const auto& webhook : webhooks) {
      if (busy.contains(webhook)) continue;
      FETTLE_TRY(auto found, head(session, webhook, now));
      if (!found) continue;
      if (!out.due_ms || found->next_ms < *out.due_ms) {
        out.due_ms = found->next_ms;
        out.delivery = std::move(found);
      }
    }
    if (out.due_ms && *out.due_ms > now) out.delivery.reset();
    return {};
  }));
  return out;
}

Result<void> Outbox::record(const Delivery& delivery, const Outcome& outcome) {
  return database_.write([&](Session& session) -> Result<void> {
    FETTLE_TRY_(session.execute(
        "UPDATE webhook_deliveries SET state = ?, tries = tries + 1, next_ms = ?, tried_ms = ?, status = ?, detail = ? "
        "WHERE delivery = ?",
        {state_of(outcome.verdict), outcome.next_ms, clock_.now_ms(), outcome.status, clipped(outcome.detail),
         std::string_view(delivery.id)}));
    return {};
  });
}

Result<std::vector<Delivery>> Outbox::list(const std::string& webhook, const std::string& state,
                                           std::int64_t limit) const {
  std::vector<Delivery> out;
  FETTLE_TRY_(database_.read([&](Session& session) -> Result<void> {
    FETTLE_TRY(out, query_deliveries(session,
                                     "WHERE (CAST(? AS TEXT) = '' OR webhook = ?) AND (CAST(? AS TEXT) = '' OR state = "
                                     "?) ORDER BY id DESC LIMIT ?",
                                     {std::string_view(webhook), std::string_view(webhook), std::string_view(state),
                                      std::string_view(state), limit}));
    return {};
  }));
  return out;
}

Result<Outbox::Count> Outbox::count(const std::string& webhook) const {
  Count out;
  FETTLE_TRY_(database_.read([&](Session& session) {
    return session.query("SELECT state, count(*) FROM webhook_deliveries WHERE webhook = ? GROUP BY state",
                         {std::string_view(webhook)}, [&](const Row& row) {
                           if (row.text(0) == kPending) out.pending = row.integer(1);
                           if (row.text(0) == kDead) out.dead = row.integer(1);
                           return true;
                         });
  }));
  return out;
}

Result<std::int64_t> Outbox::redeliver(const std::string& webhook, const std::string& delivery) {
  std::int64_t changed = 0;
  const auto now = clock_.now_ms();
  FETTLE_TRY_(database_.write([&](Session& session) -> Result<void> {
    if (delivery.empty()) {
      FETTLE_TRY(changed, session.execute("UPDATE webhook_deliveries SET state = 'pending', tries = 0, next_ms = ? "
                                          "WHERE webhook = ? AND state = 'dead'",
                                          {now, std::string_view(webhook)}));
      return {};
    }
    FETTLE_TRY(const auto found, query_deliveries(session, "WHERE delivery = ? AND webhook = ?",
                                                  {std::string_view(delivery), std::string_view(webhook)}));
    if (found.empty()) return fail(Code::NotFound, text::format("webhook {} has no delivery '{}'", webhook, delivery));
    if (found.front().state == kPending)
      return fail(Code::FailedPrecondition, text::format("delivery '{}' is still to be sent by itself", delivery));
    FETTLE_TRY(changed, session.execute("UPDATE webhook_deliveries SET state = 'pending', tries = 0, next_ms = ? WHERE "
                                        "delivery = ?",
                                        {now, std::string_view(delivery)}));
    return {};
  }));
  return changed;
}

Result<void> Outbox::prune() {
  return database_.write([&](Session& session) -> Result<void> {
    const auto now = clock_.now_ms();
    for (const auto& [state, keep] : {std::pair{kDelivered, kKeepDeliveredMs}, std::pair{kDead, kKeepDeadMs}})
      FETTLE_TRY_(
          session.execute("DELETE FROM webhook_deliveries WHERE state = ? AND tried_ms < ?", {state, now - keep}));
    return {};
  });
}

}  // namespace fettle::notify
