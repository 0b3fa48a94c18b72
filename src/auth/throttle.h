// How long a failed login must wait before the next try: longer with each failure, forgotten after a while.
//
// Counted by user and address together, by user, and by address. Only the pair is made to wait long, so that who shares
// an address with an attacker, or has an attacked name, waits little. Memory is bounded: the entries that failed
// longest ago give way. Thread-safe; no clock of its own.
#pragma once

#include <cstdint>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>

namespace fettle::auth {

class Throttle {
 public:
  explicit Throttle(std::size_t most_entries = 10'000) : most_entries_(most_entries) {}
  // 0: try now.
  [[nodiscard]] std::int64_t wait_ms(std::string_view user, std::string_view address, std::int64_t now_ms) const;
  void failed(std::string_view user, std::string_view address, std::int64_t now_ms);
  void succeeded(std::string_view user, std::string_view address);  // forgets the pair and the user
  [[nodiscard]] std::size_t entries() const;

 private:
  struct Failures {
    int count = 0;
    std::int64_t last_ms = 0;
    std::int64_t until_ms = 0;
  };
  void count(std::string key, int free, std::int64_t longest_ms, std::int64_t now_ms);
  [[nodiscard]] std::int64_t until(const std::string& key) const;
  void make_room(std::int64_t now_ms);

  std::size_t most_entries_;
  mutable std::mutex mutex_;
  std::unordered_map<std::string, Failures> failures_;
};

}  // namespace fettle::auth
