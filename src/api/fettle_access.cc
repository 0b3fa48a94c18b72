#include "api/fettle_access.h"

#include <algorithm>
#include <map>

#include "base/text.h"

namespace fettle::api {
namespace {

using http::Request;

json::Value body_of(const Request& request) {
  return json::parse(request.body, "request body").value_or(json::Value());
}

Rule rule(Role role, std::function<Result<void>(const FettleParts&, const Request&, const Identity&)> check) {
  return {{Need::On::Anyone, role}, [check = std::move(check)](const FettleParts& parts, const Request& request) {
            const auto& who = auth::caller(request);
            return who.unrestricted() ? Result<void>() : check(parts, request, who);
          }};
}

Result<void> need_somewhere(const Identity& who, Role role) {
  if (who.has_somewhere(role)) return {};
  return fail(Code::PermissionDenied,
              text::format("Permission denied: user '{}' needs role '{}' on something", who.name(), auth::name(role)));
}

// An endpoint that is not there yet is about to serve the model of its name.
Result<void> check_endpoint(const FettleParts& parts, const Identity& who, const std::string& name, Role role) {
  const auto endpoint = parts.store.endpoint(name);
  if (!endpoint && endpoint.error().code != Code::NotFound) return fail(endpoint.error());
  return parts.access.model(who, endpoint ? endpoint->model : name, role);
}

Result<void> check_rollout(const FettleParts& parts, const Request& request, const Identity& who, Role role) {
  const std::string id(request.capture("id"));
  FETTLE_TRY(const auto rollout, parts.store.rollout(id));
  return check_visible(parts, who, rollout.endpoint, role, text::format("there is no rollout '{}'", id));
}

class Visibility {
 public:
  static Result<Visibility> of(const FettleParts& parts, const Identity& who) {
    Visibility out(parts, who);
    FETTLE_TRY(const auto endpoints, parts.store.endpoints());
    for (const auto& endpoint : endpoints) out.models_.emplace(endpoint.name, endpoint.model);
    return out;
  }

  [[nodiscard]] bool sees(const json::Value& record) const {
    if (!record.is_object()) return true;
    if (const auto model = record.text_or("model"); !model.empty()) return sees_model(model);
    if (const auto endpoint = record.text_or("endpoint"); !endpoint.empty()) {
      const auto known = models_.find(endpoint);
      return sees_model(known == models_.end() ? endpoint : known->second);
    }
    const auto run = record.text_or("run_id");
    return run.empty() || parts_.access.run(who_, run, Role::Reader).has_value();
  }

  void filter(json::Value& value) const {
    if (value.is_array()) std::erase_if(value.as_array(), [&](const json::Value& record) { return !sees(record); });
    if (value.is_object())
      for (auto& [key, member] : value.as_object())
        if (member.is_array()) filter(member);
  }

