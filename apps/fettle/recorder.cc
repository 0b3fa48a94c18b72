#include "recorder.h"

#include <algorithm>

#include "base/clock.h"
#include "base/text.h"
#include "client.h"
#include "http/client.h"
#include "os/file.h"
#include "os/process.h"
#include "step.h"

namespace fettle::cli {
namespace {

constexpr std::string_view kApi = "/api/2.0/mlflow";
constexpr std::size_t kBatch = 100;  // of params and of tags in one log-batch request

json::Value pair(std::string_view key, std::string_view value) {
  return json::Value::object().set("key", key).set("value", value);
}

std::string written_out(const json::Value& value) { return value.is_string() ? value.as_string() : json::dump(value); }

void flatten(const std::string& prefix, const json::Value& value,
             std::vector<std::pair<std::string, json::Value>>& out) {
  if (!value.is_object()) {
    out.emplace_back(prefix, value);
    return;
  }
  for (const auto& [key, element] : value.as_object()) flatten(prefix.empty() ? key : prefix + "." + key, element, out);
}

json::Array params_of(const json::Value& params) {
  std::vector<std::pair<std::string, json::Value>> flat;
  flatten("", params, flat);
  json::Array out;
  for (const auto& [key, value] : flat) out.push_back(pair(key, written_out(value)));
  return out;
}

json::Array metrics_of(const json::Value& file, std::int64_t now_ms) {
  std::vector<std::pair<std::string, json::Value>> flat;
  flatten("", file, flat);
  json::Array out;
  for (const auto& [key, value] : flat) {
    if (!value.is_number() && !value.is_bool()) continue;
    const double number = value.is_bool() ? (value.as_bool() ? 1 : 0) : value.as_double();
    out.push_back(json::Value::object().set("key", key).set("value", number).set("timestamp", now_ms).set("step", 0));
  }
  return out;
}

Result<void> log_batch(const std::string& server, const std::string& run_id, std::string_view what,
                       const json::Array& all) {
  for (std::size_t from = 0; from < all.size(); from += kBatch) {
    const auto begin = all.begin() + static_cast<std::ptrdiff_t>(from);
    const auto end = all.begin() + static_cast<std::ptrdiff_t>(std::min(from + kBatch, all.size()));
    json::Value body;
    body.set("run_id", run_id).set(what, json::Array(begin, end));
    FETTLE_TRY_(client::post(server, text::format("{}/runs/log-batch", kApi), body));
  }
  return {};
}

std::string status_of(const pipeline::Summary& summary) {
  if (!summary.error) return "FINISHED";
  return summary.error->code == Code::Unavailable ? "KILLED" : "FAILED";
}

}  // namespace

Result<void> MlflowRecorder::find_experiment() {
  const auto name = http::percent_encode(setting_.project.name);
  const auto found =
      client::get(setting_.server, text::format("{}/experiments/get-by-name?experiment_name={}", kApi, name));
  if (found) {
    const auto* experiment = found->find("experiment");
    experiment_ = experiment == nullptr ? "" : experiment->text_or("experiment_id");
    return {};
  }
  if (found.error().code != Code::NotFound) return fail(found.error());
  FETTLE_TRY(const auto made, client::post(setting_.server, text::format("{}/experiments/create", kApi),
                                           json::Value::object().set("name", setting_.project.name)));
  experiment_ = made.text_or("experiment_id");
  return {};
}

Result<std::string> MlflowRecorder::create_run() {
  const auto git = setting_.git();
  json::Array tags{pair("mlflow.source.name", "fettle pipeline run"), pair("mlflow.source.type", "PROJECT"),
                   pair("mlflow.user", os::environment("USER").value_or("unknown")),
                   pair("fettle.project", setting_.project.folder)};
  if (!git.commit.empty()) {
    tags.push_back(pair("mlflow.source.git.commit", git.commit));
    tags.push_back(pair("mlflow.source.git.dirty", git.dirty ? "true" : "false"));
  }
  for (const auto& [name, snapshot] : setting_.snapshots)
    tags.push_back(pair("fettle.snapshot." + name, snapshot.digest));
  json::Value body;
  body.set("experiment_id", experiment_).set("start_time", system_clock().now_ms()).set("tags", std::move(tags));
  FETTLE_TRY(const auto answer, client::post(setting_.server, text::format("{}/runs/create", kApi), body));
  const auto* run = answer.find("run");
  const auto* info = run == nullptr ? nullptr : run->find("info");
  if (info == nullptr || info->text_or("run_id").empty())
    return fail(Code::Internal, text::format("the server at {} made a run but did not name it", setting_.server));
  return info->text_or("run_id");
}

Result<std::string> MlflowRecorder::started() {
  if (setting_.server.empty()) return std::string();
  auto begun = [&]() -> Result<std::string> {
    FETTLE_TRY_(find_experiment());
    FETTLE_TRY(auto run_id, create_run());
    FETTLE_TRY_(log_batch(setting_.server, run_id, "params", params_of(setting_.params)));
    return run_id;
  }();
  if (begun) return run_id_ = *begun;
  if (setting_.insist) return fail(begun.error().within("the run cannot be recorded"));
  setting_.warn(text::format("this run is not recorded: {}; start `fettle server`, or give --no-record to say so",
                             begun.error().message));
  return std::string();
}

Result<void> MlflowRecorder::log_file(const std::string& path) {
  const auto file = setting_.project.path_of(path);
  const auto name = path.substr(path.rfind('/') + 1);
  FETTLE_TRY_(client::upload(setting_.server,
                             text::format("/api/2.0/mlflow-artifacts/artifacts/{}/{}/artifacts/{}", experiment_,
                                          run_id_, http::percent_encode(name)),
                             file));
  FETTLE_TRY(const auto text, os::read_file(file));
  FETTLE_TRY(const auto value, json::parse(text, path));
  return log_batch(setting_.server, run_id_, "metrics", metrics_of(value, system_clock().now_ms()));
}

Result<void> MlflowRecorder::log(const pipeline::Summary& summary) {
  json::Array tags;
  for (const auto& step : summary.steps) {
    if (step.error) continue;
    tags.push_back(pair("fettle.step." + step.step->name, step.key));
    for (const auto& path : step.step->metrics) FETTLE_TRY_(log_file(path));
  }
  if (summary.error) tags.push_back(pair("fettle.error", summary.error->message.substr(0, 4000)));
  return log_batch(setting_.server, run_id_, "tags", tags);
}

Result<void> MlflowRecorder::end_run(const pipeline::Summary& summary) const {
  json::Value body;
  body.set("run_id", run_id_).set("status", status_of(summary)).set("end_time", system_clock().now_ms());
  FETTLE_TRY_(client::post(setting_.server, text::format("{}/runs/update", kApi), body));
  return {};
}

void MlflowRecorder::finished(const pipeline::Summary& summary) {
  for (const auto& done : {log(summary), end_run(summary)})
    if (!done) setting_.warn(text::format("run {} is recorded in part only: {}", run_id_, done.error().message));
}

}  // namespace fettle::cli
