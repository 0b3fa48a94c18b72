#include "transfer/live.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <deque>
#include <limits>
#include <utility>

#include "base/clock.h"
#include "base/text.h"
#include "http/client.h"
#include "json/value.h"

namespace fettle::transfer {
namespace {

constexpr std::string_view kApi = "/api/2.0/mlflow/";
constexpr std::int64_t kTimeoutMs = 600'000;  // a search of 1000 runs takes such a server seconds
constexpr int kTries = 4;
constexpr std::int64_t kHistoryPage = 25'000;
constexpr std::size_t kRemembered = 5000;  // runs whose metrics are known: more than are on their way at any time
constexpr std::string_view kPrompt = "tags.`mlflow.prompt.is_prompt` = 'true'";

const json::Array& list_in(const json::Value* value, std::string_view key) {
  static const json::Array kNone;
  const auto* list = value == nullptr ? nullptr : value->find(key);
  return list != nullptr && list->is_array() ? list->as_array() : kNone;
}

std::int64_t whole(const json::Value& value, std::string_view key) {  // some servers quote whole numbers
  const auto* found = value.find(key);
  if (found == nullptr) return 0;
  if (found->is_string()) return text::parse_int(found->as_string()).value_or(0);
  return found->is_int() ? found->as_int() : found->is_number() ? static_cast<std::int64_t>(found->as_double()) : 0;
}

double real(const json::Value& value, std::string_view key) {
  const auto* found = value.find(key);
  if (found == nullptr) return 0;
  if (found->is_number()) return found->as_double();
  return found->is_string() ? text::parse_double(found->as_string()).value_or(std::nan("")) : std::nan("");
}

std::vector<Pair> pairs_in(const json::Value* value, std::string_view key) {
  std::vector<Pair> out;
  for (const auto& pair : list_in(value, key)) out.push_back({pair.text_or("key"), pair.text_or("value")});
  return out;
}

std::optional<std::string> maybe(const json::Value& value, std::string_view key) {
  const auto* found = value.find(key);
  return found != nullptr && found->is_string() ? std::optional(found->as_string()) : std::nullopt;
}

std::int64_t status_number(std::string_view name, std::span<const std::string_view> names) {
  const auto found = std::ranges::find(names, name);
  return found == names.end() ? 1 : 1 + (found - names.begin());
}
constexpr std::array<std::string_view, 5> kRunStatus{"RUNNING", "SCHEDULED", "FINISHED", "FAILED", "KILLED"};
constexpr std::array<std::string_view, 3> kModelStatus{"LOGGED_MODEL_PENDING", "LOGGED_MODEL_READY",
                                                       "LOGGED_MODEL_UPLOAD_FAILED"};

std::string query(std::string_view route, const std::vector<std::pair<std::string, std::string>>& parameters) {
  std::string out(route);
  char separator = '?';
  for (const auto& [key, value] : parameters) {
    if (value.empty()) continue;
    out += text::format("{}{}={}", std::exchange(separator, '&'), key, http::percent_encode(value));
  }
  return out;
}

class Connection {
 public:
  static Result<Connection> open(const LiveOptions& options) {
    FETTLE_TRY(auto client, http::Client::create(options.url, {.timeout_ms = kTimeoutMs,
                                                               .authorization = options.authorization,
                                                               .ca_file = options.ca_file}));
    return Connection(std::move(client), options.url);
  }
  // A null value for 404.
  Result<json::Value> get(const std::string& target) { return ask(http::Method::Get, target, {}); }
  Result<json::Value> post(const std::string& target, const json::Value& body) {
    return ask(http::Method::Post, target, json::dump(body));
  }
  Result<void> download(const std::string& target, const std::string& file) {
    FETTLE_TRY(const auto response, client_.download(target, file));
    if (response.status == 200) return {};
    if (response.status == 401 || response.status == 403) return refused(response.status);
    return fail(Code::Unavailable, text::format("{} answered {} to {}", url_, response.status, target));
  }

