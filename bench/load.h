// A load generator for HTTP on loopback, and programs to load: one thread, many keep-alive connections, one request in
// flight on each.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <vector>

namespace fettle::bench {

struct Load {
  double requests_per_second = 0;
  double p50_us = 0, p99_us = 0;
  std::uint64_t failed = 0;  // answers that are not 200
};
// Sends `request` (a whole HTTP request) over `connections` connections for `seconds`.
[[nodiscard]] Load run_load(std::uint16_t port, const std::string& request, int connections, double seconds);

// "POST target" with a body, ready to send.
[[nodiscard]] std::string post(const std::string& target, const std::string& body, const std::string& headers = "");

class Program {  // A child that listens on `port`; ended by its id.
 public:
  Program(std::vector<std::string> argv, std::uint16_t port);
  ~Program();
  Program(const Program&) = delete;
  Program& operator=(const Program&) = delete;
  [[nodiscard]] double start_ms() const noexcept { return start_ms_; }  // until GET /health answered 200
  [[nodiscard]] double resident_mb() const;

 private:
  pid_t pid_ = 0;
  double start_ms_ = 0;
};

[[nodiscard]] std::uint16_t free_port();
[[nodiscard]] double median(std::vector<double> values);

}  // namespace fettle::bench
