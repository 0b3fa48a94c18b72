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
  std::vector<Result<void>> results(batch.size());
  const auto committed = commit_batch(batch, results);
  for (std::size_t i = 0; i < batch.size(); ++i)
    batch[i].done(committed || !results[i] ? std::move(results[i]) : Result<void>(fail(committed.error())));
}

// A failure of the batch is one of all its jobs. A job that failed by itself keeps its own error.
Result<void> Writer::commit_batch(std::vector<Job>& batch, std::vector<Result<void>>& results) {
  auto done = connection_->begin();
  for (std::size_t i = 0; i < batch.size() && done; ++i) done = run_job(batch[i], results[i], batch.size() == 1);
  if (done && batch.size() == 1 && !results[0]) {
    connection_->rollback();
    return {};
  }
  if (done) done = connection_->commit();
  if (!done) connection_->rollback();
  return done;
}

// Fails if the batch as a whole is lost. A job that is alone needs no savepoint: its transaction can be undone.
Result<void> Writer::run_job(Job& job, Result<void>& result, bool alone) {
  if (!alone) FETTLE_TRY_(connection_->begin_job());
  result = job.work(*connection_);
  if (result && !alone) result = connection_->flush();  // its own failure; one that is alone sees it at the commit
  const auto state = connection_->state();
  if (result && state != Connection::State::Open)
    result = fail(Code::Internal, "a statement failed and its error was passed over; nothing was written");
  if (state == Connection::State::None) return result;
  return alone ? Result<void>() : connection_->end_job(result.has_value());
}

}  // namespace fettle::sql
