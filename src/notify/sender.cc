#include "notify/sender.h"

#include <algorithm>
#include <chrono>
#include <thread>
#include <vector>

#include "base/log.h"
#include "base/text.h"

namespace fettle::notify {
namespace {

constexpr int kThreads = 4;
constexpr std::int64_t kLookMs = 60'000;  // at least that often, whatever the wall clock did
constexpr std::int64_t kRestMs = 5'000;   // after the store failed
constexpr std::int64_t kPruneMs = 3'600'000;

constexpr std::int64_t kNsPerMs = 1'000'000;
constexpr int kBadRequest = 400;

}  // namespace

struct Sender::Threads {
  std::vector<std::jthread> threads;
};

Sender::Sender(const Webhooks& webhooks, Outbox& outbox, const Clock& clock)
    : webhooks_(webhooks), outbox_(outbox), clock_(clock), threads_(std::make_unique<Threads>()) {
  for (int i = 0; i < kThreads; ++i) threads_->threads.emplace_back([this] { loop(); });
}

Sender::~Sender() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  bell_.notify_all();
}

void Sender::ring() {
  {
    const std::lock_guard lock(mutex_);
    ++rings_;
  }
  bell_.notify_one();
}

void Sender::loop() {
  while (const auto delivery = take()) deliver(*delivery);
}

std::optional<Delivery> Sender::take() {
  std::unique_lock lock(mutex_);
  while (!stopping_) {
    const auto seen = rings_;
    auto wait_ms = (rest_until_ns_ - clock_.monotonic_ns()) / kNsPerMs;
    if (wait_ms <= 0) {
      lock.unlock();
      auto claimed = claim(wait_ms);
      lock.lock();
      if (claimed) {
        ++rings_;  // somebody else looks what is next, and when, while this thread is away
        bell_.notify_one();
        return claimed;
      }
    }
    bell_.wait_for(lock, std::chrono::milliseconds(wait_ms), [&] { return stopping_ || rings_ != seen; });
  }
  return std::nullopt;
}

std::optional<Delivery> Sender::claim(std::int64_t& wait_ms) {
  const std::lock_guard claiming(claiming_);
  prune_sometimes();
  // Copied before the outbox is read: of a webhook that is freed meanwhile the read may not show what came of its try.
  auto next = outbox_.next(busy_now());
  wait_ms = next ? kLookMs : kRestMs;
  if (next && next->due_ms) wait_ms = std::clamp<std::int64_t>(*next->due_ms - clock_.now_ms(), 1, kLookMs);
  if (!next || !next->delivery) return std::nullopt;
  const std::lock_guard lock(mutex_);
  busy_.insert(next->delivery->webhook);
  return std::move(next->delivery);
}

std::set<std::string> Sender::busy_now() {
  const std::lock_guard lock(mutex_);
  return busy_;
}

void Sender::prune_sometimes() {
  if (clock_.now_ms() < prune_ms_) return;
  prune_ms_ = clock_.now_ms() + kPruneMs;
  if (const auto done = outbox_.prune(); !done)
    log::warn(text::format("old webhook deliveries stay for now: {}", done.error().message));
}

void Sender::deliver(const Delivery& delivery) {
  const auto webhook = webhooks_.get(delivery.webhook);
  if (!webhook) return give_back(delivery.webhook, webhook.error().code != Code::NotFound);
  const auto answer = post(webhooks_, {delivery.webhook, webhook->url, delivery.id, delivery.body}, clock_.now_ms());
  const auto outcome = outcome_of(delivery, answer);
  if (outcome.verdict == Verdict::Dead)
    log::warn(
        text::format("webhook '{}' did not get {} (delivery {}): {}; send it again with: fettle webhook redeliver {}",
                     webhook->name, delivery.event, delivery.id, outcome.detail, webhook->id));
  const auto recorded = outbox_.record(delivery, outcome);
  if (!recorded) log::warn(text::format("delivery {} will be sent twice: {}", delivery.id, recorded.error().message));
  give_back(delivery.webhook, !recorded);
}

void Sender::give_back(const std::string& webhook, bool failed) {
  const std::lock_guard lock(mutex_);
  busy_.erase(webhook);
  if (failed) rest_until_ns_ = clock_.monotonic_ns() + kRestMs * kNsPerMs;
}

Outcome Sender::outcome_of(const Delivery& delivery, const Answer& answer) {
  Try attempt{delivery.tries + 1, answer.status, answer.forbidden, answer.retry_after_ms, 0};
  {
    const std::lock_guard lock(mutex_);
    attempt.luck = rng_.uniform();
  }
  const auto decision = decide(attempt);
  Outcome out{decision.verdict, clock_.now_ms() + decision.wait_ms, answer.status.value_or(0), answer.error};
  if (answer.status && decision.verdict != Verdict::Delivered) {
    const bool redirect = *answer.status >= 300 && *answer.status < kBadRequest;
    out.detail = text::format("the receiver answered {}{}{}", *answer.status,
                              redirect ? "; redirects are not followed, give the webhook its final URL" : "",
                              answer.body.empty() ? "" : ": " + answer.body);
  }
  return out;
}

TestResult send_test(const Webhooks& webhooks, const Webhook& webhook, Event event, const Clock& clock) {
  const auto now = clock.now_ms();
  TestResult out;
  out.answer =
      post(webhooks, {webhook.id, webhook.url, "test-" + random_id(), body_of(event, example(event), now)}, now);
  out.success = out.answer.status && *out.answer.status < 300 && *out.answer.status >= 200;
  return out;
}

}  // namespace fettle::notify
