// `fettle experiment compare`: how many runs, how good the best were, which params vary.
#include <cmath>
#include <map>
#include <memory>
#include <set>

#include "base/text.h"
#include "client.h"
#include "comparison.h"
#include "tracked.h"

namespace fettle::cli {
namespace {

constexpr std::size_t kKeptValues = 1000;  // different values of one param
constexpr std::size_t kShownValues = 6;

struct Extreme {
  double value = 0;
  std::string run;
};
struct Spread {  // of a metric's latest values
  std::uint64_t runs = 0;
  Extreme low, high;
};

// What an experiment's runs come to, taken in one after the other: memory does not grow with their number.
class Digested {
 public:
  void add(const json::Value& run) {
    const auto& info = object_in(run, "info");
    ++statuses_[text::lower(info.text_or("status"))];
    ++runs_;
    if (runs_ == 1) newest_ = time_in_words(info, "start_time");  // newest first
    for (const auto& metric : list_in(run.find("data"), "metrics"))
      add(metric.text_or("key"), number_in(metric), info.text_or("run_id"));
    for (const auto& param : list_in(run.find("data"), "params"))
      if (auto& values = params_[param.text_or("key")]; values.size() < kKeptValues)
        values.insert(param.text_or("value"));
  }
  [[nodiscard]] Values values() const {
    Values out{{"runs", std::to_string(runs_)}, {"newest", newest_}};
    for (const auto& [status, count] : statuses_) out["runs." + status] = std::to_string(count);
    for (const auto& [key, spread] : metrics_) {
      out["metrics." + key + " max"] = text::number(spread.high.value);
      out["metrics." + key + " min"] = text::number(spread.low.value);
    }
    for (const auto& [key, values] : params_) out["params." + key] = in_words(values);
    return out;
  }
  [[nodiscard]] json::Value document(const json::Value& experiment) const {
    json::Value statuses = json::Value::object(), metrics = json::Value::object(), params = json::Value::object();
    for (const auto& [status, count] : statuses_) statuses.set(status, count);
    for (const auto& [key, spread] : metrics_)
      metrics.set(key, json::Value().set("runs", spread.runs).set("max", of(spread.high)).set("min", of(spread.low)));
    for (const auto& [key, values] : params_) params.set(key, json::Array(values.begin(), values.end()));
    json::Value out;
    out.set("experiment_id", experiment.text_or("experiment_id")).set("name", experiment.text_or("name"));
    out.set("runs", runs_).set("statuses", std::move(statuses));
    return std::move(out.set("metrics", std::move(metrics)).set("params", std::move(params)));
  }

 private:
  void add(const std::string& key, double value, const std::string& run) {
    if (std::isnan(value)) return;
    auto& spread = metrics_[key];
    if (spread.runs == 0 || value > spread.high.value) spread.high = {value, run};
    if (spread.runs == 0 || value < spread.low.value) spread.low = {value, run};
    ++spread.runs;
  }
  static json::Value of(const Extreme& extreme) {
    return json::Value().set("value", extreme.value).set("run_id", extreme.run);
  }
  static std::string in_words(const std::set<std::string>& values) {
    if (values.size() <= kShownValues) return text::join({values.begin(), values.end()}, ", ");
    return text::format("{}{} values", values.size() < kKeptValues ? "" : "at least ", values.size());
  }
  std::uint64_t runs_ = 0;
  std::string newest_ = "-";
  std::map<std::string, std::uint64_t> statuses_;
  std::map<std::string, Spread> metrics_;
  std::map<std::string, std::set<std::string>> params_;
};

Result<void> compare_experiments(Output& output, TrackedOptions options) {
  options.server = client::server_url(options.server);
  FETTLE_TRY_(check_comparable(options.names, "experiments"));
  std::vector<Compared> things;
  json::Value experiments = json::Value::array();
  for (const auto& name : options.names) {
    FETTLE_TRY(const auto experiment, find_experiment(options.server, name));
    options.experiment = experiment.text_or("experiment_id");
    FETTLE_TRY(const auto search, runs_search(options, 0));
    Digested digested;
    FETTLE_TRY_(each_found(search, [&](const json::Value& run) -> Result<void> {
      digested.add(run);
      return {};
    }));
    things.push_back({experiment.text_or("name"), "id " + options.experiment, digested.values(), {}});
    experiments.push(digested.document(experiment));
  }
  output.document(compared_document(things).set("experiments", std::move(experiments)));
  print_comparison(output, things, options.all);
  return {};
}

}  // namespace

void add_experiment_compare_verb(Program& program) {
  auto options = std::make_shared<TrackedOptions>();
  auto verb = program.verb("experiment", "", "compare",
                           "Experiments side by side: runs, best and worst of each metric, params that vary");
  verb.arguments("EXPERIMENT", options->names, "Two names or ids, or more", true);
  add_server_option(verb, *options);
  verb.option("--filter", options->filter, "Only these runs, as in MLflow: attributes.status = 'FINISHED'");
  verb.flag("--all", options->all, "Also what is the same");
  verb.examples("  fettle experiment compare flights flights-2001");
  verb.action([options](Output& output) { return compare_experiments(output, *options); });
}

}  // namespace fettle::cli
