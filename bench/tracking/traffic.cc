#include "tracking/traffic.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <exception>
#include <mutex>
#include <numeric>
#include <thread>

#include "base/text.h"

namespace fettle::bench {
namespace {

using Clock = std::chrono::steady_clock;
using Seconds = std::chrono::duration<double>;

constexpr std::string_view kPrefix = "/api/2.0/mlflow";

}  // namespace

Call post(std::string_view below_mlflow, std::string body) {
  return {http::Method::Post, std::string(kPrefix).append(below_mlflow), std::move(body)};
}

Call get(std::string_view below_mlflow) { return {http::Method::Get, std::string(kPrefix).append(below_mlflow), ""}; }

http::Client connect(const std::string& url) { return need(http::Client::create(url, {.timeout_ms = 300'000})); }

std::string ask(http::Client& client, const Call& call) {
  auto answer = need(client.send(call.method, call.path, call.body));
  if (answer.status != 200)
    throw std::runtime_error(text::format("{} answered {}: {}", call.path, answer.status, answer.body.substr(0, 500)));
  return std::move(answer.body);
}

double Traffic::percentile(double share) const {
  return latencies_ms.at(static_cast<std::size_t>(share * static_cast<double>(latencies_ms.size() - 1)));
}

double Traffic::per_second_waited(int connections) const {
  const double waited_s = std::accumulate(latencies_ms.begin(), latencies_ms.end(), 0.0) / 1e3;
  return static_cast<double>(latencies_ms.size()) * connections / waited_s;
}

Traffic run_traffic(const std::string& url, int connections, double seconds,
                    const std::function<Call(std::int64_t)>& next) {
  std::atomic<std::int64_t> count = 0;
  std::vector<std::vector<double>> times(static_cast<std::size_t>(connections));
  std::mutex mutex;
  std::exception_ptr failed;
  const auto start = Clock::now();
  {
    std::vector<std::jthread> threads;
    for (auto& mine : times)
      threads.emplace_back([&] {
        try {
          auto client = connect(url);
          while (Clock::now() - start < Seconds(seconds)) {
            const auto call = next(count++);
            const auto before = Clock::now();
            ask(client, call);
            mine.push_back(Seconds(Clock::now() - before).count() * 1e3);
          }
        } catch (const std::runtime_error&) {
          const std::lock_guard lock(mutex);
          failed = std::current_exception();
        }
      });
  }
  if (failed) std::rethrow_exception(failed);
  Traffic out;
  out.seconds = Seconds(Clock::now() - start).count();
  for (const auto& mine : times) out.latencies_ms.insert(out.latencies_ms.end(), mine.begin(), mine.end());
  std::ranges::sort(out.latencies_ms);
  return out;
}

}  // namespace fettle::bench
