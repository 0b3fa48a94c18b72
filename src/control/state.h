// The control plane's records as the loop holds them in memory: the same changes that are put are applied here.
//
// Invariant: state == apply(all records of the store), so loading at start and following decisions are one function.
#pragma once

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "control/settings.h"
#include "control/store.h"

namespace fettle::control {

class State {
 public:
  void apply(const Changes& changes);

  [[nodiscard]] const std::map<std::string, Endpoint>& endpoints() const noexcept { return endpoints_; }
  [[nodiscard]] const Endpoint* endpoint(const std::string& name) const;            // null if there is none
  [[nodiscard]] const Deployed* champion(const std::string& endpoint) const;        // null if there is none
  [[nodiscard]] const Rollout* running_rollout(const std::string& endpoint) const;  // running or held; null if none
  [[nodiscard]] const std::map<std::string, Rollout>& running_rollouts() const noexcept { return rollouts_; }
  [[nodiscard]] std::vector<AlertRecord> open_alerts(const std::string& endpoint) const;
  [[nodiscard]] std::vector<Retrain> retrains(const std::string& endpoint) const;  // newest first
  [[nodiscard]] const Retrain* retrain(const std::string& id) const;
  [[nodiscard]] const Project* project_of(const std::string& endpoint) const;  // null if none was applied
  [[nodiscard]] const Settings& settings(const std::string& endpoint) const;   // defaults without a project
  [[nodiscard]] std::vector<monitor::AlertState> watch(const std::string& endpoint, const std::string& bundle,
                                                       const std::string& kind) const;
  [[nodiscard]] bool serves(const std::string& bundle) const;              // an endpoint or a running rollout has it
  [[nodiscard]] std::int64_t version_of(const std::string& bundle) const;  // 0 if unknown

 private:
  std::map<std::string, Endpoint> endpoints_;
  std::map<std::string, Rollout> rollouts_;  // by endpoint
  std::map<std::string, AlertRecord> alerts_;
  std::vector<Retrain> retrains_;  // oldest first
  std::map<std::string, Project> projects_;
  std::map<std::string, Settings> settings_;  // by endpoint
  std::map<std::string, std::vector<monitor::AlertState>> watches_;
  std::map<std::string, std::int64_t> versions_;  // by bundle
};

// Everything that the store holds and the loop needs, as one change; windows apart, they are many.
[[nodiscard]] Result<Changes> load_records(const Store& store);

}  // namespace fettle::control
