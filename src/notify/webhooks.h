// Webhooks: who wants to hear of which events, and at which address.
//
// Thread-safe; blocks on SQL. Errors: NotFound, InvalidArgument (a rule of names, of address.h, or no event at all).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "notify/address.h"
#include "notify/event.h"
#include "notify/vault.h"
#include "sql/database.h"

namespace fettle::notify {

struct Webhook {
  std::string id, name, url, description;
  std::vector<Event> events;
  bool active = true;
  bool has_secret = false;  // the secret itself is never read back
  std::int64_t created_ms = 0, updated_ms = 0;
};

struct NewWebhook {
  std::string name, url, description, secret;
  std::vector<Event> events;
  bool active = true;
};

struct WebhookUpdate {  // only what is set changes
  std::optional<std::string> name, url, description, secret;
  std::optional<std::vector<Event>> events;
  std::optional<bool> active;
};

struct WebhookPage {
  std::vector<Webhook> items;
  std::string next_token;
};

class Webhooks {
 public:
  Webhooks(sql::Database& database, const Clock& clock, Vault vault, Reach reach)
      : database_(database), clock_(clock), vault_(std::move(vault)), reach_(reach) {}
  [[nodiscard]] static sql::Migrations migrations();  // of the whole module

  [[nodiscard]] Result<Webhook> create(const NewWebhook& wanted);
  [[nodiscard]] Result<Webhook> get(const std::string& id) const;
  [[nodiscard]] Result<Webhook> update(const std::string& id, const WebhookUpdate& update);
  [[nodiscard]] Result<void> remove(const std::string& id);  // with what is still to be delivered to it
  // Newest first. `mlflow_only`: those with at least one event that MLflow's clients know.
  [[nodiscard]] Result<WebhookPage> list(std::int64_t limit, const std::string& token, bool mlflow_only) const;

  [[nodiscard]] Result<std::string> secret(const std::string& id) const;  // for signing
  [[nodiscard]] const Reach& reach() const noexcept { return reach_; }

 private:
  sql::Database& database_;
  const Clock& clock_;
  Vault vault_;
  Reach reach_;
};

}  // namespace fettle::notify
