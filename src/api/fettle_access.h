// What the routes of Fettle's own API ask of their callers. Private to the module.
//
// An endpoint, with its rollouts, alerts, windows and predictions, counts as the registered model that it serves. What
// a caller may not read is answered as missing, and left out of lists.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "api/access.h"
#include "api/fettle.h"
#include "json/value.h"

namespace fettle::api {

// `object` names what the route is about, for the audit trail.
struct Rule {
  Need need;
  std::function<Result<void>(const FettleParts&, const http::Request&)> check;
};

[[nodiscard]] Rule filtered();                  // everyone signed in; the answer goes through visible()
[[nodiscard]] Rule somewhere(Role role);        // on any object
[[nodiscard]] Rule on_endpoint(Role role);      // {name}
[[nodiscard]] Rule on_rollout(Role role);       // {id}
[[nodiscard]] Rule on_alert(Role role);         // {id}
[[nodiscard]] Rule on_logged_model(Role role);  // {id}
[[nodiscard]] Rule on_new_rollout();            // the body's endpoint
[[nodiscard]] Rule on_rollout_command();        // {id}, {verb}: promoting wants an approver
[[nodiscard]] Rule on_project();                // {name}; a retraining runs commands here: admins only
[[nodiscard]] Rule on_placed_version();         // the body's model and endpoint
[[nodiscard]] Rule on_verdicts(Role role);      // the query's or the body's run_id

[[nodiscard]] Rule model_reader();  // {name} of a registered model
[[nodiscard]] Rule model_writer();
[[nodiscard]] Rule request_approver();  // {id} of a request to move an alias
[[nodiscard]] Rule protection_owner();  // the body's or query's model; of all models: admins only
[[nodiscard]] Rule server_owner();

// `value` without the members of its arrays that are about a model, endpoint or run which `who` may not read.
[[nodiscard]] Result<json::Value> visible(const FettleParts& parts, const Identity& who, json::Value value);
// The same for one record that has been found by its id: NotFound.
[[nodiscard]] Result<void> check_visible(const FettleParts& parts, const Identity& who, const std::string& endpoint,
                                         Role role, std::string_view missing);

// Who does something: the user where there is one, else whom the body names.
[[nodiscard]] std::string actor_of(const http::Request& request, const json::Value& body);

}  // namespace fettle::api