 private:
  Connection(http::Client client, std::string url) : client_(std::move(client)), url_(std::move(url)) {}
  [[nodiscard]] std::unexpected<Error> refused(int status) const {
    return fail(Code::Unauthenticated,
                text::format("{} answered {}; set MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD, or "
                             "MLFLOW_TRACKING_TOKEN, to one who may read everything",
                             url_, status));
  }
  Result<json::Value> ask(http::Method method, const std::string& target, const std::string& body) {
    for (int tried = 1;; ++tried) {
      const auto response = client_.send(method, target, body);
      const bool again = !response || response->status >= 500 || response->status == 429;
      if (again && tried < kTries) continue;
      if (!response) return fail(response.error());
      if (response->status == 404) return json::Value();
      if (response->status == 401 || response->status == 403) return refused(response->status);
      if (response->status != 200)
        return fail(Code::Unavailable, text::format("{} answered {} to {}: {}", url_, response->status, target,
                                                    valid_utf8(response->body.substr(0, 300))));
      return json::parse(response->body, text::format("answer of {} to {}", url_, target));
    }
  }
  http::Client client_;
  std::string url_;
};

RunRecord run_of(const json::Value& run) {
  static const json::Value kNothing = json::Value::object();
  const auto* found = run.find("info");
  const auto& info = found == nullptr ? kNothing : *found;
  RunRecord out;
  out.id = info.text_or("run_id", info.text_or("run_uuid"));
  out.experiment = info.text_or("experiment_id");
  out.name = info.text_or("run_name");
  out.user = info.text_or("user_id");
  out.artifact_uri = info.text_or("artifact_uri");
  out.status = status_number(info.text_or("status"), kRunStatus);
  out.start_ms = whole(info, "start_time");
  if (info.find("end_time") != nullptr) out.end_ms = whole(info, "end_time");
  out.deleted = info.text_or("lifecycle_stage") == "deleted";
  out.params = pairs_in(run.find("data"), "params");
  out.tags = pairs_in(run.find("data"), "tags");
  for (const auto& input : list_in(run.find("inputs"), "dataset_inputs")) {
    const auto* set = input.find("dataset");
    if (set != nullptr)
      out.datasets.push_back({set->text_or("name"), set->text_or("digest"), set->text_or("source_type"),
                              set->text_or("source"), maybe(*set, "schema"), maybe(*set, "profile"),
                              pairs_in(&input, "tags")});
  }
  for (const auto& input : list_in(run.find("inputs"), "model_inputs"))
    out.model_inputs.push_back(input.text_or("model_id"));
  for (const auto& output : list_in(run.find("outputs"), "model_outputs"))
    out.outputs.push_back({output.text_or("model_id"), whole(output, "step")});
  normalise(out);
  return out;
}

ModelRecord model_of(const json::Value& model) {
  static const json::Value kNothing = json::Value::object();
  const auto* found = model.find("info");
  const auto& info = found == nullptr ? kNothing : *found;
  ModelRecord out;
  out.id = info.text_or("model_id");
  out.experiment = info.text_or("experiment_id");
  out.name = info.text_or("name");
  out.artifact_uri = info.text_or("artifact_uri");
  out.type = info.text_or("model_type");
  out.source_run = info.text_or("source_run_id");
  out.status_message = info.text_or("status_message");
  out.status = status_number(info.text_or("status"), kModelStatus);
  out.created_ms = whole(info, "creation_timestamp_ms");
  out.updated_ms = whole(info, "last_updated_timestamp_ms");
  out.tags = pairs_in(&info, "tags");
  out.params = pairs_in(model.find("data"), "params");
  for (const auto& point : list_in(model.find("data"), "metrics"))
    out.metrics.push_back({point.text_or("key"), real(point, "value"), whole(point, "timestamp"), whole(point, "step"),
                           point.text_or("run_id"), point.text_or("dataset_name"), point.text_or("dataset_digest")});
  normalise(out);
  return out;
}

VersionRecord version_of(const json::Value& from) {
  VersionRecord out;
  out.version = whole(from, "version");
  out.source = from.text_or("source");
  out.run_id = from.text_or("run_id");
  out.run_link = from.text_or("run_link");
  out.model_id = from.text_or("model_id");
  out.user = from.text_or("user_id");
  out.description = from.text_or("description");
  out.stage = from.text_or("current_stage", "None");
  out.created_ms = whole(from, "creation_timestamp");
  out.updated_ms = whole(from, "last_updated_timestamp");
  out.tags = pairs_in(&from, "tags");
  return out;
}

class Live final : public Source {
 public:
  Live(Connection connection, std::string url) : connection_(std::move(connection)), url_(std::move(url)) {}

  Result<void> probe() {
    FETTLE_TRY(const auto answer, connection_.get(query(path("experiments/search"), {{"max_results", "1"}})));
    if (answer.is_object()) return {};
    return fail(Code::FailedPrecondition, text::format("{} is no MLflow server, or one older than 1.28", url_));
  }

  Result<Overview> overview() override {
    Overview out;
    out.what = text::format("server {}", url_);
    FETTLE_TRY_(experiments([&](const ExperimentRecord&) -> Result<void> {
      ++out.experiments;
      return {};
    }));
    return out;
  }

