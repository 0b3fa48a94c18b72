#include "tracking/rows.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <utility>

#include "base/text.h"
#include "json/value.h"
#include "tracking/contents.h"
#include "tracking/traffic.h"

namespace fettle::bench {
namespace {

constexpr double kSeconds = 2;  // a round
constexpr int kHistory = 10'000;
constexpr int kLongHistory = 1'000'000;
constexpr int kLoadedRuns = 10;  // of a million points each

// A stage from a function that keeps what it needs.
class FunctionStage final : public Stage {
 public:
  explicit FunctionStage(std::function<std::vector<double>()> measure) : measure_(std::move(measure)) {}
  std::vector<double> measure() override { return measure_(); }

 private:
  std::function<std::vector<double>()> measure_;
};
std::unique_ptr<Stage> stage(std::function<std::vector<double>()> measure) {
  return std::make_unique<FunctionStage>(std::move(measure));
}

std::unique_ptr<Stage> log_metric(TrackingServer& server) {
  auto client = connect(server.url());
  const auto run = new_run(client, new_experiment(client, "log-metric"));
  return stage([&server, run, step = std::make_shared<std::atomic<std::int64_t>>(0)]() -> std::vector<double> {
    const auto traffic = run_traffic(server.url(), 8, kSeconds, [&](std::int64_t) {
      const auto i = ++*step;
      return post("/runs/log-metric", text::format(R"({{"run_id":"{}","key":"x","value":{},"timestamp":{},"step":{}}})",
                                                   run, 1 / static_cast<double>(i), 1'700'000'000'000 + i, i));
    });
    return {traffic.per_second(), traffic.percentile(0.99)};
  });
}

std::unique_ptr<Stage> log_batch(TrackingServer& server) {
  auto client = connect(server.url());
  const auto run = new_run(client, new_experiment(client, "log-batch"));
  return stage([&server, run, batch = std::make_shared<std::atomic<std::int64_t>>(0)]() -> std::vector<double> {
    const auto traffic = run_traffic(server.url(), 1, kSeconds, [&](std::int64_t) {
      return post("/runs/log-batch", points_body(run, 1000 * (*batch)++, 1000, 10));
    });
    return {1000 * traffic.per_second_waited(1)};
  });
}

std::unique_ptr<Stage> same_call(TrackingServer& server, const Call& call) {
  return stage([&server, call]() -> std::vector<double> {
    return {run_traffic(server.url(), 1, kSeconds, [&](std::int64_t) { return call; }).percentile(0.5)};
  });
}

std::unique_ptr<Stage> search(TrackingServer& server) {
  auto client = connect(server.url());
  const auto experiment = make_runs(client, 100);
  return same_call(server,
                   post("/runs/search", text::format(R"({{"experiment_ids":["{}"],"max_results":100}})", experiment)));
}

std::unique_ptr<Stage> history(TrackingServer& server) {
  auto client = connect(server.url());
  const auto run = new_run(client, new_experiment(client, "history"));
  log_points(client, run, kHistory);
  return same_call(server, get(text::format("/metrics/get-history?run_id={}&metric_key=m0&max_results=25000", run)));
}

// MLflow: of 10,000 points, since it would take minutes to store a million.
std::unique_ptr<Stage> interval(TrackingServer& server) {
  auto client = connect(server.url());
  const auto run = new_run(client, new_experiment(client, "interval"));
  log_points(client, run, server.is_peer() ? kHistory : kLongHistory);
  return same_call(
      server, get(text::format("/metrics/get-history-bulk-interval?run_ids={}&metric_key=m0&max_results=320", run)));
}

std::string quoted(const std::vector<std::string>& texts) { return "\"" + text::join(texts, "\",\"") + "\""; }

// The searches of people with many runs, one after the other, each going on to further pages.
class ManyRunsStage final : public Stage {
 public:
  explicit ManyRunsStage(TrackingServer& server) : client_(connect(server.url())), runs_(import_many_runs(client_)) {
    const auto add = [&](std::string experiments, std::string filter, std::string order) {
      bodies_.push_back(text::format(R"("experiment_ids":[{}],"filter":"{}","order_by":[{}],"max_results":100)",
                                     experiments, filter, order.empty() ? "" : "\"" + order + "\""));
    };
    const auto one = quoted({runs_.experiment});
    const auto some = quoted(runs_.smaller);
    add(one, "metrics.auc > 0.9", "metrics.auc DESC");
    add(one, "metrics.auc > 0.9 AND params.model = 'xgb'", "metrics.auc DESC");
    add(one, "metrics.auc > 0.9 AND tags.team = 'team 7'", "metrics.auc DESC");
    add(one, "metrics.loss < 0.5 AND metrics.epochs = 3", "metrics.loss ASC");
    add(one, "metrics.auc > 0.9", "metrics.loss ASC");
    add(one, "metrics.auc > 0.9999", "");
    add(one, "metrics.auc > 0.99", "attributes.start_time DESC");
    add(one, "metrics.auc > 0.1", "");
    add(one, "metrics.epochs >= 0", "metrics.epochs DESC");
    add(one, "params.model = 'net'", "metrics.epochs ASC");
    add(one, "tags.job = 'job 500000'", "metrics.auc DESC");
    add(some, "metrics.auc > 0.9", "metrics.auc DESC");
    add(some, "metrics.auc > 0.9 AND params.depth = '5'", "");
  }

