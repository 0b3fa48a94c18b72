// The one writer: a thread that owns the write connection and commits queued jobs in groups. Private to the module.
//
// Group commit: everything queued when a batch starts goes into one transaction, hence one fsync. Each job runs in a
// savepoint; a failing job is rolled back alone. Answers are given only after the commit; if the commit itself fails,
// every job of the batch fails with its error.
#pragma once

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <vector>

#include "sql/connection.h"

namespace fettle::sql {

struct Job {
  std::function<Result<void>(Session&)> work;
  std::function<void(Result<void>)> done;
};

class Writer {
 public:
  explicit Writer(std::unique_ptr<Connection> connection);
  ~Writer();  // runs what is queued, then ends the thread
  void submit(Job job);

 private:
  void loop();
  void run_batch(std::vector<Job>& batch);
  [[nodiscard]] Result<void> commit_batch(std::vector<Job>& batch, std::vector<Result<void>>& results);
  [[nodiscard]] Result<void> run_job(Job& job, Result<void>& result, bool alone);

  std::unique_ptr<Connection> connection_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::vector<Job> queue_;
  bool stopping_ = false;
  struct Thread;  // keeps <thread> out of the header
  std::unique_ptr<Thread> thread_;
};

}  // namespace fettle::sql
