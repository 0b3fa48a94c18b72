// The MLflow REST API over tracking, registry and artifacts: an unmodified `mlflow` client works against it.
//
// Adds every route under /api/2.0/mlflow and /ajax-api/2.0/mlflow, /api/2.0/mlflow-artifacts (and ajax), /version and
// /api/3.0/mlflow/server-info. Wire
// rules, error codes and texts follow MLflow 3.11 (kMlflowVersion); a user's mistake is never a 5xx, since clients
// retry those for minutes. The stores must outlive the server that the router is given to.
#pragma once

#include <string_view>

#include "api/access.h"
#include "api/mlflow/signed_urls.h"
#include "http/server.h"
#include "notify/sender.h"
#include "notify/webhooks.h"
#include "registry/store.h"
#include "tracking/artifact_roots.h"
#include "tracking/artifacts.h"
#include "tracking/store.h"
#include "tracking/uploads.h"

namespace fettle::api {

inline constexpr std::string_view kMlflowVersion = "3.11.1";  // answered by GET /version

struct MlflowParts {  // borrowed
  tracking::Store& tracking;
  registry::Store& registry;
  tracking::Artifacts& artifacts;
  tracking::ArtifactRoots& roots;
  tracking::Uploads& uploads;
  const SignedUrls& urls;
  notify::Webhooks& webhooks;
  notify::Sender& sender;
  const Access& access;
};
void add_mlflow_routes(http::Router& router, const MlflowParts& service);

// 404 as a page for what lies below MLflow's prefixes: clients tell it from an object that is not there.
[[nodiscard]] http::Response no_mlflow_endpoint();

}  // namespace fettle::api