  std::vector<double> measure() override {
    Traffic all;
    for (const auto& body : bodies_) {
      std::string token;
      for (int page = 0; page < kPages; ++page) {
        const auto before = std::chrono::steady_clock::now();
        const auto answer =
            ask(client_, post("/runs/search", text::format(R"({{{},"page_token":"{}"}})", body, token)));
        const std::chrono::duration<double, std::milli> took = std::chrono::steady_clock::now() - before;
        all.latencies_ms.push_back(took.count());
        progress(text::format("{:6.1f} ms  page {} of {}", took.count(), page + 1, body));
        token = need(json::parse(answer)).text_or("next_page_token");
        if (token.empty()) break;
      }
    }
    std::ranges::sort(all.latencies_ms);
    return {all.percentile(0.95)};
  }

 private:
  static constexpr int kPages = 5;
  http::Client client_;
  ManyRuns runs_;
  std::vector<std::string> bodies_;
};

std::unique_ptr<Stage> many_runs(TrackingServer& server) { return std::make_unique<ManyRunsStage>(server); }

std::unique_ptr<Stage> idle_memory(TrackingServer& server) {
  return stage([&server]() -> std::vector<double> { return {server.resident_mb()}; });
}

std::unique_ptr<Stage> loaded(TrackingServer& server) {
  auto client = connect(server.url());
  const auto experiment = new_experiment(client, "ten million points");
  for (int i = 0; i < kLoadedRuns; ++i) log_points(client, new_run(client, experiment), kLongHistory);
  return stage([&server]() -> std::vector<double> {
    return {server.resident_mb(), server.disk_bytes() / (kLoadedRuns * static_cast<double>(kLongHistory))};
  });
}

}  // namespace

std::vector<Row> table_rows() {
  const std::string too_long = "it would take hours to store them";
  return {
      {"idle", {{"memory, idle", "MB", 40}}, 1, "", idle_memory},
      {"log-metric",
       {{"log-metric, 8 connections", "/s", 10'000, true}, {"log-metric, 8 connections, p99", "ms", 10}},
       5,
       "",
       log_metric},
      {"log-batch", {{"log-batch of 1000, 1 connection", "points/s", 500'000, true}}, 5, "", log_batch},
      {"search", {{"runs/search, 100 runs x 20 metrics x 10 params, p50", "ms", 2}}, 5, "", search},
      {"many-runs", {{"runs/search, metric filter and order, 1 M runs, p95", "ms", 50}}, 5, too_long, many_runs},
      {"history", {{"history of 10,000 points, p50", "ms", 5}}, 5, "", history},
      {"interval", {{"bulk interval, 320 of 1 M points (MLflow: of 10,000), p50", "ms", 3}}, 5, "", interval},
      {"loaded",
       {{"memory with 10 M points", "MB", 150}, {"disk with 10 M points, its log included", "bytes/point", 12}},
       1,
       too_long,
       loaded},
  };
}

}  // namespace fettle::bench
