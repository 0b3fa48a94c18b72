// Fettle's own REST routes of the registry: alias moves with approval, lineage, webhooks with their deliveries. Private
// to the module.
#pragma once

#include <span>
#include <string_view>
#include <vector>

#include "api/fettle.h"
#include "api/fettle_access.h"
#include "json/value.h"

namespace fettle::api {

struct FettleRoute {
  http::Method method;
  std::string_view path;  // below /api/fettle/v1/
  Rule (*rule)();
  Result<json::Value> (*handle)(const FettleParts&, const http::Request&);
};
[[nodiscard]] std::span<const FettleRoute> alias_routes();
[[nodiscard]] std::span<const FettleRoute> webhook_routes();
[[nodiscard]] std::span<const FettleRoute> lineage_routes();

// As JSON has them.
[[nodiscard]] json::Value changes_value(const std::vector<registry::AliasChange>& changes);
[[nodiscard]] json::Value requests_value(const std::vector<registry::AliasRequest>& requests);

// The body as an object; {} if there is none.
[[nodiscard]] Result<json::Value> object_of(const http::Request& request);

}  // namespace fettle::api
