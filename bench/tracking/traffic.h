// Requests to a tracking server from blocking clients, each waiting for its answer before it asks again.
#pragma once

#include <cstdint>
#include <functional>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <vector>

#include "base/result.h"
#include "http/client.h"

namespace fettle::bench {

// What stands in `result`; throws std::runtime_error otherwise, so that the programs under load are ended.
template <typename T>
T need(Result<T> result) {
  if (!result) throw std::runtime_error(result.error().message);
  if constexpr (!std::is_void_v<T>) return *std::move(result);
}

struct Call {
  http::Method method = http::Method::Post;
  std::string path;  // "/api/2.0/mlflow/runs/search"
  std::string body;
};
[[nodiscard]] Call post(std::string_view below_mlflow, std::string body);
[[nodiscard]] Call get(std::string_view below_mlflow);

[[nodiscard]] http::Client connect(const std::string& url);
// The body of an answer of 200; throws otherwise.
std::string ask(http::Client& client, const Call& call);

struct Traffic {
  std::vector<double> latencies_ms;  // ascending
  double seconds = 0;

  [[nodiscard]] double percentile(double share) const;
  [[nodiscard]] double per_second() const { return static_cast<double>(latencies_ms.size()) / seconds; }
  // The rate if clients took no time to make their requests: for those whose bodies cost as much as the answers.
  [[nodiscard]] double per_second_waited(int connections) const;
};
// Calls `next`(0), `next`(1), ... over `connections` connections for `seconds`; from several threads.
[[nodiscard]] Traffic run_traffic(const std::string& url, int connections, double seconds,
                                  const std::function<Call(std::int64_t)>& next);

}  // namespace fettle::bench
