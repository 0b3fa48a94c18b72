// What the tracking verbs share: options, asking page after page, finding things by what a person calls them.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "cli.h"
#include "client.h"
#include "http/message.h"
#include "json/value.h"

namespace fettle::cli {

// Every noun takes the same options for the same things; a verb names those that it has.
struct TrackedOptions {
  std::string server, experiment, filter;
  std::vector<std::string> names, order;  // what the verb is about
  std::int64_t limit = 50;
  bool deleted = false, all = false;
};
// The verb does `work` once the options name a server's address.
template <typename Options>
void act_on_server(Verb& verb, std::shared_ptr<Options> options, Result<void> (*work)(Output&, const Options&)) {
  verb.action([options = std::move(options), work](Output& output) {
    options->server = client::server_url(options->server);
    return work(output, *options);
  });
}
void add_server_option(Verb& verb, TrackedOptions& options);
void add_experiment_option(Verb& verb, TrackedOptions& options);
void add_order_option(Verb& verb, TrackedOptions& options, std::string_view example);
void add_limit_option(Verb& verb, TrackedOptions& options);

[[nodiscard]] std::string mlflow_path(std::string_view rest);  // below /api/2.0/mlflow
// Member `key` of an answer as a list, an object; empty if it is none.
[[nodiscard]] const json::Array& list_in(const json::Value* value, std::string_view key);
[[nodiscard]] const json::Value& object_in(const json::Value& value, std::string_view key);
[[nodiscard]] std::string value_in_words(const json::Value& pair);  // "value" of a param, tag or metric
[[nodiscard]] double number_in(const json::Value& pair);            // "value" of a metric
[[nodiscard]] std::string time_in_words(const json::Value& value, std::string_view key);  // "-" if it is not there

struct Search {
  std::string server, route;  // "/runs/search"
  std::string list;           // the answer's member that holds what was found: "runs"
  http::Method method = http::Method::Post;
  json::Value parameters;  // a body, or for GET a query
  std::int64_t limit = 0;  // 0: all
  std::int64_t page = 1000;
};
// Everything found, page after page; `take` returns an error to stop. Whether there is more than `limit`.
[[nodiscard]] Result<bool> each_found(const Search& search,
                                      const std::function<Result<void>(const json::Value&)>& take);

// Runs of `experiment` (a name or id; empty: of all).
[[nodiscard]] Result<Search> runs_search(const TrackedOptions& options, std::int64_t limit);
[[nodiscard]] Result<json::Value> get_run(const std::string& server, const std::string& id);

// By name, else by id. NotFound says which names are near.
[[nodiscard]] Result<json::Value> find_experiment(const std::string& server, const std::string& name);
[[nodiscard]] Result<json::Value> find_registered_model(const std::string& server, const std::string& name);

[[nodiscard]] Search experiments_search(const TrackedOptions& options, std::int64_t limit);
[[nodiscard]] Search models_search(const TrackedOptions& options, std::int64_t limit);

void add_run_compare_verb(Program& program);
void add_run_export_verb(Program& program);
void add_experiment_compare_verb(Program& program);
void add_model_compare_verb(Program& program);
void add_artifact_compare_verb(Program& program);
void add_artifact_export_verb(Program& program);

}  // namespace fettle::cli
