// When to retrain, and with what command. Pure.
#pragma once

#include <boost/describe.hpp>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "control/records.h"

namespace fettle::control {

struct RetrainPolicy {               // fettle.yaml `retrain:`
  std::vector<std::string> command;  // empty = never; {as_of}, {endpoint}, {alert} are filled in
  std::vector<std::string> on;       // kinds of alerts
  double cooldown_days = 7;          // event time from the start of one that succeeded to the next
  double retry_days = 7;             // the same after one that failed: newer data may pass where it did not
};
BOOST_DESCRIBE_STRUCT(RetrainPolicy, (), (command, on, cooldown_days, retry_days))

struct RetrainFacts {
  std::vector<AlertRecord> alerts;  // of the endpoint, not closed
  std::vector<Retrain> retrains;    // of the endpoint, newest first
  bool rollout_running = false;
  std::int64_t watermark_ms = 0;
};

struct RetrainDecision {
  std::optional<AlertRecord> alert;  // set = start now because of it
  std::string waiting;               // why not yet, if an alert asks for it; for people
};

// At most one retraining at a time, none while a rollout runs (it may already be the answer), none within the
// cool-down, or the shorter of both after a failed one. A retraining that was interrupted by a stop of the server does
// not count.
[[nodiscard]] RetrainDecision decide_retrain(const RetrainPolicy& policy, const RetrainFacts& facts);

// The command with its placeholders filled in; {as_of} is the watermark's date.
[[nodiscard]] std::vector<std::string> fill_command(const RetrainPolicy& policy, const AlertRecord& alert,
                                                    std::int64_t watermark_ms);

inline constexpr int kInterrupted = -1;  // exit code of a retraining that ended with the server
// In the environment of a retraining's process and of all that it starts: by it they are found after the server died.
inline constexpr const char* kRetrainMark = "FETTLE_RETRAIN";
[[nodiscard]] std::string mark_of(const Retrain& retrain);  // no other retraining has it, of no server

}  // namespace fettle::control
