#include <algorithm>
#include <array>
#include <boost/describe.hpp>

#include "api/fettle_registry.h"
#include "base/text.h"
#include "json/describe.h"
#include "notify/sender.h"

namespace fettle::notify {  // as JSON has them
BOOST_DESCRIBE_STRUCT(Delivery, (),
                      (id, webhook, event, body, state, tries, created_ms, next_ms, tried_ms, status, detail))
}  // namespace fettle::notify

namespace fettle::api {
namespace {

using http::Method;
using http::Request;
using notify::Event;
using notify::Webhook;

constexpr std::int64_t kShownDeliveries = 20, kMostDeliveries = 1000, kMostWebhooks = 1000;

struct NewWebhookBody {
  std::string name, url, description, secret;
  std::vector<std::string> events;
  bool active = true;
};
BOOST_DESCRIBE_STRUCT(NewWebhookBody, (), (name, url, description, secret, events, active))
struct WebhookBody {
  std::optional<std::string> name, url, description, secret;
  std::optional<std::vector<std::string>> events;
  std::optional<bool> active;
};
BOOST_DESCRIBE_STRUCT(WebhookBody, (), (name, url, description, secret, events, active))

std::string id_of(const Request& request) { return std::string(request.capture("id")); }

Result<std::vector<Event>> events_of(const std::vector<std::string>& names) {
  std::vector<Event> out;
  for (const auto& each : names) {
    FETTLE_TRY(const auto event, notify::parse_event(each));
    out.push_back(event);
  }
  return out;
}

json::Value shown(const Webhook& webhook) {
  json::Value out, events = json::Value::array();
  for (const auto event : webhook.events) events.push(notify::name(event));
  out.set("id", webhook.id).set("name", webhook.name).set("url", webhook.url);
  out.set("description", webhook.description).set("events", std::move(events)).set("active", webhook.active);
  out.set("has_secret", webhook.has_secret).set("created_ms", webhook.created_ms);
  return std::move(out.set("updated_ms", webhook.updated_ms));
}

Result<json::Value> with_counts(const FettleParts& parts, const Webhook& webhook) {
  FETTLE_TRY(const auto count, parts.outbox.count(webhook.id));
  return std::move(shown(webhook).set("pending", count.pending).set("dead", count.dead));
}

Result<json::Value> list(const FettleParts& parts, const Request&) {
  FETTLE_TRY(const auto page, parts.webhooks.list(kMostWebhooks, "", false));
  json::Value out = json::Value::array();
  for (const auto& webhook : page.items) {
    FETTLE_TRY(auto each, with_counts(parts, webhook));
    out.push(std::move(each));
  }
  return json::Value::object().set("webhooks", std::move(out));
}

Result<json::Value> get(const FettleParts& parts, const Request& request) {
  FETTLE_TRY(const auto webhook, parts.webhooks.get(id_of(request)));
  FETTLE_TRY(auto out, with_counts(parts, webhook));
  FETTLE_TRY(const auto deliveries, parts.outbox.list(webhook.id, "", kShownDeliveries));
  return std::move(out.set("deliveries", json::to_value(deliveries)));
}

Result<json::Value> create(const FettleParts& parts, const Request& request) {
  FETTLE_TRY(const auto value, object_of(request));
  FETTLE_TRY(auto body, json::from_value<NewWebhookBody>(value, "request body"));
  FETTLE_TRY(auto events, events_of(body.events));
  FETTLE_TRY(const auto webhook,
             parts.webhooks.create({std::move(body.name), std::move(body.url), std::move(body.description),
                                    std::move(body.secret), std::move(events), body.active}));
  return shown(webhook);
}

Result<json::Value> update(const FettleParts& parts, const Request& request) {
  FETTLE_TRY(const auto value, object_of(request));
  FETTLE_TRY(auto body, json::from_value<WebhookBody>(value, "request body"));
  notify::WebhookUpdate change{body.name, body.url, body.description, body.secret, {}, body.active};
  if (body.events) {
    FETTLE_TRY(change.events, events_of(*body.events));
  }
  FETTLE_TRY(const auto webhook, parts.webhooks.update(id_of(request), change));
  parts.sender.ring();
  return shown(webhook);
}

Result<json::Value> remove(const FettleParts& parts, const Request& request) {
  FETTLE_TRY_(parts.webhooks.remove(id_of(request)));
  return json::Value::object();
}

Result<json::Value> test(const FettleParts& parts, const Request& request) {
  FETTLE_TRY(const auto body, object_of(request));
  FETTLE_TRY(const auto webhook, parts.webhooks.get(id_of(request)));
  auto event = webhook.events.front();
  if (const auto wanted = body.text_or("event"); !wanted.empty()) {
    FETTLE_TRY(event, notify::parse_event(wanted));
  }
  const auto done = notify::send_test(parts.webhooks, webhook, event, parts.clock);
  json::Value out = json::Value::object().set("success", done.success).set("event", notify::name(event));
  out.set("status", std::int64_t{done.answer.status.value_or(0)}).set("error", done.answer.error);
  return std::move(out.set("answer", text::is_utf8(done.answer.body) ? done.answer.body : ""));
}

Result<json::Value> deliveries(const FettleParts& parts, const Request& request) {
  FETTLE_TRY_(parts.webhooks.get(id_of(request)));
  const auto limit = text::parse_int(request.parameter("limit").value_or("")).value_or(kShownDeliveries);
  FETTLE_TRY(const auto found, parts.outbox.list(id_of(request), std::string(request.parameter("state").value_or("")),
                                                 std::clamp<std::int64_t>(limit, 0, kMostDeliveries)));
  return json::Value::object().set("deliveries", json::to_value(found));
}

Result<json::Value> redeliver(const FettleParts& parts, const Request& request) {
  FETTLE_TRY(const auto body, object_of(request));
  FETTLE_TRY_(parts.webhooks.get(id_of(request)));
  FETTLE_TRY(const auto count, parts.outbox.redeliver(id_of(request), body.text_or("delivery")));
  parts.sender.ring();
  return json::Value::object().set("redelivered", count);
}

constexpr std::array<FettleRoute, 8> kRoutes{{
    {Method::Get, "webhooks", server_owner, list},
    {Method::Post, "webhooks", server_owner, create},
    {Method::Get, "webhooks/{id}", server_owner, get},
    {Method::Patch, "webhooks/{id}", server_owner, update},
    {Method::Delete, "webhooks/{id}", server_owner, remove},
    {Method::Post, "webhooks/{id}/test", server_owner, test},
    {Method::Get, "webhooks/{id}/deliveries", server_owner, deliveries},
    {Method::Post, "webhooks/{id}/redeliver", server_owner, redeliver},
}};

}  // namespace

std::span<const FettleRoute> webhook_routes() { return kRoutes; }

}  // namespace fettle::api
