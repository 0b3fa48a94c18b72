// The events that a webhook can ask for. Names and payloads are MLflow's; the last four are Fettle's own.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "json/value.h"

namespace fettle::notify {

enum class Event : std::uint8_t {
  RegisteredModelCreated,
  VersionCreated,
  VersionTagSet,
  VersionTagDeleted,
  AliasCreated,
  AliasDeleted,
  PromptCreated,
  PromptVersionCreated,
  PromptTagSet,
  PromptTagDeleted,
  PromptVersionTagSet,
  PromptVersionTagDeleted,
  PromptAliasCreated,
  PromptAliasDeleted,
  BudgetExceeded,  // never happens here; clients may ask for it
  AliasMoved,
  ApprovalRequested,
  ApprovalGiven,
  ApprovalRejected,
};

struct EventInfo {
  Event event;
  std::string_view entity, action;  // "model_version_alias", "created"
  bool mlflow;                      // known to MLflow's clients
};

[[nodiscard]] const EventInfo& info(Event event) noexcept;
[[nodiscard]] std::string name(Event event);  // "model_version_alias.created"
[[nodiscard]] std::optional<Event> find_event(std::string_view entity, std::string_view action) noexcept;
// InvalidArgument with the closest name.
[[nodiscard]] Result<Event> parse_event(std::string_view name);
[[nodiscard]] std::vector<std::string> event_names();
[[nodiscard]] std::vector<std::string> actions_of(std::string_view entity);  // of MLflow's events; sorted
[[nodiscard]] json::Value example(Event event);                              // data as a test sends it

// The body of a delivery: {"entity", "action", "timestamp", "data"}.
[[nodiscard]] std::string body_of(Event event, const json::Value& data, std::int64_t time_ms);

}  // namespace fettle::notify
