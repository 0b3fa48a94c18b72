// The tracking API under load: `fettle server` beside `mlflow server` (SQLite, its default four workers) in one run.
//
// Both get the same requests from the same blocking clients; each measure runs on one, then on the other. Every write
// is durable when answered. Give --no-peer to leave MLflow out.
#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cmath>
#include <csignal>
#include <cstdio>
#include <functional>
#include <numeric>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "base/rng.h"
#include "base/text.h"
#include "http/client.h"
#include "json/value.h"
#include "load.h"
#include "os/file.h"

namespace {

using namespace fettle;
using Clock = std::chrono::steady_clock;

constexpr double kSeconds = 2;
constexpr int kPeerTries = 6000;
constexpr int kRuns = 200;
constexpr int kPoints = 10'000;
constexpr int kManyPoints = 1'000'000;  // of one series
constexpr int kSeries = 9;              // further ones of that length, for the memory with 10 M points

template <typename T>
T need(Result<T> result) {
  if (!result) throw std::runtime_error(result.error().message);  // so that the programs under load are ended
  if constexpr (!std::is_void_v<T>) return *std::move(result);
}

struct Call {
  http::Method method = http::Method::Post;
  std::string path;  // below /api/2.0/mlflow
  std::string body;
};

std::string ask(http::Client& client, const Call& call) {
  auto answer = need(client.send(call.method, "/api/2.0/mlflow" + call.path, call.body));
  if (answer.status != 200) need(Result<void>(fail(Code::Internal, call.path + ": " + answer.body)));
  return std::move(answer.body);
}

// A noisy curve that falls, a point every 50 ms or so.
std::string points(const std::string& run, std::int64_t first, int count, int keys) {
  Rng rng(static_cast<std::uint64_t>(first));
  std::string out;
  for (std::int64_t i = 0; i < count; ++i) {
    const double value = 0.3 + 2 * std::exp(-static_cast<double>(first + i) / 1e5) + 0.02 * rng.normal();
    const auto time = 1'700'000'000'000 + 50 * (first + i) + static_cast<std::int64_t>(rng.below(20));
    out += text::format(R"({}{{"key":"m{}","value":{},"timestamp":{},"step":{}}})", i > 0 ? "," : "", i % keys, value,
                        time, first + i);
  }
  return text::format(R"({{"run_id":"{}","metrics":[{}]}})", run, out);
}

struct World {  // What the measures read and write.
  std::string url, run, long_run;
  std::string longest_run;  // 1 M points, of Fettle's only: MLflow would take minutes
};

std::string new_run(http::Client& client, int number) {
  const auto answer = ask(client, {http::Method::Post, "/runs/create",
                                   text::format(R"({{"experiment_id":"0","start_time":{}}})", 1000 + number)});
  return need(json::parse(answer)).find("run")->find("info")->text_or("run_id");
}

void log_points(http::Client& client, const std::string& run, int count) {
  for (int i = 0; i < count; i += 1000) ask(client, {http::Method::Post, "/runs/log-batch", points(run, i, 1000, 1)});
}

std::string make_longest_run(const std::string& url) {
  auto client = need(http::Client::create(url, {.timeout_ms = 120'000}));
  auto run = new_run(client, kRuns + 1);
  log_points(client, run, kManyPoints);
  return run;
}

World make_world(const std::string& url) {
  auto client = need(http::Client::create(url, {.timeout_ms = 120'000}));
  World world{url, "", "", ""};
  for (int r = 0; r < kRuns; ++r) {
    world.run = new_run(client, r);
    std::string params;
    for (int p = 0; p < 10; ++p)
      params += text::format(R"({}{{"key":"p{}","value":"{}"}})", p > 0 ? "," : "", p, (r + p) % 7);
    auto body = points(world.run, r, 20, 20);
    body.insert(body.size() - 1, text::format(R"(,"params":[{}])", params));
    ask(client, {http::Method::Post, "/runs/log-batch", body});
  }
  world.long_run = new_run(client, kRuns);
  log_points(client, world.long_run, kPoints);
  world.longest_run = world.long_run;
  return world;
}

// One thread a connection, each waiting for its answer before it asks again.
bench::Load run(const std::string& url, int connections, const std::function<Call(std::int64_t)>& next) {
  std::atomic<std::int64_t> count = 0;
  std::atomic<std::uint64_t> failed = 0;
  std::vector<std::vector<double>> times(static_cast<std::size_t>(connections));
  const auto start = Clock::now();
  {
    std::vector<std::jthread> threads;
    for (auto& mine : times)
      threads.emplace_back([&] {
        auto client = need(http::Client::create(url, {.timeout_ms = 120'000}));
        while (Clock::now() - start < std::chrono::duration<double>(kSeconds)) {
          const auto call = next(count++);
          const auto before = Clock::now();
          try {
            ask(client, call);
          } catch (const std::runtime_error&) {
            ++failed;
            continue;
          }
          mine.push_back(std::chrono::duration<double, std::micro>(Clock::now() - before).count());
        }
      });
  }
  std::vector<double> all;
  for (const auto& mine : times) all.insert(all.end(), mine.begin(), mine.end());
  std::ranges::sort(all);
  if (all.empty()) throw std::runtime_error("no request was answered");
  const double waited_s =
      std::accumulate(all.begin(), all.end(), 0.0) / 1e6;  // making requests is not the server's time
  return {static_cast<double>(all.size()) * connections / waited_s, all[all.size() / 2], all[all.size() * 99 / 100],
          failed};
}

// `mlflow server`, a child that is ended by its id. Its /health has no length, so the load generator cannot read it.
class Peer {
 public:
  Peer(const std::string& folder, std::uint16_t port) {
    std::vector<std::string> argv{"mlflow",
                                  "server",
                                  "--port",
                                  std::to_string(port),
                                  "--backend-store-uri",
                                  "sqlite:///" + folder + "/mlflow.db",
                                  "--artifacts-destination",
                                  folder + "/mlflow"};
    std::vector<char*> pointers;
    for (auto& argument : argv) pointers.push_back(argument.data());
    pointers.push_back(nullptr);
    const auto begin = Clock::now();
    posix_spawn_file_actions_t quiet;  // it writes a line a request
    ::posix_spawn_file_actions_init(&quiet);
    ::posix_spawn_file_actions_addopen(&quiet, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
    ::posix_spawn_file_actions_addopen(&quiet, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
    if (::posix_spawnp(&pid_, "mlflow", &quiet, nullptr, pointers.data(), environ) != 0)
      throw std::runtime_error("cannot start mlflow");
    auto client = need(http::Client::create(text::format("http://127.0.0.1:{}", port)));
    for (int i = 0; i < kPeerTries; ++i) {
      if (const auto answer = client.send(http::Method::Get, "/health"); answer && answer->status == 200) break;
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
    start_ms_ = std::chrono::duration<double, std::milli>(Clock::now() - begin).count();
  }
  ~Peer() {
    ::kill(pid_, SIGTERM);
    ::waitpid(pid_, nullptr, 0);
  }
  Peer(const Peer&) = delete;
  Peer& operator=(const Peer&) = delete;
  [[nodiscard]] double start_ms() const noexcept { return start_ms_; }

 private:
  pid_t pid_ = 0;
  double start_ms_ = 0;
};

struct Measure {
  std::string name;
  int connections = 1;
  std::function<Call(const World&, std::int64_t)> next;
};

Call get(std::string path) { return {http::Method::Get, std::move(path), ""}; }

std::vector<Measure> measures() {
  const auto batch = [](int size) {
    return [size](const World& world, std::int64_t i) {
      return Call{http::Method::Post, "/runs/log-batch", points(world.run, 1'000'000 + i * size, size, 10)};
    };
  };
  const auto metric = [](const World& world, std::int64_t i) {
    return Call{http::Method::Post, "/runs/log-metric",
                text::format(R"({{"run_id":"{}","key":"x","value":0.5,"timestamp":{},"step":{}}})", world.run, i, i)};
  };
  const auto search = [](std::string body) {
    return [body](const World&, std::int64_t) { return Call{http::Method::Post, "/runs/search", body}; };
  };
  return {
      {"log_metric_1", 1, metric},
      {"log_metric_8", 8, metric},
      {"log_batch_10_8", 8, batch(10)},
      {"log_batch_1000_1", 1, batch(1000)},
      {"runs_get", 4, [](const World& world, std::int64_t) { return get("/runs/get?run_id=" + world.run); }},
      {"search_100_runs", 2, search(R"({"experiment_ids":["0"],"max_results":100})")},
      {"search_filter_order", 2,
       search(R"({"experiment_ids":["0"],"filter":"metrics.m3 > 1 AND params.p1 = '3'",)"
              R"("order_by":["metrics.m5 DESC"],"max_results":500})")},
      {"history_10k", 1,
       [](const World& world, std::int64_t) {
         return get(text::format("/metrics/get-history?run_id={}&metric_key=m0&max_results=25000", world.long_run));
       }},
      {"sample_320_of_10k", 2,
       [](const World& world, std::int64_t) {
         return get(text::format("/metrics/get-history-bulk-interval?run_ids={}&metric_key=m0&max_results=320",
                                 world.long_run));
       }},
      {"sample_320_of_1m", 1,  // MLflow: of its 10 k
       [](const World& world, std::int64_t) {
         return get(text::format("/metrics/get-history-bulk-interval?run_ids={}&metric_key=m0&max_results=320",
                                 world.longest_run));
       }},
      {"experiments_search", 4, [](const World&, std::int64_t) { return get("/experiments/search?max_results=100"); }}};
}

void print(bool json, const std::string& name, const bench::Load& ours, const std::optional<bench::Load>& peer) {
  const double theirs = peer ? peer->requests_per_second : 0;
  const auto* const form =
      json ? "{\"measure\": \"tracking_%s\", \"requests_per_s\": %.0f, \"p50_us\": %.0f, \"p99_us\": %.0f, "
             "\"mlflow_per_s\": %.1f, \"ratio\": %.1f}\n"
           : "%-20s %8.0f requests/s  p50 %7.0f us  p99 %7.0f us   mlflow %7.1f/s   %6.1f times it\n";
  std::printf(form, name.c_str(), ours.requests_per_second, ours.p50_us, ours.p99_us, theirs,
              theirs > 0 ? ours.requests_per_second / theirs : 0);
  std::fflush(stdout);
}

std::string url_of(std::uint16_t port) { return text::format("http://127.0.0.1:{}", port); }

void run_all(const std::vector<std::string_view>& flags) {
  const bool json = std::ranges::contains(flags, "--json");
  const auto temp = need(os::TempFolder::create());
  const auto& folder = temp.path();
  const auto port = bench::free_port();
  const bench::Program fettle({"fettle", "server", "--data", folder + "/fettle", "--control",
                               text::format("127.0.0.1:{}", port), "--predict", "127.0.0.1:0", "--grpc", "127.0.0.1:0"},
                              port);
  auto ours = make_world(url_of(port));
  ours.longest_run = make_longest_run(ours.url);
  std::optional<Peer> mlflow;
  std::optional<World> theirs;
  if (!std::ranges::contains(flags, "--no-peer")) {
    const auto peer_port = bench::free_port();
    mlflow.emplace(folder, peer_port);
    theirs = make_world(url_of(peer_port));
    std::printf(json ? "{\"measure\": \"tracking_start\", \"ms\": %.0f, \"mlflow_ms\": %.0f}\n"
                     : "start to first answer %.0f ms   mlflow %.0f ms\n",
                fettle.start_ms(), mlflow->start_ms());
  }
  for (const auto& measure : measures()) {
    const auto load = run(ours.url, measure.connections, [&](std::int64_t i) { return measure.next(ours, i); });
    std::optional<bench::Load> peer;
    if (theirs) peer = run(theirs->url, measure.connections, [&](std::int64_t i) { return measure.next(*theirs, i); });
    print(json, measure.name, load, peer);
  }
  std::printf(json ? "{\"measure\": \"tracking_memory\", \"resident_mb\": %.1f}\n" : "memory after it: %.1f MB\n",
              fettle.resident_mb());
  for (int i = 0; i < kSeries; ++i) make_longest_run(ours.url);
  std::printf(json ? "{\"measure\": \"tracking_memory_10m\", \"resident_mb\": %.1f}\n" : "with 10 M points: %.1f MB\n",
              fettle.resident_mb());
}

}  // namespace

int main(int argc, char** argv) {
  try {
    run_all({argv + 1, argv + argc});
    return 0;
  } catch (const std::runtime_error& error) {
    std::fprintf(stderr, "tracking_bench: %s\n", error.what());
    return 1;
  }
}
