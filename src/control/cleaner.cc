#include "control/cleaner.h"

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <thread>

#include "base/log.h"
#include "base/text.h"

namespace fettle::control {
namespace {

constexpr std::int64_t kFirstMs = 600'000;

std::string in_words(const CleanupReport& report) {
  return text::format(
      "clean-up: {} runs, {} logged models, {} experiments and {} bundles removed for good, {} objects ({}); {} "
      "kept{}{}",
      report.runs, report.logged_models, report.experiments, report.bundles, report.objects,
      text::human_bytes(static_cast<std::uint64_t>(report.bytes)), report.kept,
      report.objects_stay.empty() ? "" : "; objects stay: ", report.objects_stay);
}

}  // namespace

struct Cleaner::Impl {
  Impl(CleanupParts its, CleanupSchedule when) : parts(std::move(its)), schedule(when) {
    next_ns = parts.clock.monotonic_ns() + std::min(schedule.every_ms, kFirstMs) * kNsInMs;
    thread = std::jthread([this] { loop(); });
  }
  ~Impl() {
    {
      const std::lock_guard lock(mutex);
      stopping = true;
    }
    wake.notify_all();
    thread.join();
  }

  void loop() {
    while (take()) {
      auto own = *report();
      const auto done = clean_up(parts, own, [this](const CleanupReport& now) { return publish(now); });
      own.finished_ms = parts.clock.now_ms();
      own.state = done ? "done" : "failed";
      if (!done) own.error = done.error().message;
      if (done)
        log::info(in_words(own));
      else
        log::warn(text::format("a clean-up has ended early; the next goes on: {}", own.error));
      const std::lock_guard lock(mutex);
      last = std::move(own);
    }
  }

  // Waits until `last` is a run to be done; false when the server stops.
  bool take() {
    std::unique_lock lock(mutex);
    for (;;) {
      if (stopping) return false;
      if (running()) return true;
      if (schedule.every_ms == 0) {
        wake.wait(lock, [this] { return stopping || running(); });
        continue;
      }
      const auto wait_ns = next_ns - parts.clock.monotonic_ns();
      if (wait_ns > 0) {
        wake.wait_for(lock, std::chrono::nanoseconds(wait_ns), [this] { return stopping || running(); });
        continue;
      }
      next_ns = parts.clock.monotonic_ns() + schedule.every_ms * kNsInMs;
      last.emplace().request.older_than_ms = schedule.older_than_ms;
      last->started_ms = parts.clock.now_ms();
    }
  }

  Result<void> publish(const CleanupReport& now) {
    const std::lock_guard lock(mutex);
    last = now;
    if (stopping) return fail(Code::Unavailable, "the server is stopping");
    return {};
  }

  [[nodiscard]] bool running() const { return last && last->state == "running"; }
  std::optional<CleanupReport> report() {
    const std::lock_guard lock(mutex);
    return last;
  }

  static constexpr std::int64_t kNsInMs = 1'000'000;
  CleanupParts parts;
  CleanupSchedule schedule;
  std::int64_t next_ns = 0;
  std::mutex mutex;
  std::condition_variable wake;
  bool stopping = false;
  std::optional<CleanupReport> last;
  std::jthread thread;
};

Cleaner::Cleaner(CleanupParts parts, CleanupSchedule schedule)
    : impl_(std::make_unique<Impl>(std::move(parts), schedule)) {}
Cleaner::~Cleaner() = default;

Result<CleanupReport> Cleaner::start(const CleanupRequest& request) {
  if (request.older_than_ms < 0 || request.unused_for_ms < 0)
    return fail(Code::InvalidArgument, "older_than_ms and unused_for_ms are times back from now: 0 or more");
  const std::lock_guard lock(impl_->mutex);
  if (impl_->running())
    return fail(Code::Conflict,
                "a clean-up runs already; wait for its end, which GET /api/fettle/v1/gc tells, then ask again");
  impl_->last.emplace().request = request;
  impl_->last->started_ms = impl_->parts.clock.now_ms();
  impl_->wake.notify_all();
  return *impl_->last;
}

std::optional<CleanupReport> Cleaner::report() const { return impl_->report(); }

}  // namespace fettle::control
