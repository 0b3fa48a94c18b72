#include "event/log.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <map>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>

#include "base/text.h"
#include "event/codec.h"
#include "os/errors.h"
#include "os/file.h"

namespace fettle::event {
namespace {

std::string segment_path(const std::string& folder, std::uint64_t segment) {
  return text::format("{}/{:016x}.events", folder, segment);
}

// Segments in a folder, in order.
Result<std::vector<std::uint64_t>> list_segments(const std::string& folder) {
  FETTLE_TRY(const auto names, os::list_names(folder));
  std::vector<std::uint64_t> out;
  for (const auto& name : names)
    if (name.size() == 23 && name.ends_with(".events")) out.push_back(std::stoull(name.substr(0, 16), nullptr, 16));
  return out;
}

// What a reader knows of one segment: the names defined up to `offset`.
struct SegmentNames {
  std::uint64_t offset = kSegmentHeader.size();
  std::vector<std::string> names;
};

Result<void> write_all(int fd, const std::string& path, std::string_view bytes) {
  while (!bytes.empty()) {
    const auto wrote = ::write(fd, bytes.data(), bytes.size());
    if (wrote < 0 && errno == EINTR) continue;
    if (wrote < 0) return os::system_error("write", path);
    bytes.remove_prefix(static_cast<std::size_t>(wrote));
  }
  return {};
}

Result<void> sync_file(int fd, const std::string& path) {
  if (::fdatasync(fd) != 0) return os::system_error("sync", path);
  return {};
}

struct Waiter {  // for all events up to `upto` to be on disk
  std::uint64_t upto = 0;
  std::optional<Result<void>> answer;
};

}  // namespace

struct Log::Impl {
  std::string folder;
  LogOptions options;

  std::mutex mutex;
  std::condition_variable wake, synced_wake;
  std::vector<Event> queue;
  std::uint64_t appended = 0;    // events, in the order of append
  std::vector<Waiter*> waiters;  // theirs, until answered
  bool sync_wanted = false, stopping = false;
  Cursor synced_end;
  std::atomic<std::uint64_t> dropped_count = 0, written_count = 0;

  mutable std::mutex names_mutex;
  mutable std::map<std::uint64_t, SegmentNames> names;

  // The writer thread's own.
  int fd = -1;
  bool torn = false;  // the segment may end in a part of a frame: what is written behind it could not be read
  Cursor end;
  Encoder encoder;
  std::jthread thread;

  ~Impl() {
    {
      const std::lock_guard lock(mutex);
      stopping = true;
    }
    wake.notify_one();
    if (thread.joinable()) thread.join();
    if (fd >= 0) ::close(fd);
  }

  void leave_segment() const noexcept {
    if (fd < 0) return;
    static_cast<void>(::fdatasync(fd));  // only predictions are not synced yet: nobody was promised anything
    ::close(fd);
  }

  Result<void> open_segment(std::uint64_t segment) {
    const auto path = segment_path(folder, segment);
    const int opened = ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
    if (opened < 0) return os::system_error("create", path);
    auto begun = write_all(opened, path, kSegmentHeader);
    if (begun) begun = sync_file(opened, path);
    if (begun) begun = os::sync_folder(folder);
    if (!begun) {
      ::close(opened);
      ::unlink(path.c_str());
      return begun;
    }
    leave_segment();
    fd = opened;
    torn = false;
    encoder = Encoder();
    end = {segment, kSegmentHeader.size()};
    return {};
  }

  Result<void> write_batch(const std::vector<Event>& batch) {
    if (end.offset >= options.segment_bytes || torn) FETTLE_TRY_(open_segment(end.segment + 1));
    std::string bytes;
    for (const auto& event : batch) encoder.append(bytes, event);
    auto written = write_all(fd, segment_path(folder, end.segment), bytes);
    if (written)
      end.offset += bytes.size();
    else
      torn = true;
    return written;
  }

  Result<void> sync() {
    auto synced = sync_file(fd, segment_path(folder, end.segment));
    if (!synced) torn = true;  // what the system has of it is unknown
    return synced;
  }

  // Takes what is queued, writes it, and syncs when someone waits or the interval has passed since the first unsynced
  // write.
  void loop() {
    using Clock = std::chrono::steady_clock;
    const auto interval = std::chrono::milliseconds(options.sync_interval_ms);
    std::optional<Clock::time_point> sync_by;
    std::unique_lock lock(mutex);
    for (;;) {
      const auto ready = [&] { return stopping || sync_wanted || !queue.empty(); };
      if (sync_by)
        wake.wait_until(lock, *sync_by, ready);
      else
        wake.wait(lock, ready);
      std::vector<Event> batch;
      batch.swap(queue);
      const auto upto = appended;
      const bool stop = stopping;
      const bool sync_now = std::exchange(sync_wanted, false) || stop;
      lock.unlock();
      Result<void> result = batch.empty() ? Result<void>() : write_batch(batch);
      if (result && !batch.empty() && !sync_by) sync_by = Clock::now() + interval;
      const bool due = sync_now || (sync_by && Clock::now() >= *sync_by);
      if (result && due) result = sync();
      lock.lock();
      finish(result, batch.size(), due, upto);
      if (due) sync_by.reset();
      if (stop && queue.empty()) return;
    }
  }