 private:
  Visibility(const FettleParts& parts, const Identity& who) : parts_(parts), who_(who) {}
  [[nodiscard]] bool sees_model(const std::string& model) const {
    return who_.role({auth::Kind::Model, "", model}) >= Role::Reader;
  }
  const FettleParts& parts_;
  const Identity& who_;
  std::map<std::string, std::string> models_;  // by endpoint
};

}  // namespace

Result<void> check_visible(const FettleParts& parts, const Identity& who, const std::string& endpoint, Role role,
                           std::string_view missing) {
  auto checked = check_endpoint(parts, who, endpoint, role);
  if (!checked && checked.error().code == Code::NotFound) return fail(Code::NotFound, std::string(missing));
  return checked;
}

Result<json::Value> visible(const FettleParts& parts, const Identity& who, json::Value value) {
  if (who.unrestricted()) return value;
  FETTLE_TRY(const auto visibility, Visibility::of(parts, who));
  visibility.filter(value);
  return value;
}

Rule filtered() {
  return {anyone(), [](const FettleParts&, const Request&) { return Result<void>(); }};
}

Rule somewhere(Role role) {
  return rule(role,
              [role](const FettleParts&, const Request&, const Identity& who) { return need_somewhere(who, role); });
}

Rule on_endpoint(Role role) {
  return rule(role, [role](const FettleParts& parts, const Request& request, const Identity& who) -> Result<void> {
    const std::string name(request.capture("name"));
    FETTLE_TRY(const auto endpoint, parts.store.endpoint(name));
    return check_visible(parts, who, name, role, text::format("there is no endpoint '{}'", name));
  });
}

Rule on_rollout(Role role) {
  return rule(role, [role](const FettleParts& parts, const Request& request, const Identity& who) {
    return check_rollout(parts, request, who, role);
  });
}

Rule on_alert(Role role) {
  return rule(role, [role](const FettleParts& parts, const Request& request, const Identity& who) -> Result<void> {
    const std::string id(request.capture("id"));
    FETTLE_TRY(const auto alert, parts.store.alert(id));
    return check_visible(parts, who, alert.endpoint, role, text::format("there is no alert '{}'", id));
  });
}

Rule on_logged_model(Role role) {
  return rule(role, [role](const FettleParts& parts, const Request& request, const Identity& who) {
    return parts.access.logged_model(who, std::string(request.capture("id")), role);
  });
}

Rule on_new_rollout() {
  return rule(Role::Writer, [](const FettleParts& parts, const Request& request, const Identity& who) {
    return check_endpoint(parts, who, body_of(request).text_or("endpoint"), Role::Writer);
  });
}

Rule on_rollout_command() {
  return rule(Role::Writer, [](const FettleParts& parts, const Request& request, const Identity& who) {
    return check_rollout(parts, request, who, request.capture("verb") == "promote" ? Role::Approver : Role::Writer);
  });
}

Rule on_project() {
  return rule(Role::Writer, [](const FettleParts& parts, const Request& request, const Identity& who) -> Result<void> {
    const auto body = body_of(request);
    const auto* retrain = body.find("retrain");
    if (retrain != nullptr && !retrain->is_null()) return who.need_admin();
    FETTLE_TRY(const auto projects, parts.store.projects());
    for (const auto& project : projects)  // another's project is not taken over
      if (project.name == request.capture("name"))
        FETTLE_TRY_(check_endpoint(parts, who, project.endpoint, Role::Writer));
    return check_endpoint(parts, who, body.text_or("endpoint"), Role::Writer);
  });
}

Rule on_placed_version() {
  return rule(Role::Writer, [](const FettleParts& parts, const Request& request, const Identity& who) -> Result<void> {
    const auto body = body_of(request);
    FETTLE_TRY_(parts.access.model(who, body.text_or("model"), Role::Writer));
    const auto endpoint = body.text_or("endpoint");
    return endpoint.empty() ? Result<void>() : check_endpoint(parts, who, endpoint, Role::Writer);
  });
}

Rule on_verdicts(Role role) {
  return rule(role, [role](const FettleParts& parts, const Request& request, const Identity& who) -> Result<void> {
    const std::string run(request.parameter("run_id").value_or(""));
    const auto named = run.empty() && role >= Role::Writer ? body_of(request).text_or("run_id") : run;
    return named.empty() ? need_somewhere(who, role) : parts.access.run(who, named, role);
  });
}

Rule model_reader() {
  return rule(Role::Reader, [](const FettleParts& parts, const Request& request, const Identity& who) {
    return parts.access.model(who, std::string(request.capture("name")), Role::Reader);
  });
}

Rule model_writer() {
  return rule(Role::Writer, [](const FettleParts& parts, const Request& request, const Identity& who) {
    return parts.access.model(who, std::string(request.capture("name")), Role::Writer);
  });
}

Rule request_approver() {
  return rule(Role::Approver,
              [](const FettleParts& parts, const Request& request, const Identity& who) -> Result<void> {
                FETTLE_TRY(const auto requests, parts.registry.aliases().requests({}));
                for (const auto& one : requests)
                  if (one.id == request.capture("id")) return parts.access.model(who, one.model, Role::Approver);
                return fail(Code::NotFound, text::format("there is no request '{}'", request.capture("id")));
              });
}

Rule protection_owner() {
  return rule(Role::Admin, [](const FettleParts& parts, const Request& request, const Identity& who) {
    std::string model(request.parameter("model").value_or(""));
    if (request.method != http::Method::Delete) model = body_of(request).text_or("model");
    const bool many = model.empty() || model.contains('*');
    return many ? who.need_admin() : parts.access.model(who, model, Role::Admin);
  });
}

Rule server_owner() {
  return rule(Role::Admin, [](const FettleParts&, const Request&, const Identity& who) { return who.need_admin(); });
}

std::string actor_of(const Request& request, const json::Value& body) {
  return request.user.empty() ? body.text_or("actor") : request.user;
}

}  // namespace fettle::api
