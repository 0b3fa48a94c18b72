#include "notify/webhooks.h"

#include <algorithm>

#include "base/rng.h"
#include "base/text.h"

namespace fettle::notify {
namespace {

using sql::Row;
using sql::Session;

constexpr std::size_t kMaxName = 63, kMaxDescription = 1000, kMaxSecret = 1000;
constexpr std::string_view kColumns =
    "SELECT id, name, url, description, events, active, secret, created_ms, updated_ms FROM webhooks ";

bool is_alphanumeric(char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
bool is_name_character(char c) { return is_alphanumeric(c) || c == '.' || c == '_' || c == '-'; }

Result<void> check_name(std::string_view name) {
  if (!name.empty() && name.size() <= kMaxName && std::ranges::all_of(name, is_name_character) &&
      is_alphanumeric(name.front()) && is_alphanumeric(name.back()))
    return {};
  return fail(
      Code::InvalidArgument,
      text::format("Webhook name '{}' is invalid. It must start and end with a letter or digit, be at most 63 "
                   "characters long, and contain only letters, digits, dots (.), underscores (_), and hyphens (-).",
                   name.substr(0, 2 * kMaxName)));
}

Result<void> check_texts(std::string_view description, std::string_view secret) {
  if (description.size() > kMaxDescription)
    return fail(Code::InvalidArgument, text::format("Webhook description is longer than {} bytes", kMaxDescription));
  if (secret.size() > kMaxSecret)
    return fail(Code::InvalidArgument, text::format("Webhook secret is longer than {} bytes", kMaxSecret));
  return {};
}

Result<std::string> events_text(const std::vector<Event>& events) {
  std::vector<std::string> names;
  for (const auto event : events)
    if (auto each = name(event); !std::ranges::contains(names, each)) names.push_back(std::move(each));
  if (names.empty()) return fail(Code::InvalidArgument, "Webhook events must be a non-empty list of events.");
  return text::join(names, ",");
}

std::vector<Event> read_events(std::string_view stored) {
  std::vector<Event> out;
  for (const auto& each : text::split(stored, ','))
    if (const auto event = parse_event(each)) out.push_back(*event);
  return out;
}

Webhook read(const Row& row) {
  Webhook out;
  out.id = row.text(0);
  out.name = row.text(1);
  out.url = row.text(2);
  out.description = row.text(3);
  out.events = read_events(row.text(4));
  out.active = row.integer(5) != 0;
  out.has_secret = !row.text(6).empty();
  out.created_ms = row.integer(7);
  out.updated_ms = row.integer(8);
  return out;
}

Result<Webhook> need(Session& session, const std::string& id) {
  std::optional<Webhook> out;
  FETTLE_TRY_(session.query(text::format("{} WHERE id = ?", kColumns), {std::string_view(id)}, [&](const Row& row) {
    out = read(row);
    return false;
  }));
  if (!out) return fail(Code::NotFound, text::format("Webhook with ID {} not found.", id));
  return *std::move(out);
}

bool has_mlflow_event(const Webhook& webhook) {
  return std::ranges::any_of(webhook.events, [](Event event) { return info(event).mlflow; });
}

// "<created_ms>.<id>" of the page's last webhook.
struct After {
  std::int64_t created_ms = 0;
  std::string id;
};
Result<After> read_token(const std::string& token) {
  const auto text = text::from_base64(token);
  const auto dot = text ? text->find('.') : std::string::npos;
  const auto time = dot == std::string::npos ? std::nullopt : text::parse_int(text->substr(0, dot));
  if (!time) return fail(Code::InvalidArgument, "Invalid page token: it is not one of this list");
  return After{*time, text->substr(dot + 1)};
}
std::string make_token(const Webhook& last) { return text::base64(text::format("{}.{}", last.created_ms, last.id)); }

constexpr std::int64_t kBatch = 1000;

// At most `limit` webhooks after `after`, newest first.
Result<std::vector<Webhook>> read_after(Session& session, const std::optional<After>& after, std::int64_t limit) {
  std::vector<Webhook> out;
  const auto keep = [&](const Row& row) {
    out.push_back(read(row));
    return true;
  };
  const auto statement = [](std::string_view where) {
    return text::format("{}{}ORDER BY created_ms DESC, id DESC LIMIT ?", kColumns, where);
  };
  const auto done = after ? session.query(statement("WHERE (created_ms, id) < (?, ?) "),
                                          {after->created_ms, std::string_view(after->id), limit}, keep)
                          : session.query(statement(""), {limit}, keep);
  if (!done) return fail(done.error());
  return out;
}

}  // namespace

sql::Migrations Webhooks::migrations() {
  return {"notify", {R"(
    CREATE TABLE webhooks(id TEXT PRIMARY KEY, name TEXT NOT NULL, url TEXT NOT NULL, description TEXT NOT NULL,
                          events TEXT NOT NULL, secret TEXT NOT NULL, active INTEGER NOT NULL,
                          created_ms INTEGER NOT NULL, updated_ms INTEGER NOT NULL);
    CREATE INDEX webhooks_by_age ON webhooks(created_ms, id);
    CREATE TABLE webhook_deliveries(id INTEGER PRIMARY KEY, delivery TEXT NOT NULL UNIQUE, webhook TEXT NOT NULL,
                                    event TEXT NOT NULL, body TEXT NOT NULL, state TEXT NOT NULL,
                                    tries INTEGER NOT NULL, created_ms INTEGER NOT NULL, next_ms INTEGER NOT NULL,
                                    tried_ms INTEGER NOT NULL, status INTEGER NOT NULL, detail TEXT NOT NULL);
    CREATE INDEX webhook_deliveries_in_order ON webhook_deliveries(webhook, state, id);
    CREATE INDEX webhook_deliveries_by_age ON webhook_deliveries(state, tried_ms);
  )"}};
}

Result<Webhook> Webhooks::create(const NewWebhook& wanted) {
  FETTLE_TRY_(check_name(wanted.name));
  FETTLE_TRY_(parse_url(wanted.url, reach_));
  FETTLE_TRY_(check_texts(wanted.description, wanted.secret));
  FETTLE_TRY(const auto events, events_text(wanted.events));
  const auto now = clock_.now_ms();
  const auto id = random_id();
  const auto sealed = vault_.put(wanted.secret);
  FETTLE_TRY_(database_.write([&](Session& session) -> Result<void> {
    FETTLE_TRY_(session.execute(
        "INSERT INTO webhooks(id, name, url, description, events, secret, active, created_ms, updated_ms) "
        "VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?)",
        {std::string_view(id), std::string_view(wanted.name), std::string_view(wanted.url),
         std::string_view(wanted.description), std::string_view(events), std::string_view(sealed),
         std::int64_t{wanted.active}, now, now}));
    return {};
  }));
  return get(id);
}

Result<Webhook> Webhooks::get(const std::string& id) const {
  std::optional<Webhook> out;
  FETTLE_TRY_(database_.read([&](Session& session) -> Result<void> {
    FETTLE_TRY(out, need(session, id));
    return {};
  }));
  return *std::move(out);
}

Result<Webhook> Webhooks::update(const std::string& id, const WebhookUpdate& update) {
  if (update.name) FETTLE_TRY_(check_name(*update.name));
  if (update.url) FETTLE_TRY_(parse_url(*update.url, reach_));
  FETTLE_TRY_(check_texts(update.description.value_or(""), update.secret.value_or("")));
  FETTLE_TRY_(database_.write([&](Session& session) -> Result<void> {
    FETTLE_TRY(const auto old, need(session, id));
    FETTLE_TRY(const auto events, events_text(update.events.value_or(old.events)));
    FETTLE_TRY_(session.execute(
        "UPDATE webhooks SET name = ?, url = ?, description = ?, events = ?, active = ?, updated_ms = ? WHERE id = ?",
        {std::string_view(update.name ? *update.name : old.name), std::string_view(update.url ? *update.url : old.url),
         std::string_view(update.description ? *update.description : old.description), std::string_view(events),
         std::int64_t{update.active.value_or(old.active)}, clock_.now_ms(), std::string_view(id)}));
    if (!update.secret) return {};
    const auto sealed = vault_.put(*update.secret);
    FETTLE_TRY_(session.execute("UPDATE webhooks SET secret = ? WHERE id = ?",
                                {std::string_view(sealed), std::string_view(id)}));
    return {};
  }));
  return get(id);
}

Result<void> Webhooks::remove(const std::string& id) {
  return database_.write([&](Session& session) -> Result<void> {
    FETTLE_TRY_(need(session, id));
    FETTLE_TRY_(session.execute("DELETE FROM webhook_deliveries WHERE webhook = ?", {std::string_view(id)}));
    FETTLE_TRY_(session.execute("DELETE FROM webhooks WHERE id = ?", {std::string_view(id)}));
    return {};
  });
}

Result<WebhookPage> Webhooks::list(std::int64_t limit, const std::string& token, bool mlflow_only) const {
  std::optional<After> after;
  if (!token.empty()) {
    FETTLE_TRY(after, read_token(token));
  }
  WebhookPage page;
  bool more = true;
  while (more && std::ssize(page.items) <= limit) {
    std::vector<Webhook> batch;
    FETTLE_TRY_(database_.read([&](Session& session) -> Result<void> {
      FETTLE_TRY(batch, read_after(session, after, kBatch));
      return {};
    }));
    more = std::ssize(batch) == kBatch;
    if (!batch.empty()) after = After{batch.back().created_ms, batch.back().id};
    for (auto& webhook : batch)
      if (!mlflow_only || has_mlflow_event(webhook)) page.items.push_back(std::move(webhook));
  }
  if (std::ssize(page.items) > limit) {
    page.items.resize(static_cast<std::size_t>(limit));
    page.next_token = make_token(page.items.back());
  }
  return page;
}

Result<std::string> Webhooks::secret(const std::string& id) const {
  std::string stored;
  FETTLE_TRY_(database_.read([&](Session& session) {
    return session.query("SELECT secret FROM webhooks WHERE id = ?", {std::string_view(id)}, [&](const Row& row) {
      stored = row.text(0);
      return false;
    });
  }));
  return vault_.get(stored);
}

}  // namespace fettle::notify
