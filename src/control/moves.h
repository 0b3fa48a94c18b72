// What a rollout's start and each of its moves change: the rollout, the endpoint, the record of the decision. Pure.
//
// Running -> Held -> Running; Running or Held -> Promoted | RolledBack, which are final.
#pragma once

#include <string>

#include "control/commands.h"
#include "control/store.h"
#include "rollout/canary.h"

namespace fettle::control {

struct When {
  std::int64_t now_ms = 0;    // wall clock
  std::int64_t event_ms = 0;  // the endpoint's watermark
};

struct RolloutStart {
  Endpoint endpoint;
  Deployed champion, challenger;
  rollout::Plan plan;
  std::string actor, reason;
};
// The rollout's id is made of what is rolled out and when, so that it needs no randomness.
[[nodiscard]] Result<Changes> start_rollout(const RolloutStart& start, const When& when);

// `evidence` is what the decision was based on. REQUIRES: action is not Hold.
[[nodiscard]] Result<Changes> follow(const Rollout& rollout, const Endpoint& endpoint,
                                     const rollout::Decision& decision, const rollout::Evidence& evidence,
                                     const When& when);
struct Word {  // A person's
  Verb verb = Verb::Hold;
  std::string actor, reason;
};
// `evidence` is what could be seen when the word was given, `decision` what the plan made of it: both are recorded, so
// that a person's decision can be judged later as well as one of Fettle's. FailedPrecondition if the rollout is not in
// a state that allows it.
[[nodiscard]] Result<Changes> obey(const Rollout& rollout, const Endpoint& endpoint, const Word& word,
                                   const rollout::Decision& decision, const rollout::Evidence& evidence,
                                   const When& when);

// The first deployment of an endpoint.
[[nodiscard]] Changes deploy(Endpoint endpoint, const Deployed& champion, const std::string& actor, const When& when);

}  // namespace fettle::control
