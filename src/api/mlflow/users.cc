// MLflow's own user and permission API, as mlflow.server.auth.client.AuthServiceClient calls it. Its permissions are
// grants on one object: READ and USE are reader, EDIT is writer, MANAGE is admin, NO_PERMISSIONS hides.
#include <algorithm>
#include <array>

#include "api/mlflow/wire.h"
#include "base/text.h"

namespace fettle::api::mlflow {
namespace {

using auth::Grant;
using auth::Kind;
using http::Method;

constexpr std::array<std::pair<std::string_view, Role>, 6> kPermissions{{{"READ", Role::Reader},
                                                                         {"EDIT", Role::Writer},
                                                                         {"MANAGE", Role::Admin},
                                                                         {"NO_PERMISSIONS", Role::NoRole},
                                                                         {"USE", Role::Reader},
                                                                         {"DENY", Role::NoRole}}};

Result<Role> role_of(const std::string& permission) {
  for (const auto& [name, role] : kPermissions)
    if (name == permission) return role;
  return fail(Code::InvalidArgument,
              text::format("Invalid permission '{}'. Valid permissions are: READ, USE, EDIT, MANAGE, NO_PERMISSIONS",
                           permission));
}

std::string_view permission_of(Role role) {
  switch (role) {
    case Role::Admin:
      return "MANAGE";
    case Role::Writer:
    case Role::Approver:
      return "EDIT";
    case Role::Reader:
      return "READ";
    default:
      return "NO_PERMISSIONS";
  }
}

Result<auth::Directory*> directory_of(const Service& service) { return service.access.directory(); }

json::Value encode(const auth::User& user) {
  return json::Value()
      .set("id", user.id)
      .set("username", user.name)
      .set("is_admin", user.admin)
      .set("experiment_permissions", json::Value::array())
      .set("registered_model_permissions", json::Value::array());
}

Result<json::Value> create_user(const Service& service, const Input& input) {
  FETTLE_TRY(auto* directory, directory_of(service));
  FETTLE_TRY(const auto name, input.need_text("username"));
  FETTLE_TRY(const auto password, input.need_text("password"));
  FETTLE_TRY(const auto user, directory->create_user(name, password, false));
  return json::Value().set("user", encode(user));
}

// Everybody may look at and change himself.
Result<void> check_self(const Input& input, const std::string& name) {
  return input.caller().name() == name ? Result<void>() : input.caller().need_admin();
}

Result<json::Value> get_user(const Service& service, const Input& input) {
  FETTLE_TRY(const auto* directory, directory_of(service));
  FETTLE_TRY(const auto name, input.need_text("username"));
  FETTLE_TRY_(check_self(input, name));
  FETTLE_TRY(const auto user, directory->user(name));
  return json::Value().set("user", encode(user));
}

Result<json::Value> current_user(const Service& service, const Input& input) {
  FETTLE_TRY(const auto* directory, directory_of(service));
  FETTLE_TRY(const auto user, directory->user(input.caller().name()));
  return json::Value().set("user", encode(user));
}

Result<json::Value> list_users(const Service& service, const Input&) {
  FETTLE_TRY(const auto* directory, directory_of(service));
  json::Value users = json::Value::array();
  for (const auto& [name, known] : directory->snapshot()->users) users.push(encode(known.user));
  return json::Value().set("users", std::move(users));
}

Result<json::Value> update_password(const Service& service, const Input& input) {
  FETTLE_TRY(const auto name, input.need_text("username"));
  FETTLE_TRY(const auto password, input.need_text("password"));
  FETTLE_TRY(const auto current, input.text("current_password"));
  FETTLE_TRY_(service.access.change_password(input.caller(), name, current, password));
  return json::Value();
}

Result<json::Value> update_admin(const Service& service, const Input& input) {
  FETTLE_TRY(auto* directory, directory_of(service));
  FETTLE_TRY(const auto name, input.need_text("username"));
  FETTLE_TRY(const auto admin, input.flag("is_admin", false));
  FETTLE_TRY_(directory->set_admin(name, admin));
  return json::Value();
}

Result<json::Value> delete_user(const Service& service, const Input& input) {
  FETTLE_TRY(auto* directory, directory_of(service));
  FETTLE_TRY(const auto name, input.need_text("username"));
  FETTLE_TRY_(directory->delete_user(name));
  return json::Value();
}

// A permission of one user on one object. Whoever owns the object may change it.
struct Asked {
  auth::Directory* directory;
  auth::User user;
  Grant grant;
};

Result<Asked> asked(const Service& service, const Input& input, Kind kind, std::string_view id_parameter) {
  Asked out{};
  FETTLE_TRY(out.directory, directory_of(service));
  FETTLE_TRY(const auto name, input.need_text("username"));
  out.grant = {.subject = name, .kind = kind, .exact = true};
  FETTLE_TRY(out.grant.on, input.need_text(id_parameter));
  if (kind == Kind::Experiment) {
    FETTLE_TRY_(service.access.experiment(input.caller(), out.grant.on, Role::Admin));
    FETTLE_TRY_(service.tracking.experiment(ExperimentId(out.grant.on)));
  } else {
    FETTLE_TRY_(service.access.model(input.caller(), out.grant.on, Role::Admin));
    FETTLE_TRY_(service.registry.get_model(out.grant.on));
  }
  FETTLE_TRY(out.user, out.directory->user(name));
  return out;
}

std::optional<Grant> stored(const Asked& asked) {
  const auto grants = asked.directory->grants();
  const auto found = std::ranges::find_if(grants, [&](const Grant& grant) {
    return grant.exact && grant.kind == asked.grant.kind && grant.subject == asked.grant.subject &&
           grant.on == asked.grant.on;
  });
  return found == grants.end() ? std::nullopt : std::optional(*found);
}

json::Value encode(const Asked& asked, Role role) {
  const bool experiment = asked.grant.kind == Kind::Experiment;
  return json::Value()
      .set(experiment ? "experiment_id" : "name", asked.grant.on)
      .set("user_id", asked.user.id)
      .set("permission", permission_of(role));
}

std::unexpected<Error> no_permission(const Asked& asked) {
  return fail(Code::NotFound, text::format("{} permission with {}={} and username={} not found",
                                           asked.grant.kind == Kind::Experiment ? "Experiment" : "Registered model",
                                           asked.grant.kind == Kind::Experiment ? "experiment_id" : "name",
                                           asked.grant.on, asked.user.name));
}

template <Kind kind>
struct Permissions {
  static constexpr std::string_view kId = kind == Kind::Experiment ? "experiment_id" : "name";
  static constexpr std::string_view kAnswer =
      kind == Kind::Experiment ? "experiment_permission" : "registered_model_permission";

