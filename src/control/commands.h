// What people and programs ask of the control loop, and what it answers. Plain values.
#pragma once

#include <boost/describe.hpp>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "control/records.h"
#include "stats/moments.h"

namespace fettle::control {

struct NewVersion {  // a model version whose bundle is stored: deploy it, or roll it out
  std::string model;
  std::int64_t version = 0;
  std::string bundle;    // digest
  std::string endpoint;  // empty = stored only
  std::string run_id;
  std::string created_by;
};
BOOST_DESCRIBE_STRUCT(NewVersion, (), (model, version, bundle, endpoint, run_id, created_by))

struct Placed {
  bool deployed = false;               // it is the endpoint's champion
  std::optional<std::string> rollout;  // it is the challenger of this rollout
};
BOOST_DESCRIBE_STRUCT(Placed, (), (deployed, rollout))

struct NewRollout {
  std::string endpoint;
  std::int64_t version = 0;  // of the endpoint's model
  json::Value plan;          // rollout::Plan; null = the project's, else the default plan
  std::string actor, reason;
};
BOOST_DESCRIBE_STRUCT(NewRollout, (), (endpoint, version, plan, actor, reason))

// A person's word on a running rollout.
enum class Verb : std::uint8_t { Hold, Resume, Promote, Rollback };
BOOST_DESCRIBE_ENUM(Verb, Hold, Resume, Promote, Rollback)

struct Settled {
  std::uint64_t events = 0;       // folded since start
  std::int64_t watermark_ms = 0;  // the latest event time of any endpoint
};
BOOST_DESCRIBE_STRUCT(Settled, (), (events, watermark_ms))

// What one arm of a running rollout has shown since its step began.
struct ArmView {
  std::string variant;
  std::uint64_t requests = 0, errors = 0, outcomes = 0;
  double mean_loss = 0;
  double latency_p99_us = 0;
};
BOOST_DESCRIBE_STRUCT(ArmView, (), (variant, requests, errors, outcomes, mean_loss, latency_p99_us))

struct LiveRollout {
  std::string rollout;
  std::string waiting;  // why it does not move yet, in a sentence
  double difference = 0, lower = 0, upper = 0;
  std::vector<ArmView> arms;
};
BOOST_DESCRIBE_STRUCT(LiveRollout, (), (rollout, waiting, difference, lower, upper, arms))

// What only the loop knows of an endpoint: counted, not yet recorded.
struct LiveEndpoint {
  std::string name;
  bool serving = false;  // its bundles are loaded
  std::uint64_t predictions = 0, outcomes = 0;
  std::int64_t watermark_ms = 0;  // its latest event time; 0 = no traffic yet
  std::uint64_t late = 0;         // rows of windows that were closed when they came
  std::uint64_t unmatched = 0;    // outcomes whose prediction already has one: they do not count
  std::uint64_t corrected = 0;    // of these, those that contradict the one that counts
  std::optional<LiveRollout> rollout;
};
BOOST_DESCRIBE_STRUCT(LiveEndpoint, (),
                      (name, serving, predictions, outcomes, watermark_ms, late, unmatched, corrected, rollout))

}  // namespace fettle::control
