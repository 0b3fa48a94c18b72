// Fettle's own REST API under /api/fettle/v1: status, endpoints, rollouts, alerts, projects, bundles, predictions.
//
// JSON in and out; an error is {"error": {"code", "message"}} with the code's HTTP status. Reads come from the store,
// writes go through the control loop. Routes: docs/reference/rest.md.
#pragma once

#include <cstdint>
#include <string>

#include "api/access.h"
#include "blob/store.h"
#include "control/loop.h"
#include "control/store.h"
#include "event/log.h"
#include "http/server.h"
#include "notify/sender.h"
#include "registry/store.h"
#include "tracking/artifact_roots.h"
#include "tracking/store.h"

namespace fettle::api {

struct FettleParts {  // borrowed; all outlive the server that the routes are mounted on
  control::Loop& loop;
  control::Store& store;
  blob::Store& blobs;
  tracking::Store& tracking;
  registry::Store& registry;
  notify::Webhooks& webhooks;
  notify::Outbox& outbox;
  notify::Sender& sender;
  event::Log& log;
  const Clock& clock;
  tracking::ArtifactRoots& roots;
  const Access& access;
  std::string events_folder;
  std::string version;  // of the program
  std::int64_t started_ms = 0;
};
void add_fettle_routes(http::Router& router, const FettleParts& parts);

}  // namespace fettle::api
