#include <algorithm>
#include <array>
#include <limits>

#include "api/mlflow/encode.h"
#include "api/mlflow/wire.h"
#include "base/text.h"

namespace fettle::api::mlflow {
namespace {

using http::Method;
using On = Need::On;

constexpr std::int64_t kAll = std::numeric_limits<std::int32_t>::max();
constexpr std::size_t kMaxRuns = 100;
constexpr std::int64_t kMaxSamples = 2500;
constexpr std::int64_t kMaxBulk = 25'000;

enum class Nan : std::uint8_t { Quoted, Bare };  // bare in the one answer that is no protobuf upstream

// {"key", "value", "timestamp", "step"[, "run_id"]} for each point.
void encode(json::Writer& out, const std::string& key, const std::vector<tracking::Point>& points,
            const std::string& run_id = "", Nan nan = Nan::Quoted) {
  for (const auto& point : points) {
    out.begin_object().member("key", key).key("value");
    if (nan == Nan::Bare)
      out.value(point.value());
    else
      out.quoted_unless_finite(point.value());
    out.member("timestamp", point.time_ms).member("step", point.step);
    encode_some(out, "run_id", run_id);
    out.end_object();
  }
}

Result<Body> history(const Service& service, const Input& input) {
  FETTLE_TRY(const auto run, input.need_text("run_id"));
  FETTLE_TRY(const auto key, input.need_text("metric_key"));
  FETTLE_TRY(const auto limit, input.page_size(kAll, kAll));
  FETTLE_TRY(const auto token, input.text("page_token"));
  FETTLE_TRY(const auto page, service.tracking.metric_history(RunId(run), key, limit, token));
  Body body;
  json::Writer out(body.json);
  out.begin_object();
  if (!page.items.empty()) {
    encode(out.key("metrics").begin_array(), key, page.items);
    out.end_array();
  }
  encode_some(out, "next_page_token", page.next_token);
  out.end_object();
  return body;
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

Result<Body> sampled(const Service& service, const Input& input) {
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
  Body body;
  json::Writer out(body.json);
  out.begin_object();
  if (std::ranges::any_of(series, [](const auto& one) { return !one.points.empty(); })) {
    out.key("metrics").begin_array();
    for (const auto& one : series) encode(out, key, one.points, one.run_id);
    out.end_array();
  }
  out.end_object();
  return body;
}

Result<Body> bulk(const Service& service, const Input& input) {
  FETTLE_TRY(auto runs, need_runs(input, "run_id"));
  FETTLE_TRY(const auto key, input.need_text("metric_key"));
  FETTLE_TRY(const auto limit, input.page_size(kMaxBulk, kMaxBulk));
  std::ranges::sort(runs);
  Body body;
  json::Writer out(body.json);
  out.begin_object().key("metrics").begin_array();
  for (auto left = limit; const auto& run : runs) {
    if (left <= 0) break;
    FETTLE_TRY(const auto page, service.tracking.metric_history(RunId(run), key, left));
    encode(out, key, page.items, run, Nan::Bare);
    left -= std::ssize(page.items);
  }
  out.end_array().end_object();
  return body;
}

constexpr std::array<Route, 3> kRoutes{{
    {Method::Get, "/metrics/get-history", history, reads(On::Run)},
    {Method::Get, "/metrics/get-history-bulk-interval", sampled, reads(On::Runs)},
    {Method::Get, "/metrics/get-history-bulk", bulk, reads(On::Runs)},
}};

}  // namespace

std::span<const Route> metric_routes() { return kRoutes; }

}  // namespace fettle::api::mlflow
