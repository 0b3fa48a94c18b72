// Records as MLflow's JSON: unset fields are left out, int64 are numbers, enums are names, NaN is quoted.
//
// Everything is written straight into the answer's text: an answer may hold 50,000 runs.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "api/mlflow/wire.h"
#include "json/writer.h"
#include "registry/store.h"
#include "tracking/records.h"

namespace fettle::api::mlflow {

void encode(json::Writer& out, const tracking::KeyValue& pair);
void encode(json::Writer& out, const tracking::DatasetInput& input);
void encode(json::Writer& out, const tracking::DatasetSummary& summary);
void encode(json::Writer& out, const tracking::ModelOutput& output);
void encode(json::Writer& out, const tracking::Experiment& experiment);
void encode(json::Writer& out, const tracking::Metric& metric);
void encode(json::Writer& out, const tracking::RunInfo& info);
void encode(json::Writer& out, const tracking::Run& run);
void encode(json::Writer& out, const tracking::LoggedModel& model);
void encode(json::Writer& out, const registry::Alias& alias);
void encode(json::Writer& out, const registry::Model& model);
void encode(json::Writer& out, const registry::Version& version);

// A member with a list; an empty one is left out.
template <typename T>
void encode_some(json::Writer& out, std::string_view name, const std::vector<T>& items) {
  if (items.empty()) return;
  out.key(name).begin_array();
  for (const auto& item : items) encode(out, item);
  out.end_array();
}
inline void encode_some(json::Writer& out, std::string_view name, const std::string& text) {
  if (!text.empty()) out.member(name, text);
}

// {"<name>": {...}}
template <typename T>
[[nodiscard]] Body encode_one(std::string_view name, const T& item) {
  Body body;
  json::Writer out(body.json);
  encode(out.begin_object().key(name), item);
  out.end_object();
  return body;
}

// {"<name>": [...]}
template <typename T>
[[nodiscard]] Body encode_list(std::string_view name, const std::vector<T>& items) {
  Body body;
  json::Writer out(body.json);
  out.begin_object();
  encode_some(out, name, items);
  out.end_object();
  return body;
}

// The same with "next_page_token", unless it is empty.
template <typename T>
[[nodiscard]] Body encode_page(std::string_view name, const tracking::Page<T>& page) {
  Body body;
  json::Writer out(body.json);
  out.begin_object();
  encode_some(out, name, page.items);
  encode_some(out, "next_page_token", page.next_token);
  out.end_object();
  return body;
}

}  // namespace fettle::api::mlflow
