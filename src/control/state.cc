#include "control/state.h"

#include <algorithm>

#include "base/log.h"

namespace fettle::control {
namespace {

std::string watch_key(const std::string& endpoint, const std::string& bundle, const std::string& kind) {
  return endpoint + '\n' + bundle + '\n' + kind;
}

bool is_final(RolloutState state) { return state == RolloutState::Promoted || state == RolloutState::RolledBack; }

}  // namespace

void State::apply(const Changes& changes) {
  for (const auto& endpoint : changes.endpoints) {
    endpoints_.insert_or_assign(endpoint.name, endpoint);
    for (const auto& variant : endpoint.variants) versions_[variant.bundle] = variant.version;
  }
  for (const auto& rollout : changes.rollouts) {
    const auto known = rollouts_.find(rollout.endpoint);
    if (!is_final(rollout.state))
      rollouts_.insert_or_assign(rollout.endpoint, rollout);
    else if (known != rollouts_.end() && known->second.id == rollout.id)
      rollouts_.erase(known);
  }
  for (const auto& alert : changes.alerts) {
    if (alert.state == "closed")
      alerts_.erase(alert.id);
    else
      alerts_.insert_or_assign(alert.id, alert);
  }
  for (const auto& retrain : changes.retrains) {
    const auto known = std::ranges::find(retrains_, retrain.id, &Retrain::id);
    if (known == retrains_.end())
      retrains_.push_back(retrain);
    else
      *known = retrain;
  }
  for (const auto& project : changes.projects) {
    projects_.insert_or_assign(project.name, project);
    if (auto settings = read_settings(project))
      settings_.insert_or_assign(project.endpoint, *std::move(settings));
    else
      log::error(settings.error().message);  // refused by apply(); only an older program's record comes here
  }
  for (const auto& watch : changes.watches)
    watches_.insert_or_assign(watch_key(watch.endpoint, watch.bundle, watch.kind), watch.states);
  for (const auto& bundle : changes.bundles) versions_[bundle.digest] = bundle.version;
  for (const auto& digest : changes.forgotten_bundles) versions_.erase(digest);
}

const Endpoint* State::endpoint(const std::string& name) const {
  const auto found = endpoints_.find(name);
  return found == endpoints_.end() ? nullptr : &found->second;
}

const Deployed* State::champion(const std::string& endpoint) const {
  const auto* found = this->endpoint(endpoint);
  return found == nullptr || found->variants.empty() ? nullptr : &found->variants.front();
}

const Rollout* State::running_rollout(const std::string& endpoint) const {
  const auto found = rollouts_.find(endpoint);
  return found == rollouts_.end() ? nullptr : &found->second;
}

std::vector<AlertRecord> State::open_alerts(const std::string& endpoint) const {
  std::vector<AlertRecord> out;
  for (const auto& [id, alert] : alerts_)
    if (alert.endpoint == endpoint) out.push_back(alert);
  return out;
}

std::vector<Retrain> State::retrains(const std::string& endpoint) const {
  std::vector<Retrain> out;
  for (const auto& retrain : retrains_)
    if (retrain.endpoint == endpoint) out.insert(out.begin(), retrain);
  return out;
}

const Retrain* State::retrain(const std::string& id) const {
  const auto found = std::ranges::find(retrains_, id, &Retrain::id);
  return found == retrains_.end() ? nullptr : &*found;
}

const Project* State::project_of(const std::string& endpoint) const {
  for (const auto& [name, project] : projects_)
    if (project.endpoint == endpoint) return &project;
  return nullptr;
}

const Settings& State::settings(const std::string& endpoint) const {
  static const Settings kDefault = default_settings();
  const auto found = settings_.find(endpoint);
  return found == settings_.end() ? kDefault : found->second;
}

std::vector<monitor::AlertState> State::watch(const std::string& endpoint, const std::string& bundle,
                                              const std::string& kind) const {
  const auto found = watches_.find(watch_key(endpoint, bundle, kind));
  return found == watches_.end() ? std::vector<monitor::AlertState>() : found->second;
}

bool State::serves(const std::string& bundle) const {
  const auto has = [&](const Endpoint& endpoint) {
    return std::ranges::contains(endpoint.variants, bundle, &Deployed::bundle);
  };
  const auto uses = [&](const Rollout& rollout) {
    return rollout.champion.bundle == bundle || rollout.challenger.bundle == bundle;
  };
  return std::ranges::any_of(endpoints_, has, &std::pair<const std::string, Endpoint>::second) ||
         std::ranges::any_of(rollouts_, uses, &std::pair<const std::string, Rollout>::second);
}

std::int64_t State::version_of(const std::string& bundle) const {
  const auto found = versions_.find(bundle);
  return found == versions_.end() ? 0 : found->second;
}

Result<Changes> load_records(const Store& store) {
  Changes all;
  FETTLE_TRY(all.endpoints, store.endpoints());
  FETTLE_TRY(all.rollouts, store.rollouts());
  FETTLE_TRY(all.alerts, store.alerts());
  FETTLE_TRY(all.watches, store.watches());
  FETTLE_TRY(all.retrains, store.retrains());
  FETTLE_TRY(all.projects, store.projects());
  FETTLE_TRY(all.bundles, store.bundles());
  std::ranges::reverse(all.rollouts);  // oldest first
  std::ranges::reverse(all.retrains);
  return all;
}

}  // namespace fettle::control
