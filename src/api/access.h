// What routes ask of their callers, and the checks behind it: deny by default.
//
// Each route of the control plane declares a Need. A route without one is refused while access control is on, and a
// test walks the whole table. Objects that one may not read do not exist for the caller: the answer is that of a
// missing one. What one may read but not change is 403 with the role that is missing. Thread-safe. Everything is
// allowed to an unrestricted caller, at no cost: an admin, or anyone while access control is off.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "auth/audit.h"
#include "auth/directory.h"
#include "auth/identity.h"
#include "base/clock.h"
#include "http/server.h"
#include "registry/store.h"
#include "tracking/store.h"

namespace fettle::api {

using auth::Identity;
using auth::Role;

struct Need {
  enum class On : std::uint8_t {
    Undeclared,
    Anyone,          // whoever is signed in; the handler shows or does what its caller may
    Server,          // an admin of the server
    Experiment,      // by id
    ExperimentName,  // by name
    NewExperiment,   // about to be made, by name
    Run,
    Runs,
    LoggedModel,
    Model,     // a registered model by name, or its versions and aliases
    NewModel,  // about to be made, by name
    Renamed,   // a model that gets another name
    Removed,   // a model that goes
  };
  On on = On::Undeclared;
  Role role = Role::NoRole;
  bool repeats = false;  // called over and over while a run logs: audited once in a while

  [[nodiscard]] constexpr bool changes() const noexcept { return role >= Role::Writer || on == On::Server; }
};
constexpr Need anyone() { return {Need::On::Anyone}; }
constexpr Need changes_by_anyone() { return {Need::On::Anyone, Role::Writer}; }  // the handler checks what
constexpr Need server_admin() { return {Need::On::Server, Role::Admin}; }
constexpr Need reads(Need::On on) { return {on, Role::Reader}; }
constexpr Need writes(Need::On on) { return {on, Role::Writer}; }
constexpr Need logs(Need::On on) { return {on, Role::Writer, true}; }
constexpr Need approves(Need::On on) { return {on, Role::Approver}; }
constexpr Need owns(Need::On on) { return {on, Role::Admin}; }

// The same as a route's option.
[[nodiscard]] constexpr http::Access access_of(const Need& need) {
  return need.on == Need::On::Undeclared ? http::Access::Undeclared : http::Access::SignedIn;
}

struct AccessParts {  // borrowed; the first two are null while access control is off
  auth::Directory* directory = nullptr;
  auth::Audit* audit = nullptr;
};

class Access {
 public:
  Access(AccessParts parts, tracking::Store& tracking, registry::Store& registry, const Clock& clock);
  ~Access();
  [[nodiscard]] bool on() const noexcept { return parts_.directory != nullptr; }
  // FailedPrecondition while access control is off.
  [[nodiscard]] Result<auth::Directory*> directory() const;

  [[nodiscard]] Result<void> experiment(const Identity& who, const std::string& id, Role role) const;
  [[nodiscard]] Result<void> experiment_name(const Identity& who, const std::string& name, Role role) const;
  // `own_place`: it asks for a place in an artifact store that this server reads, which may be another's.
  [[nodiscard]] Result<void> new_experiment(const Identity& who, const std::string& name, bool own_place) const;
  [[nodiscard]] Result<void> run(const Identity& who, const std::string& id, Role role) const;
  [[nodiscard]] Result<void> logged_model(const Identity& who, const std::string& id, Role role) const;
  [[nodiscard]] Result<void> model(const Identity& who, const std::string& name, Role role) const;
  [[nodiscard]] Result<void> new_model(const Identity& who, const std::string& name) const;
  // Of the experiment that the path's first part names; admins only elsewhere.
  [[nodiscard]] Result<void> artifact(const Identity& who, std::string_view path, Role role) const;
  // Whether a model version may be made from these files: they become readable to whoever may read the version.
  // `served`: this server reads there for others, though it is not its own store.
  [[nodiscard]] Result<void> source(const Identity& who, const registry::NewVersion& version, bool served) const;

  // Those of `experiments` that the caller may read, in their order.
  [[nodiscard]] std::vector<std::string> readable(const Identity& who, std::vector<std::string> experiments) const;
  // Of oneself, with the current one; admins change anyone's without.
  [[nodiscard]] Result<void> change_password(const Identity& who, const std::string& user, const std::string& current,
                                             const std::string& password) const;
  // For searches; nullopt: everything.
  [[nodiscard]] static std::optional<tracking::Scope> scope(const Identity& who, auth::Kind kind);

  // After a successful call: makers become admins of what they made, grants follow what was renamed or is gone.
  void made_experiment(const Identity& who, const std::string& id) const;
  void made_model(const Identity& who, const std::string& name) const;
  void renamed_experiment(const std::string& id) const;
  void renamed_model(const std::string& from, const std::string& to) const;
  void removed_model(const std::string& name) const;

  // Writes what was changed or refused to the audit trail; nothing while access control is off.
  void record(const http::Request& request, const Need& need, std::string object, const http::Response& answer) const;

 private:
  struct Owners;  // which experiment runs and logged models belong to, and the experiments' names
  [[nodiscard]] Result<void> in_experiment(const Identity& who, const std::string& id, Role role,
                                           const std::string& hidden) const;
  [[nodiscard]] bool files_of_owner(const Identity& who, const registry::NewVersion& version,
                                    std::string_view files) const;
  AccessParts parts_;
  tracking::Store& tracking_;
  registry::Store& registry_;
  std::unique_ptr<Owners> owners_;
};

}  // namespace fettle::api
