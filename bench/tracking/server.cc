#include "tracking/server.h"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <map>
#include <stdexcept>
#include <thread>
#include <utility>

#include "base/text.h"
#include "http/client.h"
#include "load.h"

namespace fettle::bench {
namespace {

constexpr int kTries = 6000;  // 20 ms apart: MLflow takes half a minute to start

std::string url_of(std::uint16_t port) { return text::format("http://127.0.0.1:{}", port); }

void wait_until_ready(const std::string& url) {
  auto client = http::Client::create(url);
  for (int i = 0; client && i < kTries; ++i) {
    if (const auto answer = client->send(http::Method::Get, "/health"); answer && answer->status == 200) return;
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  throw std::runtime_error("no server became ready at " + url);
}

struct Process {
  pid_t parent = 0;
  double resident_mb = 0;
};

// All processes that can be read, by id.
std::map<pid_t, Process> processes() {
  std::map<pid_t, Process> out;
  for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
    const auto id = text::parse_int(entry.path().filename().string());
    if (!id) continue;
    Process process;
    std::ifstream status(entry.path() / "status");
    for (std::string word; status >> word;) {
      if (word == "PPid:") status >> process.parent;
      if (word == "VmRSS:" && status >> process.resident_mb) process.resident_mb *= 1024 / 1e6;
    }
    out.emplace(static_cast<pid_t>(*id), process);
  }
  return out;
}

}  // namespace

TrackingServer TrackingServer::fettle(const std::string& folder) {
  const auto port = free_port();
  return {{"fettle", "server", "--data", folder, "--control", text::format("127.0.0.1:{}", port), "--predict",
           "127.0.0.1:0", "--grpc", "127.0.0.1:0"},
          url_of(port),
          folder,
          false};
}

TrackingServer TrackingServer::mlflow(const std::string& folder) {
  const auto port = free_port();
  return {{"mlflow", "server", "--port", std::to_string(port), "--backend-store-uri",
           text::format("sqlite:///{}/mlflow.db", folder), "--artifacts-destination", folder + "/artifacts"},
          url_of(port),
          folder,
          true};
}

TrackingServer::TrackingServer(std::vector<std::string> argv, std::string url, std::string folder, bool is_peer)
    : url_(std::move(url)), folder_(std::move(folder)), is_peer_(is_peer) {
  std::vector<char*> pointers;
  for (auto& argument : argv) pointers.push_back(argument.data());
  pointers.push_back(nullptr);
  posix_spawn_file_actions_t quiet;  // MLflow writes a line a request
  ::posix_spawn_file_actions_init(&quiet);
  ::posix_spawn_file_actions_addopen(&quiet, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
  ::posix_spawn_file_actions_addopen(&quiet, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
  const int failed = ::posix_spawnp(&pid_, pointers[0], &quiet, nullptr, pointers.data(), environ);
  ::posix_spawn_file_actions_destroy(&quiet);
  if (failed != 0) throw std::runtime_error(text::format("cannot start {}", argv[0]));
  wait_until_ready(url_);
}

TrackingServer::TrackingServer(TrackingServer&& other) noexcept
    : url_(std::move(other.url_)),
      folder_(std::move(other.folder_)),
      is_peer_(other.is_peer_),
      pid_(std::exchange(other.pid_, 0)) {}

TrackingServer::~TrackingServer() {
  if (pid_ == 0) return;
  ::kill(pid_, SIGTERM);
  ::waitpid(pid_, nullptr, 0);
}

double TrackingServer::resident_mb() const {
  const auto all = processes();
  double out = 0;
  for (const auto& [id, process] : all) {
    auto ancestor = id;
    while (ancestor != pid_ && all.contains(ancestor)) ancestor = all.at(ancestor).parent;
    if (ancestor == pid_) out += process.resident_mb;
  }
  return out;
}

double TrackingServer::disk_bytes() const {
  double out = 0;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder_))
    if (entry.is_regular_file()) out += static_cast<double>(entry.file_size());
  return out;
}

}  // namespace fettle::bench
