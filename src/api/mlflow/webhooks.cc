// Webhooks as MLflow's clients know them. Events of Fettle's own are left out here, and webhooks that have no others
// are not shown: a client that meets an event it does not know would refuse the whole answer.
#include <algorithm>
#include <array>

#include "api/mlflow/encode.h"
#include "api/mlflow/wire.h"
#include "base/clock.h"
#include "base/text.h"

namespace fettle::api::mlflow {
namespace {

using http::Method;
using notify::Event;
using notify::Webhook;

constexpr std::int64_t kPage = 100;
constexpr std::int64_t kMaxPage = 1000;
constexpr std::array<std::string_view, 2> kStatus{"ACTIVE", "DISABLED"};
constexpr std::array<std::string_view, 10> kEntities{
    "REGISTERED_MODEL", "MODEL_VERSION", "MODEL_VERSION_TAG",  "MODEL_VERSION_ALIAS", "PROMPT",
    "PROMPT_VERSION",   "PROMPT_TAG",    "PROMPT_VERSION_TAG", "PROMPT_ALIAS",        "BUDGET_POLICY"};
constexpr std::array<std::string_view, 5> kActions{"CREATED", "UPDATED", "DELETED", "SET", "EXCEEDED"};

std::string upper(std::string_view word) {
  std::string out(word);
  for (auto& c : out)
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
  return out;
}

json::Value encode_webhook(const Webhook& webhook) {
  json::Value out;
  out.set("webhook_id", webhook.id).set("name", webhook.name);
  if (!webhook.description.empty()) out.set("description", webhook.description);
  out.set("url", webhook.url);
  json::Value events = json::Value::array();
  for (const auto event : webhook.events)
    if (const auto& info = notify::info(event); info.mlflow)
      events.push(json::Value().set("entity", upper(info.entity)).set("action", upper(info.action)));
  out.set("events", std::move(events)).set("status", kStatus.at(webhook.active ? 0 : 1));
  out.set("creation_timestamp", webhook.created_ms).set("last_updated_timestamp", webhook.updated_ms);
  return out;
}
json::Value wrap(const Webhook& webhook) { return json::Value().set("webhook", encode_webhook(webhook)); }

Result<Event> event_of(const Input& input) {
  FETTLE_TRY(const auto entity, input.choice("entity", kEntities));
  FETTLE_TRY(const auto action, input.choice("action", kActions));
  if (!entity || !action) return fail(Code::InvalidArgument, "A webhook event has an entity and an action.");
  const auto entity_name = text::lower(kEntities.at(static_cast<std::size_t>(*entity - 1)));
  const auto action_name = text::lower(kActions.at(static_cast<std::size_t>(*action - 1)));
  const auto event = notify::find_event(entity_name, action_name);
  if (event && notify::info(*event).mlflow) return *event;
  return fail(Code::InvalidArgument,
              text::format("Invalid action '{}' for entity '{}'. Valid actions are: ['{}']", action_name, entity_name,
                           text::join(notify::actions_of(entity_name), "', '")));
}

Result<std::vector<Event>> events_of(const Input& input) {
  FETTLE_TRY(const auto objects, input.objects("events"));
  std::vector<Event> out;
  for (const auto& each : objects) {
    FETTLE_TRY(const auto event, event_of(each));
    out.push_back(event);
  }
  return out;
}

Result<std::optional<bool>> active_of(const Input& input) {
  FETTLE_TRY(const auto status, input.choice("status", kStatus));
  return status ? std::optional(*status == 1) : std::nullopt;
}

bool is_shown(const Webhook& webhook) {
  return std::ranges::any_of(webhook.events, [](Event event) { return notify::info(event).mlflow; });
}

Result<Webhook> need_webhook(const Service& service, const Input& input) {
  FETTLE_TRY(const auto id, input.need_text("webhook_id"));
  FETTLE_TRY(auto webhook, service.webhooks.get(id));
  if (!is_shown(webhook)) return fail(Code::NotFound, text::format("Webhook with ID {} not found.", id));
  return webhook;
}

Result<json::Value> create(const Service& service, const Input& input) {
  notify::NewWebhook wanted;
  FETTLE_TRY(wanted.name, input.need_text("name"));
  FETTLE_TRY(wanted.url, input.need_text("url"));
  FETTLE_TRY_(input.need_objects("events"));
  FETTLE_TRY(wanted.events, events_of(input));
  FETTLE_TRY(wanted.description, input.text("description"));
  FETTLE_TRY(wanted.secret, input.text("secret"));
  FETTLE_TRY(const auto active, active_of(input));
  wanted.active = active.value_or(true);
  FETTLE_TRY(const auto webhook, service.webhooks.create(wanted));
  return wrap(webhook);
}

Result<json::Value> list(const Service& service, const Input& input) {
  FETTLE_TRY(const auto limit, input.integer("max_results", kPage));
  if (limit < 0 || limit > kMaxPage) return fail(Code::InvalidArgument, "max_results must be between 1 and 1000.");
  FETTLE_TRY(const auto token, input.text("page_token"));
  FETTLE_TRY(const auto page, service.webhooks.list(limit == 0 ? kPage : limit, token, true));
  json::Value out = json::Value::object(), items = json::Value::array();
  for (const auto& webhook : page.items) items.push(encode_webhook(webhook));
  if (!page.items.empty()) out.set("webhooks", std::move(items));
  if (!page.next_token.empty()) out.set("next_page_token", page.next_token);
  return out;
}

Result<json::Value> get(const Service& service, const Input& input) {
  FETTLE_TRY(const auto webhook, need_webhook(service, input));
  return wrap(webhook);
}

// A client that gives events knows MLflow's only: Fettle's own stay.
Result<std::optional<std::vector<Event>>> new_events(const Input& input, const Webhook& old) {
  FETTLE_TRY(auto events, events_of(input));
  if (events.empty()) return std::nullopt;
  for (const auto event : old.events)
    if (!notify::info(event).mlflow) events.push_back(event);
  return events;
}

Result<json::Value> update(const Service& service, const Input& input) {
  FETTLE_TRY(const auto old, need_webhook(service, input));
  notify::WebhookUpdate change;
  const auto unless_empty = [](std::optional<std::string> text) { return text && text->empty() ? std::nullopt : text; };
  FETTLE_TRY(auto name, input.maybe_text("name"));
  FETTLE_TRY(auto url, input.maybe_text("url"));
  change.name = unless_empty(std::move(name));
  change.url = unless_empty(std::move(url));
  FETTLE_TRY(change.description, input.maybe_text("description"));
  FETTLE_TRY(change.secret, input.maybe_text("secret"));
  FETTLE_TRY(change.active, active_of(input));
  FETTLE_TRY(change.events, new_events(input, old));
  FETTLE_TRY(const auto webhook, service.webhooks.update(old.id, change));
  service.sender.ring();
  return wrap(webhook);
}

Result<json::Value> remove(const Service& service, const Input& input) {
  FETTLE_TRY(const auto webhook, need_webhook(service, input));
  FETTLE_TRY_(service.webhooks.remove(webhook.id));
  return json::Value();
}

Result<json::Value> test(const Service& service, const Input& input) {
  FETTLE_TRY(const auto webhook, need_webhook(service, input));
  auto event = *std::ranges::find_if(webhook.events, [](Event each) { return notify::info(each).mlflow; });
  if (input.has("event")) {
    FETTLE_TRY(const auto object, input.need_object("event"));
    FETTLE_TRY(event, event_of(object));
  }
  const auto done = notify::send_test(service.webhooks, webhook, event, system_clock());
  json::Value out = json::Value::object().set("success", done.success);
  if (done.answer.status) out.set("response_status", std::int64_t{*done.answer.status});
  if (done.answer.status && text::is_utf8(done.answer.body)) out.set("response_body", done.answer.body);
  if (!done.answer.error.empty()) out.set("error_message", "Failed to test webhook: " + done.answer.error);
  return json::Value().set("result", std::move(out));
}

constexpr std::array<Route, 6> kRoutes{{
    {Method::Post, "/webhooks", create, server_admin()},
    {Method::Get, "/webhooks", list, server_admin()},
    {Method::Get, "/webhooks/{webhook_id}", get, server_admin()},
    {Method::Patch, "/webhooks/{webhook_id}", update, server_admin()},
    {Method::Delete, "/webhooks/{webhook_id}", remove, server_admin()},
    {Method::Post, "/webhooks/{webhook_id}/test", test, server_admin()},
}};

}  // namespace

std::span<const Route> webhook_routes() { return kRoutes; }

}  // namespace fettle::api::mlflow