  // REQUIRES: mutex held.
  void finish(const Result<void>& result, std::size_t events, bool due, std::uint64_t upto) {
    (result ? written_count : dropped_count) += events;
    if (result && !due) return;
    if (result) synced_end = end;
    std::erase_if(waiters, [&](Waiter* waiter) {
      if (waiter->upto > upto) return false;
      waiter->answer = result;
      return true;
    });
    synced_wake.notify_all();
  }

  // REQUIRES: mutex held by `lock`. Waits until everything appended so far is on disk, or its writing failed.
  Result<void> wait_synced(std::unique_lock<std::mutex>& lock) {
    Waiter mine{appended, {}};
    waiters.push_back(&mine);
    sync_wanted = true;
    wake.notify_one();
    synced_wake.wait(lock, [&] { return mine.answer.has_value(); });
    return *mine.answer;
  }
};

Log::Log(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Log::~Log() = default;

Result<std::unique_ptr<Log>> Log::open(const std::string& folder, LogOptions options) {
  FETTLE_TRY_(os::make_folders(folder));
  FETTLE_TRY(const auto segments, list_segments(folder));
  auto impl = std::make_unique<Impl>();
  impl->folder = folder;
  impl->options = options;
  // Never appends to a segment of an earlier process: its tail may be cut.
  FETTLE_TRY_(impl->open_segment(segments.empty() ? 0 : segments.back() + 1));
  impl->synced_end = impl->end;
  impl->thread = std::jthread([log = impl.get()] { log->loop(); });
  return std::unique_ptr<Log>(new Log(std::move(impl)));
}

bool Log::append(std::vector<Prediction> batch) noexcept {
  {
    const std::lock_guard lock(impl_->mutex);
    if (impl_->queue.size() + batch.size() > impl_->options.queue) {
      impl_->dropped_count += batch.size();
      return false;
    }
    impl_->appended += batch.size();
    for (auto& prediction : batch) impl_->queue.emplace_back(std::move(prediction));
  }
  impl_->wake.notify_one();
  return true;
}

Result<void> Log::append_durably(std::vector<Outcome> outcomes) {
  std::unique_lock lock(impl_->mutex);
  impl_->appended += outcomes.size();
  for (auto& outcome : outcomes) impl_->queue.emplace_back(std::move(outcome));
  return impl_->wait_synced(lock);
}

std::uint64_t Log::dropped() const noexcept { return impl_->dropped_count; }
std::uint64_t Log::written() const noexcept { return impl_->written_count; }

void Log::flush() {
  std::unique_lock lock(impl_->mutex);
  static_cast<void>(impl_->wait_synced(lock));
}

Cursor Log::end() const {
  const std::lock_guard lock(impl_->mutex);
  return impl_->synced_end;
}

Result<Cursor> Log::read(Cursor from, std::size_t limit, const std::function<void(Event&&)>& visit) const {
  const auto end = this->end();
  FETTLE_TRY(const auto segments, list_segments(impl_->folder));
  const std::lock_guard lock(impl_->names_mutex);
  for (const auto segment : segments) {
    if (segment < from.segment || segment > end.segment) continue;
    if (segment > from.segment) from = {segment, 0};
    FETTLE_TRY(const auto file, os::MappedFile::open(segment_path(impl_->folder, segment)));
    auto bytes = file.bytes();
    if (segment == end.segment) bytes = bytes.substr(0, end.offset);
    if (!bytes.starts_with(kSegmentHeader)) continue;
    auto& known = impl_->names[segment];
    auto at = known.offset <= std::max<std::uint64_t>(from.offset, kSegmentHeader.size()) ? known.offset
                                                                                          : kSegmentHeader.size();
    std::vector<std::string> names = at == known.offset ? known.names : std::vector<std::string>();
    while (limit > 0) {
      const auto frame = read_frame(bytes.substr(std::min<std::uint64_t>(at, bytes.size())));
      if (!frame) break;
      auto event = decode(*frame, names);
      if (event && at >= from.offset) {
        visit(*std::move(event));
        --limit;
      }
      at += frame->size;
    }
    known = {at, std::move(names)};
    from.offset = std::max(from.offset, at);
    if (limit == 0) return from;
  }
  return from;
}

Result<Joined> find(const std::string& folder, const std::string& prediction_id) {
  FETTLE_TRY(const auto segments, list_segments(folder));
  std::optional<Joined> joined;
  std::vector<Outcome> outcomes;
  for (const auto segment : segments) {
    FETTLE_TRY(const auto file, os::MappedFile::open(segment_path(folder, segment)));
    auto bytes = file.bytes();
    if (!bytes.starts_with(kSegmentHeader)) continue;
    bytes.remove_prefix(kSegmentHeader.size());
    std::vector<std::string> names;
    while (const auto frame = read_frame(bytes)) {
      bytes.remove_prefix(frame->size);
      if (!is_definition(*frame) && !has_id(*frame, prediction_id)) continue;
      auto event = decode(*frame, names);
      if (!event) continue;
      if (auto* p = std::get_if<Prediction>(&*event); p != nullptr && p->id == prediction_id) joined = Joined{*p, {}};
      if (auto* o = std::get_if<Outcome>(&*event); o != nullptr && o->id == prediction_id) outcomes.push_back(*o);
    }
  }
  if (!joined) return fail(Code::NotFound, text::format("there is no prediction '{}' in '{}'", prediction_id, folder));
  joined->outcomes = std::move(outcomes);
  return *std::move(joined);
}

}  // namespace fettle::event
