// Records as MLflow's JSON: unset fields are left out, int64 are numbers, enums are names, NaN is quoted.
#pragma once

#include <string_view>

#include "json/value.h"
#include "registry/store.h"
#include "tracking/records.h"

namespace fettle::api::mlflow {

[[nodiscard]] json::Value encode(const std::vector<tracking::KeyValue>& pairs);
[[nodiscard]] json::Value encode(const tracking::DatasetInput& input);
[[nodiscard]] json::Value encode(const tracking::ModelOutput& output);
[[nodiscard]] json::Value encode(const registry::Alias& alias);
[[nodiscard]] json::Value encode(const tracking::Experiment& experiment);
[[nodiscard]] json::Value encode(const tracking::Metric& metric);
[[nodiscard]] json::Value encode(const tracking::RunInfo& info);
[[nodiscard]] json::Value encode(const tracking::Run& run);
[[nodiscard]] json::Value encode(const tracking::LoggedModel& model);
[[nodiscard]] json::Value encode(const registry::Model& model);
[[nodiscard]] json::Value encode(const registry::Version& version);

// {"<name>": [...], "next_page_token": ...}; an empty list and an empty token are left out.
template <typename T>
[[nodiscard]] json::Value encode_page(std::string_view name, const tracking::Page<T>& page) {
  json::Value out = json::Value::object();
  json::Array items;
  for (const auto& item : page.items) items.push_back(encode(item));
  if (!items.empty()) out.set(name, std::move(items));
  if (!page.next_token.empty()) out.set("next_page_token", page.next_token);
  return out;
}

}  // namespace fettle::api::mlflow
