// The event log: append-only, checksummed segments in a folder; many writers' events batched by one writer thread.
//
// Segment grammar (docs/formats/events.md): header "FTLEVT1\n", then frames: u32 length, u8 type, payload, u64 XXH3 of
// all before. A cut or damaged tail is found by its checksum and ends the segment; at most the unsynced tail is lost.
// Never blocks append(): a full queue drops the event and counts it.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <variant>
#include <vector>

#include "base/result.h"
#include "event/event.h"

namespace fettle::event {

using Event = std::variant<Prediction, Outcome>;

struct Cursor {  // position in the log: before the frame at `offset` of segment `segment`
  std::uint64_t segment = 0;
  std::uint64_t offset = 0;
  auto operator<=>(const Cursor&) const = default;
};

struct LogOptions {
  std::size_t queue = 1U << 16U;             // events waiting to be written
  std::uint64_t segment_bytes = 64U << 20U;  // a new segment after this
  std::int64_t sync_interval_ms = 200;       // predictions are fsynced at least this often
};

class Log {
 public:
  [[nodiscard]] static Result<std::unique_ptr<Log>> open(const std::string& folder, LogOptions options = {});
  ~Log();  // writes and syncs what is queued
  // Predictions: queued, never blocks; false = dropped and counted. Batches are queued whole or dropped whole.
  bool append(std::vector<Prediction> batch) noexcept;
  // Outcomes are acknowledged writes: returns after they are on disk (fsync). Blocks; not for data loops.
  [[nodiscard]] Result<void> append_durably(std::vector<Outcome> outcomes);
  [[nodiscard]] std::uint64_t dropped() const noexcept;
  [[nodiscard]] std::uint64_t written() const noexcept;
  void flush();  // returns when all appended so far is on disk

  // Reads from `from` on, in log order, at most `limit` events; returns the cursor after the last. Only what is on
  // disk. Thread-safe beside appends.
  [[nodiscard]] Result<Cursor> read(Cursor from, std::size_t limit, const std::function<void(Event&&)>& visit) const;
  [[nodiscard]] Cursor end() const;

 private:
  struct Impl;
  explicit Log(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

// Finds one prediction and its outcomes by id: a scan of all segments.
struct Joined {
  Prediction prediction;
  std::vector<Outcome> outcomes;
};
[[nodiscard]] Result<Joined> find(const std::string& folder, const std::string& prediction_id);

}  // namespace fettle::event
