#include "api/access.h"

#include <mutex>
#include <unordered_map>

#include "auth/authenticator.h"
#include "auth/secrets.h"
#include "base/log.h"
#include "base/text.h"
#include "tracking/artifacts.h"

namespace fettle::api {
namespace {

constexpr std::int64_t kRememberedMs = 60'000;
constexpr std::size_t kMostRemembered = 50'000;

// Answers of a look-up, for a minute. Thread-safe.
class Remembered {
 public:
  explicit Remembered(const Clock& clock) : clock_(clock) {}
  template <typename Find>
  Result<std::string> get(const std::string& key, const Find& find) {
    const auto now = clock_.now_ms();
    {
      const std::lock_guard lock(mutex_);
      if (const auto known = known_.find(key); known != known_.end() && known->second.until_ms > now)
        return known->second.value;
    }
    Result<std::string> value = find();
    if (!value) return value;
    const std::lock_guard lock(mutex_);
    if (known_.size() >= kMostRemembered) known_.clear();
    known_.insert_or_assign(key, Entry{*value, now + kRememberedMs});
    return value;
  }
  void forget(const std::string& key) {
    const std::lock_guard lock(mutex_);
    known_.erase(key);
  }

 private:
  struct Entry {
    std::string value;
    std::int64_t until_ms = 0;
  };
  const Clock& clock_;
  std::mutex mutex_;
  std::unordered_map<std::string, Entry> known_;
};

std::unexpected<Error> hidden_experiment(const std::string& id) {
  return fail(Code::NotFound, text::format("No Experiment with id={} exists", id));
}

// A grant that fails leaves the object to the admins; the call itself has succeeded.
void warn(const Result<void>& result, std::string_view what) {
  if (!result) log::warn(text::format("grants on {}: {}", what, result.error().message));
}

}  // namespace

struct Access::Owners {
  explicit Owners(const Clock& clock) : runs(clock), models(clock), names(clock) {}
  Remembered runs, models;  // id -> experiment id
  Remembered names;         // experiment id -> name
};

Access::Access(AccessParts parts, tracking::Store& tracking, registry::Store& registry, const Clock& clock)
    : parts_(parts), tracking_(tracking), registry_(registry), owners_(std::make_unique<Owners>(clock)) {}
Access::~Access() = default;

Result<auth::Directory*> Access::directory() const {
  if (on()) return parts_.directory;
  return fail(Code::FailedPrecondition, "access control is off; start the server with --access-control");
}

Result<void> Access::in_experiment(const Identity& who, const std::string& id, Role role,
                                   const std::string& hidden) const {
  FETTLE_TRY(auto name, owners_->names.get(id, [&]() -> Result<std::string> {
    FETTLE_TRY(auto experiment, tracking_.experiment(ExperimentId(id)));
    return std::move(experiment.name);
  }));
  const auth::Object object{auth::Kind::Experiment, id, std::move(name)};
  if (who.role(object) < Role::Reader) return fail(Code::NotFound, hidden);
  return who.need(role, object);
}

Result<void> Access::experiment(const Identity& who, const std::string& id, Role role) const {
  if (who.unrestricted()) return {};
  return in_experiment(who, id, role, hidden_experiment(id).error().message);
}

Result<void> Access::experiment_name(const Identity& who, const std::string& name, Role role) const {
  if (who.unrestricted()) return {};
  FETTLE_TRY(const auto found, tracking_.experiment_by_name(name));
  return in_experiment(who, found.id.str(), role, text::format("Could not find experiment with name '{}'", name));
}

Result<void> Access::new_experiment(const Identity& who, const std::string& name, bool own_place) const {
  if (who.unrestricted()) return {};
  FETTLE_TRY_(who.need(Role::Writer, {auth::Kind::Experiment, "", name}));
  if (!own_place) return {};
  return fail(
      Code::PermissionDenied,  // it could be the folder of another experiment
      "Permission denied: only an admin of this server chooses where in its artifact store an experiment's files "
      "are; leave artifact_location out");
}

Result<void> Access::run(const Identity& who, const std::string& id, Role role) const {
  if (who.unrestricted()) return {};
  FETTLE_TRY(const auto owner, owners_->runs.get(id, [&]() -> Result<std::string> {
    FETTLE_TRY(const auto experiment, tracking_.experiment_of(RunId(id)));
    return experiment.str();
  }));
  return in_experiment(who, owner, role, text::format("Run with id={} not found", id));
}

Result<void> Access::logged_model(const Identity& who, const std::string& id, Role role) const {
  if (who.unrestricted()) return {};
  FETTLE_TRY(const auto owner, owners_->models.get(id, [&]() -> Result<std::string> {
    FETTLE_TRY(const auto model, tracking_.models().get(id, true));
    return model.experiment.str();
  }));
  return in_experiment(who, owner, role, text::format("Logged model with ID '{}' not found.", id));
}

Result<void> Access::model(const Identity& who, const std::string& name, Role role) const {
  if (who.unrestricted()) return {};
  const auth::Object object{auth::Kind::Model, "", name};
  if (who.role(object) < Role::Reader)
    return fail(Code::NotFound, text::format("Registered Model with name={} not found", name));
  return who.need(role, object);
}

Result<void> Access::new_model(const Identity& who, const std::string& name) const {
  if (who.unrestricted()) return {};
  return who.need(Role::Writer, {auth::Kind::Model, "", name});
}

Result<void> Access::artifact(const Identity& who, std::string_view path, Role role) const {
  if (who.unrestricted()) return {};
  FETTLE_TRY(const auto clean, tracking::clean_artifact_path(path));
  const auto first = clean.substr(0, clean.find('/'));
  const auto number = text::parse_int(first);
  if (!number || std::to_string(*number) != first) return who.need_admin();
  auto checked = in_experiment(who, first, role, "");
  if (!checked && checked.error().code == Code::NotFound)
    return fail(Code::NotFound, text::format("There is no artifact at '{}'", clean));
  return checked;
}

Result<void> Access::source(const Identity& who, const registry::NewVersion& version, bool served) const {
  if (who.unrestricted()) return {};
  constexpr std::string_view kModels = "models:/";
  if (version.source.starts_with(kModels))
    if (const auto slash = version.source.rfind('/'); slash > kModels.size())
      FETTLE_TRY_(model(who, version.source.substr(kModels.size(), slash - kModels.size()), Role::Reader));
  if (!version.model_id.empty()) FETTLE_TRY_(logged_model(who, version.model_id, Role::Reader));
  const auto& files = version.storage_location.empty() ? version.source : version.storage_location;
  if (const auto path = tracking::artifact_path_of(files)) return artifact(who, *path, Role::Reader);
  if (!served || files_of_owner(who, version, files)) return {};
  return fail(
      Code::PermissionDenied,
      text::format("Permission denied: '{}' is not among the files of a run (run_id) or logged model (model_id) "
                   "that user '{}' may read",
                   files, who.name()));
}

// Whether the files lie below those of the version's own run or logged model.
bool Access::files_of_owner(const Identity& who, const registry::NewVersion& version, std::string_view files) const {
  const auto below = [&](const std::string& uri) {
    return files == uri || (files.starts_with(uri) && files.substr(uri.size()).starts_with('/'));
  };
  if (!version.model_id.empty())
    if (const auto logged = tracking_.models().get(version.model_id); logged && below(logged->artifact_uri))
      return true;
  if (version.run_id.empty() || !run(who, version.run_id, Role::Reader)) return false;
  const auto found = tracking_.run(RunId(version.run_id));
  return found && below(found->info.artifact_uri);
}

std::vector<std::string> Access::readable(const Identity& who, std::vector<std::string> experiments) const {
  if (who.unrestricted()) return experiments;
  std::erase_if(experiments, [&](const std::string& id) {
    const auto checked = experiment(who, id, Role::Reader);
    return !checked && checked.error().code == Code::NotFound;
  });
  return experiments;
}

Result<void> Access::change_password(const Identity& who, const std::string& user, const std::string& current,
                                     const std::string& password) const {
  FETTLE_TRY(auto* directory, this->directory());
  if (who.name() != user) {
    FETTLE_TRY_(who.need_admin());
    return directory->set_password(user, password);
  }
  FETTLE_TRY(const auto known, directory->user(user));
  if (current.size() > auth::kMaxSecret || !auth::verify_password(known.hash, current))
    return fail(Code::PermissionDenied,
                "Permission denied: your current password (current_password) is needed, and "
                "what was sent is not it");
  return directory->set_password(user, password);
}

std::optional<tracking::Scope> Access::scope(const Identity& who, auth::Kind kind) {
  if (who.unrestricted()) return std::nullopt;
  tracking::Scope out;
  if (who.ceiling() < Role::Reader) return out;
  if (who.admin()) return std::nullopt;
  for (const auto& rule : who.rules(kind))
    out.rules.push_back({.visible = rule.role >= Role::Reader,
                         .exact = rule.exact ? std::optional(rule.value) : std::nullopt,
                         .prefix = rule.pattern.prefix,
                         .inside = rule.pattern.inside,
                         .suffix = rule.pattern.suffix});
  return out;
}

void Access::made_experiment(const Identity& who, const std::string& id) const {
  if (!on() || who.unrestricted() || who.name() == auth::kOwnName) return;
  warn(parts_.directory->grant({who.name(), auth::Kind::Experiment, true, id, Role::Admin}), id);
}
void Access::made_model(const Identity& who, const std::string& name) const {
  if (!on() || who.unrestricted() || who.name() == auth::kOwnName) return;
  warn(parts_.directory->grant({who.name(), auth::Kind::Model, true, name, Role::Admin}), name);
}
void Access::renamed_experiment(const std::string& id) const { owners_->names.forget(id); }
void Access::renamed_model(const std::string& from, const std::string& to) const {
  if (on()) warn(parts_.directory->rename_model(from, to), from);
}
void Access::removed_model(const std::string& name) const {
  if (on()) warn(parts_.directory->forget(auth::Kind::Model, name), name);
}

void Access::record(const http::Request& request, const Need& need, std::string object,
                    const http::Response& answer) const {
  if (parts_.audit == nullptr) return;
  constexpr int kForbidden = 403;
  const bool refused = answer.status == kForbidden;
  const bool looks = request.method == http::Method::Get || request.method == http::Method::Head;
  if (!refused && (looks || !need.changes() || answer.status >= 400)) return;
  const auto& who = auth::caller(request);
  auth::AuditEntry entry{.who = who.name(),
                         .token = who.token(),
                         .peer = auth::address_of(request.peer),
                         .action = text::format("{} {}", http::name(request.method), request.path),
                         .object = std::move(object),
                         .status = answer.status,
                         .detail = refused ? answer.body : ""};
  if (refused) return parts_.audit->refused(std::move(entry));
  if (need.repeats) return parts_.audit->logged(std::move(entry));
  if (const auto written = parts_.audit->changed(std::move(entry)); !written)
    log::error(text::format("the audit trail: {}", written.error().message));
}

}  // namespace fettle::api
