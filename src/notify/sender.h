// The threads that tell webhooks what is in the outbox.
//
// Each thread takes the next delivery whose turn it is, of a webhook that no other thread is busy with; sends it;
// records what came of it. A crash between sending and recording sends it again, with the same id. So a slow receiver
// holds up nobody but itself, as long as there are more threads than slow receivers.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>

#include "base/clock.h"
#include "base/rng.h"
#include "notify/outbox.h"
#include "notify/post.h"
#include "notify/webhooks.h"

namespace fettle::notify {

class Sender {
 public:
  Sender(const Webhooks& webhooks, Outbox& outbox, const Clock& clock);
  ~Sender();  // waits for requests under way, which have a time limit
  // Something may have been published or changed: look again. Call after the commit. Does not block.
  void ring();

 private:
  void loop();
  [[nodiscard]] std::optional<Delivery> take();  // waits for one; nullopt: stop
  // The next delivery, its webhook busy from now on; else when to look again.
  [[nodiscard]] std::optional<Delivery> claim(std::int64_t& wait_ms);
  void deliver(const Delivery& delivery);
  void give_back(const std::string& webhook, bool failed);
  [[nodiscard]] std::set<std::string> busy_now();
  void prune_sometimes();  // while claiming
  [[nodiscard]] Outcome outcome_of(const Delivery& delivery, const Answer& answer);

  const Webhooks& webhooks_;
  Outbox& outbox_;
  const Clock& clock_;
  std::mutex claiming_;        // held over SQL: one thread looks at a time. Taken before mutex_
  std::int64_t prune_ms_ = 0;  // when next

  std::mutex mutex_;  // of what follows, never held over SQL
  std::condition_variable bell_;
  std::set<std::string> busy_;
  std::uint64_t rings_ = 0;
  std::int64_t rest_until_ns_ = 0;  // the store failed a moment ago
  bool stopping_ = false;
  Rng rng_ = Rng::from_entropy();
  struct Threads;  // keeps <thread> out of the header
  std::unique_ptr<Threads> threads_;
};

struct TestResult {
  bool success = false;
  Answer answer;
};
// Sends an example of the event to the webhook, once, now.
[[nodiscard]] TestResult send_test(const Webhooks& webhooks, const Webhook& webhook, Event event, const Clock& clock);

}  // namespace fettle::notify
