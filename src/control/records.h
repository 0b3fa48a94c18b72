// What the control plane remembers: endpoints, rollouts and their decisions, windows, alerts, retrainings, projects.
//
// Each record is one row; times are milliseconds UTC. `event_ms` is the time of the traffic (a replay says its own),
// every other time is the wall clock's. Described, so that the REST API and the page show exactly what is stored.
#pragma once

#include <boost/describe.hpp>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "json/value.h"
#include "rollout/canary.h"

namespace fettle::control {

struct Deployed {       // One variant of an endpoint.
  std::string variant;  // "champion", "challenger"
  std::string bundle;   // digest
  std::int64_t version = 0;
};
BOOST_DESCRIBE_STRUCT(Deployed, (), (variant, bundle, version))

struct Endpoint {
  std::string name;
  std::string model;
  std::vector<Deployed> variants;
  std::string slots;  // rollout::SlotTable::encode()
  std::int64_t updated_ms = 0;
};
BOOST_DESCRIBE_STRUCT(Endpoint, (), (name, model, variants, slots, updated_ms))

// Running -> Held (a person) -> Running; Running or Held -> Promoted | RolledBack. The last two are final.
enum class RolloutState : std::uint8_t { Running, Held, Promoted, RolledBack };
BOOST_DESCRIBE_ENUM(RolloutState, Running, Held, Promoted, RolledBack)

struct Rollout {
  std::string id;
  std::string endpoint;
  std::string model;
  Deployed champion, challenger;
  json::Value plan;  // rollout::Plan
  RolloutState state = RolloutState::Running;
  std::uint32_t step = 0;
  std::int64_t step_event_ms = 0;  // traffic from here on counts for the current step
  std::int64_t created_ms = 0, updated_ms = 0;
  std::string created_by;
  std::string reason;  // of the last decision or command
};
BOOST_DESCRIBE_STRUCT(Rollout, (),
                      (id, endpoint, model, champion, challenger, plan, state, step, step_event_ms, created_ms,
                       updated_ms, created_by, reason))

// Why a rollout moved, or why it could not: written for each action and each command, with all that it was based on.
struct DecisionRecord {
  std::string rollout;
  std::int64_t time_ms = 0, event_ms = 0;
  std::uint32_t step = 0;
  std::string action;  // "started", "advance", "promote", "rollback", "hold", "resume"
  std::string actor;   // "fettle" or who asked
  std::string reason;
  double difference = 0, lower = 0, upper = 0;
  json::Value evidence;
};
BOOST_DESCRIBE_STRUCT(DecisionRecord, (),
                      (rollout, time_ms, event_ms, step, action, actor, reason, difference, lower, upper, evidence))

// One variant of an endpoint over one window: a day, or a week once its outcomes are in.
struct WindowRecord {
  std::string endpoint;
  std::string bundle;
  std::int64_t version = 0;
  std::string variant;
  std::string kind;  // "day", "week"
  std::int64_t start_ms = 0, end_ms = 0;
  json::Value report;  // monitor::WindowReport
};
BOOST_DESCRIBE_STRUCT(WindowRecord, (), (endpoint, bundle, version, variant, kind, start_ms, end_ms, report))

struct AlertRecord {
  std::string id;
  std::string endpoint;
  std::string kind;     // "data_quality", "drift", "concept_drift", "performance"
  std::string subject;  // "distance", "distance where origin = ATL", "late_probability"
  std::string severity;
  std::string message;
  std::string state;  // "open", "acknowledged", "closed"
  std::int64_t opened_event_ms = 0, updated_event_ms = 0;
  std::int64_t closed_event_ms = 0;  // 0 while open
  std::string acknowledged_by;
  std::string doing;  // what Fettle does about it, or asks for
};
BOOST_DESCRIBE_STRUCT(AlertRecord, (),
                      (id, endpoint, kind, subject, severity, message, state, opened_event_ms, updated_event_ms,
                       closed_event_ms, acknowledged_by, doing))

enum class RetrainState : std::uint8_t { Running, Succeeded, Failed };
BOOST_DESCRIBE_ENUM(RetrainState, Running, Succeeded, Failed)

struct Retrain {
  std::string id;
  std::string endpoint, project, alert, reason;
  RetrainState state = RetrainState::Running;
  std::vector<std::string> command;
  std::int64_t event_ms = 0, started_ms = 0, finished_ms = 0;
  int exit_code = 0;
  std::string output;  // its last lines
};
BOOST_DESCRIBE_STRUCT(Retrain, (),
                      (id, endpoint, project, alert, reason, state, command, event_ms, started_ms, finished_ms,
                       exit_code, output))

struct Project {  // As `fettle apply` sent it.
  std::string name;
  std::string folder;
  std::string endpoint;
  json::Value monitor, rollout, retrain;
  std::int64_t updated_ms = 0;
};
BOOST_DESCRIBE_STRUCT(Project, (), (name, folder, endpoint, monitor, rollout, retrain, updated_ms))

}  // namespace fettle::control