  Result<void> experiments(const Take<ExperimentRecord>& take) override {
    return pages("experiments", "experiments/search", {{"view_type", "ALL"}, {"max_results", "1000"}},
                 [&](const json::Value& each) {
                   ExperimentRecord record{each.text_or("experiment_id"),
                                           each.text_or("name"),
                                           each.text_or("artifact_location"),
                                           each.text_or("lifecycle_stage") == "deleted",
                                           whole(each, "creation_time"),
                                           whole(each, "last_update_time"),
                                           pairs_in(&each, "tags")};
                   normalise(record);
                   return take(std::move(record));
                 });
  }

  Result<void> models(const Take<ModelRecord>& take) override;
  Result<void> runs(const Take<RunRecord>& take) override;
  Result<std::string> points_word(const RunRecord& run) override;
  Result<Series> series(const RunRecord& run) override;
  Result<void> registered(const Take<RegisteredRecord>& take) override;

 private:
  static std::string path(std::string_view route) { return std::string(kApi) + std::string(route); }

  // Every element of `list` on every page.
  template <typename Use>
  Result<void> pages(std::string_view list, std::string_view route,
                     std::vector<std::pair<std::string, std::string>> parameters, Use use) {
    parameters.emplace_back("page_token", "");
    do {
      FETTLE_TRY(const auto answer, connection_.get(query(path(route), parameters)));
      for (const auto& each : list_in(&answer, list)) FETTLE_TRY_(use(each));
      parameters.back().second = answer.text_or("next_page_token");
    } while (!parameters.back().second.empty());
    return {};
  }
  template <typename Use>
  Result<void> post_pages(std::string_view list, std::string_view route, json::Value body, Use use) {
    for (std::string token;;) {
      FETTLE_TRY(const auto answer, connection_.post(path(route), body));
      for (const auto& each : list_in(&answer, list)) FETTLE_TRY_(use(each));
      token = answer.text_or("next_page_token");
      if (token.empty()) return {};
      body.set("page_token", token);
    }
  }
  Result<std::vector<std::string>> experiment_ids() {
    std::vector<std::string> out;
    FETTLE_TRY_(experiments([&](const ExperimentRecord& record) -> Result<void> {
      out.push_back(record.id);
      return {};
    }));
    return out;
  }
  Result<void> load_versions(RegisteredRecord& model, bool prompt);

  struct Latest {  // what a search of runs said of one's metrics
    std::vector<std::string> keys;
    std::string word;
  };
  Connection connection_;
  std::string url_;
  void remember(const std::string& run, Latest latest) {
    if (latest_.insert_or_assign(run, std::move(latest)).second) order_.push_back(run);
    if (order_.size() <= kRemembered) return;
    latest_.erase(order_.front());
    order_.pop_front();
  }
  std::map<std::string, Latest> latest_;  // of the last kRemembered runs
  std::deque<std::string> order_;
};

Result<void> Live::models(const Take<ModelRecord>& take) {
  FETTLE_TRY(const auto ids, experiment_ids());
  for (const auto& id : ids) {
    json::Value body;
    body.set("experiment_ids", json::Array{id}).set("max_results", 50);
    FETTLE_TRY_(post_pages("models", "logged-models/search", body,
                           [&](const json::Value& each) { return take(model_of(each)); }));
  }
  return {};
}

Result<void> Live::runs(const Take<RunRecord>& take) {
  FETTLE_TRY(const auto ids, experiment_ids());
  for (const auto& id : ids) {
    json::Value body;
    body.set("experiment_ids", json::Array{id}).set("run_view_type", "ALL").set("max_results", 1000);
    FETTLE_TRY_(post_pages("runs", "runs/search", body, [&](const json::Value& each) -> Result<void> {
      auto record = run_of(each);
      Latest latest;
      Hasher hasher;
      for (const auto& metric : list_in(each.find("data"), "metrics")) {
        latest.keys.push_back(metric.text_or("key"));
        hasher.add(json::dump(metric));
      }
      // More points may come to a running run without a trace in its latest values: it is read every time.
      latest.word = record.status > 2 ? hasher.finish().hex() : text::format("running at {}", system_clock().now_ms());
      remember(record.id, std::move(latest));
      return take(std::move(record));
    }));
  }
  return {};
}

Result<std::string> Live::points_word(const RunRecord& run) {
  const auto found = latest_.find(run.id);
  if (found == latest_.end()) return fail(Code::Internal, text::format("run '{}' was read too long ago", run.id));
  return found->second.word;
}

Result<Series> Live::series(const RunRecord& run) {
  Series out;
  const auto found = latest_.find(run.id);
  if (found == latest_.end()) return fail(Code::Internal, text::format("run '{}' was read too long ago", run.id));
  for (const auto& key : found->second.keys)
    FETTLE_TRY_(pages("metrics", "metrics/get-history",
                      {{"run_id", run.id}, {"metric_key", key}, {"max_results", std::to_string(kHistoryPage)}},
                      [&](const json::Value& point) -> Result<void> {
                        out[key].push_back({whole(point, "timestamp"), whole(point, "step"), real(point, "value")});
                        return {};
                      }));
  normalise(out);
  return out;
}

Result<void> Live::load_versions(RegisteredRecord& model, bool prompt) {
  const char quote = model.name.contains('\'') ? '"' : '\'';
  const auto filter =
      text::format("name = {0}{1}{0}{2}", quote, model.name, prompt ? text::format(" AND {}", kPrompt) : "");
  FETTLE_TRY_(pages("model_versions", "model-versions/search", {{"filter", filter}, {"max_results", "1000"}},
                    [&](const json::Value& each) -> Result<void> {
                      model.versions.push_back(version_of(each));
                      return {};
                    }));
  for (auto& version : model.versions) {
    FETTLE_TRY(const auto answer,
               connection_.get(query(path("model-versions/get-download-uri"),
                                     {{"name", model.name}, {"version", std::to_string(version.version)}})));
    version.storage_location = answer.text_or("artifact_uri");
  }
  return {};
}

Result<void> Live::registered(const Take<RegisteredRecord>& take) {
  for (const bool prompts : {false, true}) {
    std::vector<RegisteredRecord> all;
    FETTLE_TRY_(pages("registered_models", "registered-models/search",
                      {{"max_results", "1000"}, {"filter", prompts ? std::string(kPrompt) : ""}},
                      [&](const json::Value& each) -> Result<void> {
                        RegisteredRecord record{each.text_or("name"),
                                                each.text_or("description"),
                                                whole(each, "creation_timestamp"),
                                                whole(each, "last_updated_timestamp"),
                                                pairs_in(&each, "tags"),
                                                {},
                                                {}};
                        for (const auto& alias : list_in(&each, "aliases"))
                          record.aliases.push_back({alias.text_or("alias"), whole(alias, "version")});
                        all.push_back(std::move(record));
                        return {};
                      }));
    for (auto& record : all) {
      FETTLE_TRY_(load_versions(record, prompts));
      normalise(record);
      FETTLE_TRY_(take(std::move(record)));
    }
  }
  return {};
}

// The server's own listing and downloading of artifacts, whatever their scheme.
class LiveFiles final : public Files {
 public:
  LiveFiles(Connection connection, std::string folder)
      : connection_(std::move(connection)), folder_(std::move(folder)) {}

