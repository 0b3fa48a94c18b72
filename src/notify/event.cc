#include "notify/event.h"

#include <algorithm>
#include <array>

#include "base/clock.h"
#include "base/text.h"

namespace fettle::notify {
namespace {

constexpr std::array<EventInfo, 19> kEvents{{
    {Event::RegisteredModelCreated, "registered_model", "created", true},
    {Event::VersionCreated, "model_version", "created", true},
    {Event::VersionTagSet, "model_version_tag", "set", true},
    {Event::VersionTagDeleted, "model_version_tag", "deleted", true},
    {Event::AliasCreated, "model_version_alias", "created", true},
    {Event::AliasDeleted, "model_version_alias", "deleted", true},
    {Event::PromptCreated, "prompt", "created", true},
    {Event::PromptVersionCreated, "prompt_version", "created", true},
    {Event::PromptTagSet, "prompt_tag", "set", true},
    {Event::PromptTagDeleted, "prompt_tag", "deleted", true},
    {Event::PromptVersionTagSet, "prompt_version_tag", "set", true},
    {Event::PromptVersionTagDeleted, "prompt_version_tag", "deleted", true},
    {Event::PromptAliasCreated, "prompt_alias", "created", true},
    {Event::PromptAliasDeleted, "prompt_alias", "deleted", true},
    {Event::BudgetExceeded, "budget_policy", "exceeded", true},
    {Event::AliasMoved, "model_version_alias", "moved", false},
    {Event::ApprovalRequested, "approval", "requested", false},
    {Event::ApprovalGiven, "approval", "given", false},
    {Event::ApprovalRejected, "approval", "rejected", false},
}};

json::Value tags() { return json::Value::object().set("example_key", "example_value"); }
json::Value described(json::Value value, std::string_view what) {
  return std::move(value.set("tags", tags()).set("description", text::format("An example {}", what)));
}
json::Value budget() {
  json::Value out;
  out.set("budget_policy_id", "bp-abc123").set("budget_unit", "USD").set("budget_amount", 100.0);
  out.set("current_spend", 105.5).set("duration_unit", "MONTHS").set("duration_value", std::int64_t{1});
  out.set("target_scope", "ENDPOINT").set("workspace", "default").set("target_value", "ep-abc123");
  return std::move(out.set("window_start", std::int64_t{1'704'067'200'000}));
}
json::Value approval(json::Value value) {
  value.set("request", "0123456789ab").set("version", "2").set("from", "1").set("requested_by", "ada");
  return std::move(value.set("reason", "an example"));
}

// "2026-03-28T09:10:11.123000+00:00", as Python writes it.
std::string iso_time(std::int64_t ms) {
  auto out = text::rfc3339(ms);
  out.pop_back();
  return out + "000+00:00";
}

}  // namespace

const EventInfo& info(Event event) noexcept { return kEvents[static_cast<std::size_t>(event)]; }

std::string name(Event event) { return text::format("{}.{}", info(event).entity, info(event).action); }

std::optional<Event> find_event(std::string_view entity, std::string_view action) noexcept {
  for (const auto& each : kEvents)
    if (each.entity == entity && each.action == action) return each.event;
  return std::nullopt;
}

std::vector<std::string> event_names() {
  std::vector<std::string> out;
  for (const auto& each : kEvents) out.push_back(name(each.event));
  return out;
}

std::vector<std::string> actions_of(std::string_view entity) {
  std::vector<std::string> out;
  for (const auto& each : kEvents)
    if (each.mlflow && each.entity == entity) out.emplace_back(each.action);
  std::ranges::sort(out);
  return out;
}

Result<Event> parse_event(std::string_view wanted) {
  const auto dot = wanted.find('.');
  if (dot != std::string_view::npos)
    if (const auto found = find_event(wanted.substr(0, dot), wanted.substr(dot + 1))) return *found;
  const auto near = text::closest(wanted, event_names());
  return fail(Code::InvalidArgument,
              text::format("there is no event '{}'; {}", wanted,
                           near ? text::format("did you mean '{}'?", *near)
                                : text::format("it is one of {}", text::join(event_names(), ", "))));
}

json::Value example(Event event) {
  const bool prompt = info(event).entity.starts_with("prompt");
  json::Value out = json::Value::object().set("name", prompt ? "example_prompt" : "example_model");
  switch (event) {
    case Event::BudgetExceeded:
      return budget();
    case Event::RegisteredModelCreated:
      return described(std::move(out), "registered model");
    case Event::PromptCreated:
      return described(std::move(out), "prompt");
    case Event::VersionCreated:
      out.set("version", "1").set("source", "models:/123").set("run_id", "abcd1234abcd5678");
      return described(std::move(out), "model version");
    case Event::PromptVersionCreated:
      out.set("version", "1").set("template", "Hello {{name}}!");
      return described(std::move(out), "prompt version");
    case Event::PromptTagSet:
      return std::move(out.set("key", "example_key").set("value", "example_value"));
    case Event::PromptTagDeleted:
      return std::move(out.set("key", "example_key"));
    case Event::VersionTagSet:
    case Event::PromptVersionTagSet:
      return std::move(out.set("version", "1").set("key", "example_key").set("value", "example_value"));
    case Event::VersionTagDeleted:
    case Event::PromptVersionTagDeleted:
      return std::move(out.set("version", "1").set("key", "example_key"));
    case Event::AliasCreated:
    case Event::PromptAliasCreated:
      return std::move(out.set("alias", "example_alias").set("version", "1"));
    case Event::AliasDeleted:
    case Event::PromptAliasDeleted:
      return std::move(out.set("alias", "example_alias"));
    case Event::AliasMoved:
      out.set("alias", "example_alias").set("version", "2").set("from", "1").set("actor", "ada");
      return std::move(out.set("reason", "an example"));
    case Event::ApprovalRequested:
      return approval(std::move(out.set("alias", "example_alias")));
    case Event::ApprovalGiven:
    case Event::ApprovalRejected:
      return std::move(approval(std::move(out.set("alias", "example_alias"))).set("decided_by", "bob"));
  }
  return out;
}

std::string body_of(Event event, const json::Value& data, std::int64_t time_ms) {
  json::Value out;
  out.set("entity", info(event).entity).set("action", info(event).action);
  return json::dump(out.set("timestamp", iso_time(time_ms)).set("data", data));
}

}  // namespace fettle::notify
