// The health of an endpoint in words: its state, why, since when, and what Fettle does about it. Pure.
#pragma once

#include <boost/describe.hpp>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "control/commands.h"
#include "control/records.h"

namespace fettle::control {

// Broken: it cannot serve, or what goes in or comes out is wrong beyond doubt. Watch: something moved that a person
// should know, or nothing is known yet. Healthy: it was judged, and nothing was found.
enum class HealthState : std::uint8_t { Healthy, Watch, Broken };
BOOST_DESCRIBE_ENUM(HealthState, Healthy, Watch, Broken)

struct HealthFacts {
  LiveEndpoint live;
  std::vector<AlertRecord> alerts;             // not closed
  std::optional<Rollout> rollout;              // running or held
  std::optional<Retrain> retrain;              // the newest
  std::optional<std::int64_t> last_judged_ms;  // end of the latest week that was judged
};

struct Health {
  HealthState state = HealthState::Healthy;
  std::string why;                  // a sentence
  std::int64_t since_event_ms = 0;  // event time; 0 = unknown
  std::string doing;                // what Fettle does, or asks for; empty if nothing
};
BOOST_DESCRIBE_STRUCT(Health, (), (state, why, since_event_ms, doing))

[[nodiscard]] Health health(const HealthFacts& facts);

}  // namespace fettle::control