  Result<std::vector<SourceFile>> list(const Owner& owner) override {
    std::vector<SourceFile> out;
    FETTLE_TRY_(list_below(owner, "", out));
    return out;
  }

  Result<std::string> fetch(const Owner& owner, const SourceFile& file) override {
    const auto to = folder_ + "/artifact";
    const auto target = owner.model.empty()
                            ? query("/get-artifact", {{"run_uuid", owner.run}, {"path", file.path}})
                            : query(text::format("/ajax-api/2.0/mlflow/logged-models/{}/artifacts/files",
                                                 http::percent_encode(owner.model)),
                                    {{"artifact_file_path", file.path}});
    FETTLE_TRY_(connection_.download(target, to));
    return to;
  }

 private:
  Result<void> list_below(const Owner& owner, const std::string& folder, std::vector<SourceFile>& out) {
    const auto target =
        owner.model.empty()
            ? query(std::string(kApi) + "artifacts/list", {{"run_id", owner.run}, {"path", folder}})
            : query(text::format("{}logged-models/{}/artifacts/directories", kApi, http::percent_encode(owner.model)),
                    {{"artifact_directory_path", folder}});
    FETTLE_TRY(const auto answer, connection_.get(target));
    for (const auto& file : list_in(&answer, "files")) {
      const auto* is_folder = file.find("is_dir");
      const auto path = file.text_or("path");
      if (is_folder != nullptr && is_folder->is_bool() && is_folder->as_bool()) {
        if (path != folder) FETTLE_TRY_(list_below(owner, path, out));
      } else {
        out.push_back({path, static_cast<std::uint64_t>(whole(file, "file_size"))});
      }
    }
    return {};
  }
  Connection connection_;
  std::string folder_;
};

}  // namespace

Result<std::unique_ptr<Source>> open_live(const LiveOptions& options) {
  FETTLE_TRY(auto connection, Connection::open(options));
  auto source = std::make_unique<Live>(std::move(connection), options.url);
  FETTLE_TRY_(source->probe());
  return source;
}

Result<std::unique_ptr<Files>> live_files(const LiveOptions& options) {
  FETTLE_TRY(auto connection, Connection::open(options));
  return std::make_unique<LiveFiles>(std::move(connection), options.folder);
}

}  // namespace fettle::transfer
