// What the REST API shows, put together from the records and the loop's live figures. Private to the module.
#pragma once

#include <string>

#include "api/fettle.h"
#include "json/value.h"

namespace fettle::api {

[[nodiscard]] Result<json::Value> view_status(const FettleParts& parts);
[[nodiscard]] Result<json::Value> view_endpoints(const FettleParts& parts);
[[nodiscard]] Result<json::Value> view_endpoint(const FettleParts& parts, const std::string& name);
[[nodiscard]] Result<json::Value> view_rollout(const FettleParts& parts, const std::string& id);
// The way back from one prediction: outcomes, variant, bundle with its provenance, version, run.
[[nodiscard]] Result<json::Value> view_prediction(const FettleParts& parts, const std::string& id);

}  // namespace fettle::api
