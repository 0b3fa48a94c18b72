#include "auth/throttle.h"

#include <algorithm>
#include <vector>

namespace fettle::auth {
namespace {

constexpr std::int64_t kForgottenMs = 15 * 60'000;
constexpr std::int64_t kFirstWaitMs = 500;
constexpr int kMostDoublings = 20;

// What is counted, how many failures are free, and the longest wait.
constexpr int kFreeOfPair = 5, kFreeOfUser = 20, kFreeOfAddress = 50;
constexpr std::int64_t kLongestOfPairMs = 5 * 60'000, kLongestOfUserMs = 5'000, kLongestOfAddressMs = 5'000;

std::string pair_key(std::string_view user, std::string_view address) {
  return std::string("b") + std::string(address) + '\n' + std::string(user);
}
std::string user_key(std::string_view user) { return std::string("u") + std::string(user); }
std::string address_key(std::string_view address) { return std::string("a") + std::string(address); }

}  // namespace

std::int64_t Throttle::until(const std::string& key) const {
  const auto found = failures_.find(key);
  return found == failures_.end() ? 0 : found->second.until_ms;
}

std::int64_t Throttle::wait_ms(std::string_view user, std::string_view address, std::int64_t now_ms) const {
  const std::lock_guard lock(mutex_);
  if (failures_.empty()) return 0;
  const auto latest = std::max({until(pair_key(user, address)), until(user_key(user)), until(address_key(address))});
  return std::max<std::int64_t>(0, latest - now_ms);
}

void Throttle::failed(std::string_view user, std::string_view address, std::int64_t now_ms) {
  const std::lock_guard lock(mutex_);
  count(pair_key(user, address), kFreeOfPair, kLongestOfPairMs, now_ms);
  count(user_key(user), kFreeOfUser, kLongestOfUserMs, now_ms);
  count(address_key(address), kFreeOfAddress, kLongestOfAddressMs, now_ms);
}

void Throttle::succeeded(std::string_view user, std::string_view address) {
  const std::lock_guard lock(mutex_);
  failures_.erase(pair_key(user, address));
  failures_.erase(user_key(user));
}

std::size_t Throttle::entries() const {
  const std::lock_guard lock(mutex_);
  return failures_.size();
}

void Throttle::count(std::string key, int free, std::int64_t longest_ms, std::int64_t now_ms) {
  if (failures_.size() >= most_entries_ && !failures_.contains(key)) make_room(now_ms);
  auto& failures = failures_[std::move(key)];
  if (now_ms - failures.last_ms > kForgottenMs) failures = {};
  ++failures.count;
  failures.last_ms = now_ms;
  if (failures.count < free) return;
  const auto wait = kFirstWaitMs << std::min(failures.count - free + 1, kMostDoublings);
  failures.until_ms = now_ms + std::min(wait, longest_ms);
}

// Drops what is forgotten anyway, else the half that failed longest ago.
void Throttle::make_room(std::int64_t now_ms) {
  std::erase_if(failures_, [&](const auto& one) { return now_ms - one.second.last_ms > kForgottenMs; });
  if (failures_.size() < most_entries_) return;
  std::vector<std::int64_t> times;
  for (const auto& [key, failures] : failures_) times.push_back(failures.last_ms);
  const auto middle = times.begin() + static_cast<std::ptrdiff_t>(times.size() / 2);
  std::ranges::nth_element(times, middle);
  auto surplus = failures_.size() - most_entries_ / 2;
  std::erase_if(failures_, [&, oldest = *middle](const auto& one) {
    return one.second.last_ms <= oldest && surplus > 0 && surplus-- > 0;
  });
}

}  // namespace fettle::auth
