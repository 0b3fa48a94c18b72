#include "sql/checkpointer.h"

#include <sqlite3.h>

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <thread>

namespace fettle::sql {
namespace {

constexpr int kPages = 2'000;  // of 4 KB: 8 MB

}  // namespace

struct Checkpointer::Impl {
  std::string path;
  std::mutex mutex;
  std::condition_variable_any wake;
  bool wanted = false;
  std::atomic<bool> working = false, nearly_done = false;
  std::jthread thread{[this](const std::stop_token& stop) { loop(stop); }};

  void loop(const std::stop_token& stop) {
    sqlite3* handle = nullptr;
    if (sqlite3_open_v2(path.c_str(), &handle, SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_READWRITE, nullptr) == SQLITE_OK)
      sqlite3_exec(handle, "PRAGMA cache_size=-64", nullptr, nullptr, nullptr);
    std::unique_lock lock(mutex);
    while (wake.wait(lock, stop, [this] { return wanted; })) {
      wanted = false;
      lock.unlock();
      // A failure (the disk is full, say) leaves the log as it is: the next batch asks again.
      if (sqlite3_wal_checkpoint_v2(handle, nullptr, SQLITE_CHECKPOINT_PASSIVE, nullptr, nullptr) == SQLITE_OK)
        nearly_done = true;
      working = false;
      lock.lock();
    }
    sqlite3_close(handle);
  }
};

Checkpointer::Checkpointer(const std::string& path) : impl_(std::make_unique<Impl>(path)) {}
Checkpointer::~Checkpointer() = default;

void Checkpointer::log_grew(int pages) {
  if (pages < kPages || impl_->nearly_done || impl_->working.exchange(true)) return;
  {
    const std::lock_guard lock(impl_->mutex);
    impl_->wanted = true;
  }
  impl_->wake.notify_one();
}

bool Checkpointer::is_nearly_done() const noexcept { return impl_->nearly_done; }

void Checkpointer::finish(sqlite3* writer) {
  impl_->nearly_done = false;
  sqlite3_wal_checkpoint_v2(writer, nullptr, SQLITE_CHECKPOINT_PASSIVE, nullptr, nullptr);
}

}  // namespace fettle::sql
