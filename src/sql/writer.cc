#include "sql/writer.h"

#include <thread>
#include <utility>

namespace fettle::sql {

struct Writer::Thread {
  std::jthread thread;
};

Writer::Writer(std::unique_ptr<Connection> connection)
    : connection_(std::move(connection)), thread_(std::make_unique<Thread>(std::jthread([this] { loop(); }))) {}

Writer::~Writer() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_one();
}

void Writer::submit(Job job) {
  {
    const std::lock_guard lock(mutex_);
    queue_.push_back(std::move(job));
  }
  wake_.notify_one();
}

void Writer::loop() {
  for (;;) {
    std::vector<Job> batch;
    {
      std::unique_lock lock(mutex_);
      wake_.wait(lock, [this] { return stopping_ || !queue_.empty(); });
      if (queue_.empty()) return;
      batch.swap(queue_);
    }
    run_batch(batch);
  }
}

void Writer::run_batch(std::vector<Job>& batch) {
  std::vector<Result<void>> results;
  Result<void> transaction = connection_->script("BEGIN IMMEDIATE");
  if (transaction) {
    for (auto& job : batch) results.push_back(run_job(job));
    transaction = connection_->script("COMMIT");
    // After a failed commit SQLite may have rolled back by itself; a second rollback is then a harmless error.
    if (!transaction) static_cast<void>(connection_->script("ROLLBACK"));
  }
  for (std::size_t i = 0; i < batch.size(); ++i)
    batch[i].done(transaction ? std::move(results[i]) : Result<void>(fail(transaction.error())));
}

Result<void> Writer::run_job(Job& job) {
  FETTLE_TRY_(connection_->execute("SAVEPOINT job", {}));
  auto result = job.work(*connection_);
  if (!result) FETTLE_TRY_(connection_->execute("ROLLBACK TO job", {}));
  FETTLE_TRY_(connection_->execute("RELEASE job", {}));
  return result;
}

}  // namespace fettle::sql
