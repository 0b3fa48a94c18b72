#include "tracked.h"

#include <algorithm>
#include <limits>

#include "base/clock.h"
#include "base/text.h"
#include "client.h"
#include "http/client.h"

namespace fettle::cli {
namespace {

constexpr std::size_t kMostNear = 5;

// A GET's query: lists are repeated, what is empty is left out.
std::string query_of(const json::Value& parameters) {
  std::string out;
  const auto add = [&](const std::string& key, const json::Value& value) {
    const auto words = value.is_string() ? value.as_string() : json::dump(value);
    if (!words.empty())
      out += text::format("{}{}={}", out.empty() ? '?' : '&', http::percent_encode(key), http::percent_encode(words));
  };
  if (!parameters.is_object()) return out;
  for (const auto& [key, value] : parameters.as_object()) {
    if (!value.is_array()) add(key, value);
    if (value.is_array())
      for (const auto& each : value.as_array()) add(key, each);
  }
  return out;
}

Result<json::Value> ask(const Search& search, const json::Value& parameters) {
  if (search.method == http::Method::Get)
    return client::get(search.server, mlflow_path(search.route) + query_of(parameters));
  return client::post(search.server, mlflow_path(search.route), parameters);
}

// NotFound with the names that are near: those that hold what was said, else the closest by spelling.
std::unexpected<Error> not_found(std::string_view noun, const std::string& name, const Search& all) {
  std::vector<std::string> names, near;
  const auto wanted = text::lower(name);
  static_cast<void>(each_found(all, [&](const json::Value& each) -> Result<void> {
    names.push_back(each.text_or("name"));
    if (near.size() < kMostNear && text::lower(names.back()).contains(wanted)) near.push_back(names.back());
    return {};
  }));
  if (const auto closest = near.empty() ? text::closest(name, names) : std::nullopt) near.push_back(*closest);
  for (auto& each : near) each = "'" + each + "'";
  return fail(Code::NotFound, text::format("there is no {} '{}'{}; see `fettle {} list`", noun, name,
                                           near.empty() ? "" : text::format(" (near: {})", text::join(near, ", ")),
                                           noun == "experiment" ? "experiment" : "model"));
}

json::Value filtered(const TrackedOptions& options) {
  json::Value out;
  out.set("filter", options.filter);
  return std::move(out.set("order_by", json::Array(options.order.begin(), options.order.end())));
}

}  // namespace

void add_server_option(Verb& verb, TrackedOptions& options) {
  verb.option("--server", options.server, client::kServerHelp);
}
void add_experiment_option(Verb& verb, TrackedOptions& options) {
  verb.option("--experiment", options.experiment, "Only of this experiment: its name or id");
}
void add_order_option(Verb& verb, TrackedOptions& options, std::string_view example) {
  verb.option("--order", options.order, text::format("As in MLflow: \"{}\"; repeatable", example));
}
void add_limit_option(Verb& verb, TrackedOptions& options) {
  verb.option("--limit", options.limit, "At most so many; 0: all");
}

std::string mlflow_path(std::string_view rest) { return text::format("/api/2.0/mlflow{}", rest); }

const json::Array& list_in(const json::Value* value, std::string_view key) {
  static const json::Array kNone;
  const auto* list = value == nullptr ? nullptr : value->find(key);
  return list != nullptr && list->is_array() ? list->as_array() : kNone;
}

const json::Value& object_in(const json::Value& value, std::string_view key) {
  static const json::Value kNone = json::Value::object();
  const auto* found = value.find(key);
  return found != nullptr && found->is_object() ? *found : kNone;
}

std::string value_in_words(const json::Value& pair) {
  const auto* value = pair.find("value");
  if (value == nullptr) return {};
  return value->is_string() ? value->as_string() : text::number(value->as_double());
}

double number_in(const json::Value& pair) {
  const auto* value = pair.find("value");
  if (value != nullptr && value->is_number()) return value->as_double();
  return text::parse_double(pair.text_or("value")).value_or(std::numeric_limits<double>::quiet_NaN());
}

std::string time_in_words(const json::Value& value, std::string_view key) {
  const auto ms = value.int_or(key, 0);
  return ms > 0 ? text::rfc3339(ms).substr(0, 19) : "-";
}

Result<bool> each_found(const Search& search, const std::function<Result<void>(const json::Value&)>& take) {
  if (search.limit < 0) return fail(Code::InvalidArgument, "--limit is a number of rows, at least 1");
  auto left = search.limit == 0 ? std::numeric_limits<std::int64_t>::max() : search.limit;
  auto parameters = search.parameters;
  for (;;) {
    parameters.set("max_results", std::min(left, search.page));
    FETTLE_TRY(const auto page, ask(search, parameters));
    const auto& found = list_in(&page, search.list);
    for (const auto& each : found) FETTLE_TRY_(take(each));
    left -= std::ssize(found);
    const auto token = page.text_or("next_page_token");
    if (token.empty() || left <= 0) return !token.empty();
    parameters.set("page_token", token);
  }
}

Result<Search> runs_search(const TrackedOptions& options, std::int64_t limit) {
  json::Value ids = json::Value::array();
  if (!options.experiment.empty()) {
    FETTLE_TRY(const auto experiment, find_experiment(options.server, options.experiment));
    ids.push(experiment.text_or("experiment_id"));
  } else {
    auto every = experiments_search({.server = options.server}, 0);
    FETTLE_TRY_(each_found(every, [&](const json::Value& experiment) -> Result<void> {
      ids.push(experiment.text_or("experiment_id"));
      return {};
    }));
  }
  auto parameters = filtered(options);
  parameters.set("experiment_ids", std::move(ids));
  parameters.set("run_view_type", options.deleted ? "DELETED_ONLY" : "ACTIVE_ONLY");
  return Search{.server = options.server,
                .route = "/runs/search",
                .list = "runs",
                .parameters = std::move(parameters),
                .limit = limit};
}

Search experiments_search(const TrackedOptions& options, std::int64_t limit) {
  auto parameters = filtered(options);
  parameters.set("view_type", options.deleted ? "DELETED_ONLY" : "ACTIVE_ONLY");
  return {.server = options.server,
          .route = "/experiments/search",
          .list = "experiments",
          .parameters = std::move(parameters),
          .limit = limit};
}

Search models_search(const TrackedOptions& options, std::int64_t limit) {
  return {.server = options.server,
          .route = "/registered-models/search",
          .list = "registered_models",
          .method = http::Method::Get,
          .parameters = filtered(options),
          .limit = limit};
}

Result<json::Value> get_run(const std::string& server, const std::string& id) {
  auto answer = client::get(server, mlflow_path("/runs/get?run_id=" + http::percent_encode(id)));
  if (!answer && answer.error().code == Code::NotFound)
    return fail(Code::NotFound, text::format("there is no run '{}'; see `fettle run list`", id));
  if (!answer) return fail(answer.error());
  return object_in(*answer, "run");
}

Result<json::Value> find_experiment(const std::string& server, const std::string& name) {
  auto found =
      client::get(server, mlflow_path("/experiments/get-by-name?experiment_name=" + http::percent_encode(name)));
  if (!found && found.error().code == Code::NotFound && text::parse_int(name))
    found = client::get(server, mlflow_path("/experiments/get?experiment_id=" + http::percent_encode(name)));
  if (!found && found.error().code == Code::NotFound)
    return not_found("experiment", name, experiments_search({.server = server}, 0));
  if (!found) return fail(found.error());
  return object_in(*found, "experiment");
}

Result<json::Value> find_registered_model(const std::string& server, const std::string& name) {
  const auto found = client::get(server, mlflow_path("/registered-models/get?name=" + http::percent_encode(name)));
  if (!found && found.error().code == Code::NotFound)
    return not_found("registered model", name, models_search({.server = server}, 0));
  if (!found) return fail(found.error());
  return object_in(*found, "registered_model");
}

}  // namespace fettle::cli
