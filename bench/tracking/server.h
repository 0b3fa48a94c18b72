// A tracking server under load, a child of the bench that is ended by its id: Fettle's or MLflow's.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <vector>

namespace fettle::bench {

class TrackingServer {
 public:
  // Both keep everything in `folder`, which must be empty; they are ready when this returns. MLflow runs as it does by
  // default: SQLite, four workers.
  [[nodiscard]] static TrackingServer fettle(const std::string& folder);
  [[nodiscard]] static TrackingServer mlflow(const std::string& folder);
  ~TrackingServer();
  TrackingServer(TrackingServer&& other) noexcept;
  TrackingServer& operator=(TrackingServer&&) = delete;

  [[nodiscard]] const std::string& url() const noexcept { return url_; }
  [[nodiscard]] bool is_peer() const noexcept { return is_peer_; }
  [[nodiscard]] double resident_mb() const;  // of it and all its children
  [[nodiscard]] double disk_bytes() const;   // of all files in its folder

 private:
  TrackingServer(std::vector<std::string> argv, std::string url, std::string folder, bool is_peer);

  std::string url_, folder_;
  bool is_peer_;
  pid_t pid_ = 0;
};

}  // namespace fettle::bench