  static Result<json::Value> create(const Service& service, const Input& input) {
    FETTLE_TRY(auto one, asked(service, input, kind, kId));
    FETTLE_TRY(const auto permission, input.need_text("permission"));
    FETTLE_TRY(one.grant.role, role_of(permission));
    if (stored(one))
      return fail(Code::AlreadyExists, text::format("User '{}' already has a permission on {} '{}'; update it",
                                                    one.user.name, auth::name(kind), one.grant.on));
    FETTLE_TRY_(one.directory->grant(one.grant));
    return json::Value().set(kAnswer, encode(one, one.grant.role));
  }
  static Result<json::Value> get(const Service& service, const Input& input) {
    FETTLE_TRY(const auto one, asked(service, input, kind, kId));
    const auto found = stored(one);
    if (!found) return no_permission(one);
    return json::Value().set(kAnswer, encode(one, found->role));
  }
  static Result<json::Value> update(const Service& service, const Input& input) {
    FETTLE_TRY(auto one, asked(service, input, kind, kId));
    FETTLE_TRY(const auto permission, input.need_text("permission"));
    FETTLE_TRY(one.grant.role, role_of(permission));
    if (!stored(one)) return no_permission(one);
    FETTLE_TRY_(one.directory->grant(one.grant));
    return json::Value();
  }
  static Result<json::Value> remove(const Service& service, const Input& input) {
    FETTLE_TRY(const auto one, asked(service, input, kind, kId));
    if (!stored(one)) return no_permission(one);
    FETTLE_TRY_(one.directory->revoke_grant(one.grant));
    return json::Value();
  }
};
using OnExperiment = Permissions<Kind::Experiment>;
using OnModel = Permissions<Kind::Model>;

// The same in MLflow 3.12 and newer: one set of calls for every type of object.
Result<Asked> asked_by_type(const Service& service, const Input& input) {
  FETTLE_TRY(const auto type, input.need_text("resource_type"));
  if (type == "experiment") return asked(service, input, Kind::Experiment, "resource_id");
  if (type == "registered_model") return asked(service, input, Kind::Model, "resource_id");
  return fail(
      Code::Unimplemented,
      text::format("resource_type '{}' has no permissions here; there are experiment and registered_model", type));
}

Result<json::Value> grant_any(const Service& service, const Input& input) {
  FETTLE_TRY(auto one, asked_by_type(service, input));
  FETTLE_TRY(const auto permission, input.need_text("permission"));
  FETTLE_TRY(one.grant.role, role_of(permission));
  FETTLE_TRY_(one.directory->grant(one.grant));
  return json::Value();
}

Result<json::Value> revoke_any(const Service& service, const Input& input) {
  FETTLE_TRY(const auto one, asked_by_type(service, input));
  if (!stored(one)) return no_permission(one);
  FETTLE_TRY_(one.directory->revoke_grant(one.grant));
  return json::Value();
}

// What the user may really do, whatever grants that.
Result<json::Value> get_any(const Service& service, const Input& input) {
  FETTLE_TRY(const auto one, asked_by_type(service, input));
  auth::Object object{one.grant.kind, "", one.grant.on};
  if (object.kind == Kind::Experiment) {
    FETTLE_TRY(const auto experiment, service.tracking.experiment(ExperimentId(one.grant.on)));
    object = {Kind::Experiment, one.grant.on, experiment.name};
  }
  const auto snapshot = one.directory->snapshot();
  const auto known = snapshot->users.find(one.user.name);
  const auto role = known == snapshot->users.end() ? Role::NoRole : known->second.identity->role(object);
  return json::Value().set("allowed", role >= Role::Reader).set("permission", permission_of(role));
}

constexpr std::array<Route, 15> kRoutes{{
    {Method::Post, "/users/create", create_user, server_admin()},
    {Method::Get, "/users/get", get_user, anyone()},
    {Method::Get, "/users/current", current_user, anyone()},
    {Method::Get, "/users/list", list_users, server_admin()},
    {Method::Patch, "/users/update-password", update_password, changes_by_anyone()},
    {Method::Patch, "/users/update-admin", update_admin, server_admin()},
    {Method::Delete, "/users/delete", delete_user, server_admin()},
    {Method::Post, "/experiments/permissions/create", OnExperiment::create, changes_by_anyone()},
    {Method::Get, "/experiments/permissions/get", OnExperiment::get, anyone()},
    {Method::Patch, "/experiments/permissions/update", OnExperiment::update, changes_by_anyone()},
    {Method::Delete, "/experiments/permissions/delete", OnExperiment::remove, changes_by_anyone()},
    {Method::Post, "/registered-models/permissions/create", OnModel::create, changes_by_anyone()},
    {Method::Get, "/registered-models/permissions/get", OnModel::get, anyone()},
    {Method::Patch, "/registered-models/permissions/update", OnModel::update, changes_by_anyone()},
    {Method::Delete, "/registered-models/permissions/delete", OnModel::remove, changes_by_anyone()},
}};

constexpr std::string_view kNewest = "/api/3.0/mlflow";
constexpr std::array<Route, 3> kNewestRoutes{{
    {Method::Post, "/users/permissions/grant", grant_any, changes_by_anyone()},
    {Method::Post, "/users/permissions/revoke", revoke_any, changes_by_anyone()},
    {Method::Get, "/users/permissions/get", get_any, anyone()},
}};

}  // namespace

std::span<const Route> user_routes() { return kRoutes; }

void add_permission_routes(http::Router& router, const Service& service) {
  for (const auto& route : kNewestRoutes) mount_at(router, service, kNewest, route);
}

}  // namespace fettle::api::mlflow
