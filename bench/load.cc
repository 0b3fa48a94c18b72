#include "load.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string_view>

#include "base/text.h"

namespace fettle::bench {
namespace {

using Clock = std::chrono::steady_clock;
using Us = std::chrono::duration<double, std::micro>;

constexpr int kStartTries = 20'000;  // half a millisecond apart

[[noreturn]] void stop(const char* what) {
  std::perror(what);
  std::exit(1);
}

int connect_to(std::uint16_t port) {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    ::close(fd);
    return -1;
  }
  const int on = 1;
  ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  return fd;
}

struct Connection {
  int fd = -1;
  std::string answer;
  Clock::time_point sent;

  void send(const std::string& request) {
    answer.clear();
    sent = Clock::now();
    std::string_view left = request;
    while (!left.empty()) {
      const auto wrote = ::send(fd, left.data(), left.size(), MSG_NOSIGNAL);
      if (wrote < 0) stop("serving_bench: send");
      left.remove_prefix(static_cast<std::size_t>(wrote));
    }
  }
  // Reads what is there; true once the answer is whole.
  bool receive() {
    std::array<char, 65'536> piece;
    const auto got = ::recv(fd, piece.data(), piece.size(), 0);
    if (got <= 0) stop("serving_bench: the server closed a connection");
    answer.append(piece.data(), static_cast<std::size_t>(got));
    const auto end = answer.find("\r\n\r\n");
    if (end == std::string::npos) return false;
    constexpr std::string_view kLength = "Content-Length: ";
    const auto at = answer.find(kLength);
    if (at > end) stop("serving_bench: an answer without a length");
    return answer.size() >= end + 4 + std::strtoul(answer.c_str() + at + kLength.size(), nullptr, 10);
  }
  [[nodiscard]] bool is_ok() const { return answer.starts_with("HTTP/1.1 200"); }
};

std::vector<Connection> open_connections(std::uint16_t port, int count, int poller) {
  std::vector<Connection> out(static_cast<std::size_t>(count));
  for (std::size_t i = 0; i < out.size(); ++i) {
    out[i].fd = connect_to(port);
    if (out[i].fd < 0) stop("serving_bench: connect");
    epoll_event interest{.events = EPOLLIN, .data = {.u64 = i}};
    ::epoll_ctl(poller, EPOLL_CTL_ADD, out[i].fd, &interest);
  }
  return out;
}

double percentile(std::vector<double>& values, double share) {
  const auto at = static_cast<std::ptrdiff_t>(share * static_cast<double>(values.size() - 1));
  std::ranges::nth_element(values, values.begin() + at);
  return values[static_cast<std::size_t>(at)];
}

}  // namespace

Load run_load(std::uint16_t port, const std::string& request, int connections, double seconds) {
  const int poller = ::epoll_create1(EPOLL_CLOEXEC);
  auto all = open_connections(port, connections, poller);
  const auto begin = Clock::now();
  const auto end = begin + std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(seconds));
  for (auto& connection : all) connection.send(request);
  Load load;
  std::vector<double> latencies;
  std::array<epoll_event, 64> ready{};
  for (auto now = begin; now < end;) {
    const int count = ::epoll_wait(poller, ready.data(), static_cast<int>(ready.size()), 1000);
    for (int i = 0; i < count; ++i) {
      auto& connection = all[ready[static_cast<std::size_t>(i)].data.u64];
      if (!connection.receive()) continue;
      load.failed += connection.is_ok() ? 0 : 1;
      latencies.push_back(Us(Clock::now() - connection.sent).count());
      connection.send(request);
    }
    now = Clock::now();
  }
  load.requests_per_second =
      static_cast<double>(latencies.size()) / std::chrono::duration<double>(Clock::now() - begin).count();
  load.p50_us = percentile(latencies, 0.5);
  load.p99_us = percentile(latencies, 0.99);
  for (const auto& connection : all) ::close(connection.fd);
  ::close(poller);
  return load;
}

std::string post(const std::string& target, const std::string& body, const std::string& headers) {
  return text::format(
      "POST {} HTTP/1.1\r\nHost: bench\r\nContent-Type: application/json\r\n{}Content-Length: {}\r\n\r\n{}", target,
      headers, body.size(), body);
}

Program::Program(std::vector<std::string> argv, std::uint16_t port) {
  std::vector<char*> pointers;
  for (auto& argument : argv) pointers.push_back(argument.data());
  pointers.push_back(nullptr);
  const auto begin = Clock::now();
  if (::posix_spawnp(&pid_, argv.front().c_str(), nullptr, nullptr, pointers.data(), environ) != 0)
    stop(("serving_bench: cannot start " + argv.front()).c_str());
  for (int i = 0; i < kStartTries; ++i) {
    Connection connection{.fd = connect_to(port)};
    if (connection.fd >= 0) {
      connection.send("GET /health HTTP/1.1\r\nHost: bench\r\nConnection: close\r\n\r\n");
      while (!connection.receive()) continue;
      ::close(connection.fd);
      if (connection.is_ok()) break;
    }
    ::usleep(500);
  }
  start_ms_ = Us(Clock::now() - begin).count() / 1000;
}

Program::~Program() {
  ::kill(pid_, SIGTERM);
  ::waitpid(pid_, nullptr, 0);
}

double Program::resident_mb() const {
  const std::unique_ptr<FILE, int (*)(FILE*)> file(std::fopen(text::format("/proc/{}/statm", pid_).c_str(), "r"),
                                                   std::fclose);
  unsigned long total = 0;
  unsigned long resident = 0;
  if (!file || std::fscanf(file.get(), "%lu %lu", &total, &resident) != 2) stop("serving_bench: /proc");
  return static_cast<double>(resident) * static_cast<double>(::sysconf(_SC_PAGESIZE)) / 1e6;
}

std::uint16_t free_port() {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  if (::bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
      ::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size) != 0)
    stop("serving_bench: bind");
  ::close(fd);
  return ntohs(address.sin_port);
}

double median(std::vector<double> values) { return percentile(values, 0.5); }

}  // namespace fettle::bench
