#include <algorithm>
#include <array>
#include <limits>

#include "api/mlflow/encode.h"
#include "api/mlflow/wire.h"
#include "base/text.h"

namespace fettle::api::mlflow {
namespace {

using http::Method;

constexpr std::int64_t kAll = std::numeric_limits<std::int32_t>::max();
constexpr std::size_t kMaxRuns = 100;
constexpr std::int64_t kMaxSamples = 2500;
constexpr std::int64_t kMaxBulk = 25'000;

json::Array encode(const std::string& key, const std::vector<tracking::Point>& points) {
  json::Array out;
  for (const auto& point : points) {
    tracking::Metric metric;
    metric.key = key;
    metric.value = point.value();
    metric.time_ms = point.time_ms;
    metric.step = point.step;
    out.push_back(mlflow::encode(metric));
  }
  return out;
}

Result<json::Value> history(const Service& service, const Input& input) {
  FETTLE_TRY(const auto run, input.need_text("run_id"));
  FETTLE_TRY(const auto key, input.need_text("metric_key"));
  FETTLE_TRY(const auto limit, input.page_size(kAll, kAll));
  FETTLE_TRY(const auto token, input.text("page_token"));
  FETTLE_TRY(const auto page, service.tracking.metric_history(RunId(run), key, limit, token));
  json::Value out = json::Value::object();
  if (!page.items.empty()) out.set("metrics", encode(key, page.items));
  if (!page.next_token.empty()) out.set("next_page_token", page.next_token);
  return out;
}

Result<std::vector<std::string>> need_runs(const Input& input, std::string_view name) {
  FETTLE_TRY(auto runs, input.texts(name));
  if (runs.empty())
    return fail(Code::InvalidArgument, text::format("Missing value for required parameter '{}'.", name));
  if (runs.size() > kMaxRuns)
    return fail(Code::InvalidArgument,
                text::format("Invalid value for parameter '{}' supplied: at most {} runs a request, got {}", name,
                             kMaxRuns, runs.size()));
  return runs;
}

Result<json::Value> sampled(const Service& service, const Input& input) {
  FETTLE_TRY(const auto runs, need_runs(input, "run_ids"));
  FETTLE_TRY(const auto key, input.need_text("metric_key"));
  FETTLE_TRY(const auto limit, input.page_size(kMaxSamples, kMaxSamples));
  if (input.has("start_step") != input.has("end_step"))
    return fail(Code::InvalidArgument, "If either start step or end step are specified, both must be specified.");
  FETTLE_TRY(const auto first, input.integer("start_step", std::numeric_limits<std::int64_t>::min()));
  FETTLE_TRY(const auto last, input.integer("end_step", std::numeric_limits<std::int64_t>::max()));
  if (first > last)
    return fail(
        Code::InvalidArgument,
        text::format("end_step must be greater than start_step. Found start_step={} and end_step={}.", first, last));
  FETTLE_TRY(const auto series, service.tracking.sampled_history(runs, key, first, last, limit));
  json::Array out;
  for (const auto& one : series)
    for (auto& point : encode(key, one.points)) out.push_back(std::move(point.set("run_id", one.run_id)));
  return out.empty() ? json::Value() : json::Value().set("metrics", std::move(out));
}

Result<json::Value> bulk(const Service& service, const Input& input) {
  FETTLE_TRY(auto runs, need_runs(input, "run_id"));
  FETTLE_TRY(const auto key, input.need_text("metric_key"));
  FETTLE_TRY(const auto limit, input.page_size(kMaxBulk, kMaxBulk));
  std::ranges::sort(runs);
  json::Array out;
  for (const auto& run : runs) {
    const auto left = limit - std::ssize(out);
    if (left <= 0) break;
    FETTLE_TRY(auto page, service.tracking.metric_history(RunId(run), key, left));
    for (std::size_t i = 0; auto& point : encode(key, page.items))
      out.push_back(point.set("run_id", run).set("value", page.items[i++].value()));  // a bare NaN here
  }
  return json::Value().set("metrics", std::move(out));
}

constexpr std::array<Route, 3> kRoutes{{
    {Method::Get, "/metrics/get-history", history},
    {Method::Get, "/metrics/get-history-bulk-interval", sampled},
    {Method::Get, "/metrics/get-history-bulk", bulk},
}};

}  // namespace

std::span<const Route> metric_routes() { return kRoutes; }

}  // namespace fettle::api::mlflow
