#include "registry/events.h"

#include <algorithm>
#include <array>

#include "base/text.h"
#include "notify/outbox.h"

namespace fettle::registry {
namespace {

using notify::Event;
using sql::Session;

constexpr std::string_view kPromptTag = "mlflow.prompt.is_prompt", kTemplateTag = "mlflow.prompt.text",
                           kPromptTypeTag = "_mlflow_prompt_type";

Result<bool> is_prompt(Session& session, std::int64_t model) {
  bool out = false;
  FETTLE_TRY_(session.query("SELECT value FROM registered_model_tags WHERE model = ? AND key = ?", {model, kPromptTag},
                            [&](const sql::Row& row) {
                              out = text::lower(row.text(0)) == "true";
                              return false;
                            }));
  return out;
}

bool says_prompt(const std::vector<KeyValue>& tags) {
  const auto found = std::ranges::find(tags, kPromptTag, &KeyValue::key);
  return found != tags.end() && text::lower(found->value) == "true";
}

json::Value tags_of(const std::vector<KeyValue>& tags, bool prompt) {
  json::Value out = json::Value::object();
  for (const auto& tag : tags)
    if (!prompt || (tag.key != kPromptTag && tag.key != kTemplateTag && tag.key != kPromptTypeTag))
      out.set(tag.key, tag.value);
  return out;
}

json::Value or_null(const std::string& text) { return text.empty() ? json::Value() : json::Value(text); }
json::Value number_or_null(std::int64_t version) {
  return version == 0 ? json::Value() : json::Value(std::to_string(version));
}

json::Value version_data(const Version& version, bool prompt) {
  json::Value out;
  out.set("name", version.model).set("version", std::to_string(version.version));
  if (prompt)
    out.set("template", version.tag(kTemplateTag));
  else
    out.set("source", version.source).set("run_id", or_null(version.run_id));
  out.set("tags", tags_of(version.tags, prompt)).set("description", or_null(version.description));
  return out;
}

// The event has a second name for prompts.
Result<void> tell(Session& session, std::int64_t model, Event event, Event of_prompt, std::int64_t now_ms,
                  const json::Value& data) {
  FETTLE_TRY(const bool prompt, is_prompt(session, model));
  return notify::publish(session, prompt ? of_prompt : event, now_ms, [&] { return Result<json::Value>(data); });
}

}  // namespace

Result<void> tell_model_created(Session& session, const Model& model) {
  const bool prompt = says_prompt(model.tags);
  return notify::publish(session, prompt ? Event::PromptCreated : Event::RegisteredModelCreated, model.created_ms, [&] {
    json::Value data;
    data.set("name", model.name).set("tags", tags_of(model.tags, prompt)).set("description", model.description);
    return Result<json::Value>(std::move(data));
  });
}

Result<void> tell_version_created(Session& session, const Version& version) {
  const bool prompt = says_prompt(version.tags);
  return notify::publish(session, prompt ? Event::PromptVersionCreated : Event::VersionCreated, version.created_ms,
                         [&] { return Result<json::Value>(version_data(version, prompt)); });
}

Result<void> tell_model_tag(Session& session, const ModelRow& model, const std::string& key, const std::string* value,
                            std::int64_t now_ms) {
  FETTLE_TRY(const bool prompt, is_prompt(session, model.row));
  if (!prompt) return {};
  return notify::publish(session, value == nullptr ? Event::PromptTagDeleted : Event::PromptTagSet, now_ms, [&] {
    json::Value data;
    data.set("name", model.model.name).set("key", key);
    if (value != nullptr) data.set("value", *value);
    return Result<json::Value>(std::move(data));
  });
}

Result<void> tell_version_tag(Session& session, const VersionRow& version, const std::string& key,
                              const std::string* value, std::int64_t now_ms) {
  json::Value data;
  data.set("name", version.version.model).set("version", std::to_string(version.version.version)).set("key", key);
  if (value == nullptr)
    return tell(session, version.model, Event::VersionTagDeleted, Event::PromptVersionTagDeleted, now_ms, data);
  data.set("value", *value);
  return tell(session, version.model, Event::VersionTagSet, Event::PromptVersionTagSet, now_ms, data);
}

Result<void> tell_alias(Session& session, std::int64_t model, const std::string& name, const AliasChange& change) {
  json::Value data;
  data.set("name", name).set("alias", change.alias);
  json::Value moved = data;
  if (change.version == 0) {
    FETTLE_TRY_(tell(session, model, Event::AliasDeleted, Event::PromptAliasDeleted, change.time_ms, data));
  } else {
    data.set("version", std::to_string(change.version));
    FETTLE_TRY_(tell(session, model, Event::AliasCreated, Event::PromptAliasCreated, change.time_ms, data));
  }
  return notify::publish(session, Event::AliasMoved, change.time_ms, [&] {
    moved.set("version", number_or_null(change.version)).set("from", number_or_null(change.from));
    moved.set("actor", change.actor).set("reason", change.reason).set("approved_by", or_null(change.approved_by));
    return Result<json::Value>(moved);
  });
}

}  // namespace fettle::registry
