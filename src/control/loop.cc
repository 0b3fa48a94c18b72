#include "control/loop.h"

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <future>
#include <map>
#include <mutex>
#include <thread>
#include <utility>

#include "base/log.h"
#include "base/text.h"
#include "control/controller.h"

namespace fettle::control {
namespace {

constexpr auto kTick = std::chrono::milliseconds(100);

}  // namespace

struct Loop::Impl {
  explicit Impl(LoopParts parts)
      : run(std::move(parts.run_retrain)),
        controller(std::move(parts),
                   [this](const Retrain& retrain, const os::Command& command) { launch(retrain.id, command); }) {
    if (!run)
      run = [](const os::Command& command, const std::function<bool()>& stop) { return os::run(command, {}, stop); };
  }

  using Command = std::move_only_function<void(Controller&)>;
  std::function<Result<os::Exit>(const os::Command&, const std::function<bool()>&)> run;
  Controller controller;  // the loop thread's own

  std::mutex mutex;
  std::condition_variable wake;
  std::vector<Command> commands;
  bool stopping = false;
  std::vector<LiveEndpoint> live;

  std::atomic<bool> cancelled = false;
  std::map<std::string, std::jthread> retrains;   // the loop thread's own, until it has ended
  std::map<std::string, Result<os::Exit>> ended;  // retrainings whose end is not recorded yet
  std::jthread thread;

  // Queues `work` and waits for its answer.
  template <typename Answer, typename Work>
  Result<Answer> ask(Work work) {
    auto promise = std::make_shared<std::promise<Result<Answer>>>();
    auto answer = promise->get_future();
    {
      const std::lock_guard lock(mutex);
      if (stopping) return fail(Code::Unavailable, "the server is stopping; ask again when it is back");
      commands.emplace_back(
          [promise, work = std::move(work)](Controller& its) mutable { promise->set_value(work(its)); });
    }
    wake.notify_one();
    return answer.get();
  }

  void turn() {
    for (bool more = true; more;) {
      const auto observed = controller.observe(kBatch);
      const auto decided = observed ? controller.decide() : Result<void>(fail(observed.error()));
      if (!decided)
        log::error(text::format("the control loop could not go on, and tries again: {}", decided.error().message));
      more = decided && *observed;
    }
  }

  void publish() {
    auto now = controller.live();
    const std::lock_guard lock(mutex);
    live = std::move(now);
  }

  void loop() {
    for (;;) {
      std::vector<Command> taken;
      {
        std::unique_lock lock(mutex);
        wake.wait_for(lock, kTick, [&] { return stopping || !commands.empty(); });
        taken.swap(commands);
        if (stopping && taken.empty()) return;
      }
      for (auto& command : taken) {
        command(controller);
        publish();
      }
      record_ended();
      turn();
      publish();
    }
  }

  void launch(const std::string& id, const os::Command& command) {
    retrains.insert_or_assign(id, std::jthread([this, id, command] {
                                auto exit = run(command, [this] { return cancelled.load(); });
                                if (cancelled) return;  // recorded as interrupted by the next start
                                const std::lock_guard lock(mutex);
                                ended.insert_or_assign(id, std::move(exit));
                              }));
  }

  // What cannot be recorded (disk full) is tried again with the next turn.
  void record_ended() {
    std::map<std::string, Result<os::Exit>> taken;
    {
      const std::lock_guard lock(mutex);
      taken.swap(ended);
    }
    for (auto& [id, exit] : taken) {
      const auto done = controller.retrain_ended(id, exit);
      if (done) continue;
      log::error(text::format("the end of retraining {} is not recorded yet: {}", id, done.error().message));
      const std::lock_guard lock(mutex);
      ended.insert_or_assign(id, std::move(exit));
    }
  }

  void stop() {
    {
      const std::lock_guard lock(mutex);
      stopping = true;
    }
    wake.notify_one();
    if (thread.joinable()) thread.join();
    cancelled = true;
    retrains.clear();  // joins
  }
};

Loop::Loop(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Loop::~Loop() { impl_->stop(); }

Result<std::unique_ptr<Loop>> Loop::start(LoopParts parts) {
  auto impl = std::make_unique<Impl>(std::move(parts));
  FETTLE_TRY_(impl->controller.load());
  impl->publish();
  impl->thread = std::jthread([loop = impl.get()] { loop->loop(); });
  return std::unique_ptr<Loop>(new Loop(std::move(impl)));
}

Result<Placed> Loop::place(NewVersion version) {
  return impl_->ask<Placed>([version = std::move(version)](Controller& its) { return its.place(version); });
}
Result<Rollout> Loop::start_rollout(NewRollout rollout) {
  return impl_->ask<Rollout>([rollout = std::move(rollout)](Controller& its) { return its.start_rollout(rollout); });
}
Result<Rollout> Loop::command(std::string rollout, Verb verb, std::string actor, std::string reason) {
  return impl_->ask<Rollout>([=](Controller& its) { return its.command(rollout, verb, actor, reason); });
}
Result<AlertRecord> Loop::acknowledge(std::string alert, std::string actor) {
  return impl_->ask<AlertRecord>([=](Controller& its) { return its.acknowledge(alert, actor); });
}
Result<Project> Loop::apply(Project project) {
  return impl_->ask<Project>([project = std::move(project)](Controller& its) { return its.apply(project); });
}
Result<VerdictRecord> Loop::record_verdict(VerdictRecord verdict) {
  return impl_->ask<VerdictRecord>(
      [verdict = std::move(verdict)](Controller& its) { return its.record_verdict(verdict); });
}
Result<void> Loop::record_bundle(BundleRecord bundle) {
  return impl_->ask<void>([bundle = std::move(bundle)](Controller& its) { return its.record_bundle(bundle); });
}
Result<bool> Loop::forget_bundle(std::string digest) {
  return impl_->ask<bool>([digest = std::move(digest)](Controller& its) { return its.forget_bundle(digest); });
}
Result<Settled> Loop::settle() {
  return impl_->ask<Settled>([](Controller& its) { return its.settle(); });
}

std::vector<LiveEndpoint> Loop::live() const {
  const std::lock_guard lock(impl_->mutex);
  return impl_->live;
}

void Loop::on_change(std::function<void(const Change&)> listener) {
  static_cast<void>(impl_->ask<void>([listener = std::move(listener)](Controller& its) -> Result<void> {
    its.on_change(listener);
    return {};
  }));
}

}  // namespace fettle::control
