// What the event log adds up to: per bundle and day a profile, per running rollout two arms.
//
// A fold of events in log order; it decides nothing. Outcomes are joined to their prediction by id: the first outcome
// counts (README.md says why), a prediction that comes twice counts once. A day's profile is kept until its week is
// closed, since a week is the merge of its days. Restart = fold again from low_water(): every open window and every
// running step begins after it. Not thread-safe.
#pragma once

#include <boost/unordered/unordered_flat_map.hpp>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "control/arm.h"
#include "control/windows.h"
#include "event/log.h"
#include "monitor/profile.h"

namespace fettle::control {

struct Day {
  std::optional<monitor::Profile> profile;  // without a reference there is only the count
  std::uint64_t predictions = 0, outcomes = 0;
  event::Cursor first;    // at or before its first event
  bool recorded = false;  // its record was put: its features were judged
  bool closed = false;    // its record was put with its last outcomes
};

struct Stream {  // the traffic of one bundle at one endpoint
  std::string endpoint, bundle;
  std::shared_ptr<const monitor::Reference> reference;
  std::map<std::int64_t, Day> days;  // of open weeks, by start
};

struct StepEvidence {                         // of a running rollout
  std::string rollout, champion, challenger;  // bundles
  std::int64_t after_ms = 0;                  // rows later than this count
  std::optional<event::Cursor> first;         // at or before the first row that counted
  ArmCounts champion_arm, challenger_arm;
};

struct EndpointCounts {
  Watermark watermark;
  std::uint64_t predictions = 0, outcomes = 0, late = 0, unmatched = 0, corrected = 0;
};

struct WeekKey {
  std::string endpoint, bundle;
  std::int64_t start_ms = 0;
  auto operator<=>(const WeekKey&) const = default;
};

class Fold {
 public:
  using ReferenceOf = std::function<std::shared_ptr<const monitor::Reference>(const std::string& bundle)>;
  explicit Fold(ReferenceOf reference_of) : reference_of_(std::move(reference_of)) {}

  // `at`: at or before the event in the log.
  void add(const event::Event& event, event::Cursor at);

  // What the records say, before the first add().
  void restore_watermark(const std::string& endpoint, std::int64_t ms);
  void restore_closed_week(WeekKey week) { closed_.insert(std::move(week)); }
  void restore_day(const std::string& endpoint, const std::string& bundle, std::int64_t start_ms);  // was recorded
  void restore_counts(const std::string& endpoint, std::uint64_t predictions, std::uint64_t outcomes);

  void begin_step(const std::string& endpoint, StepEvidence evidence);  // replaces the one before
  void end_rollout(const std::string& endpoint);
  [[nodiscard]] const StepEvidence* evidence(const std::string& endpoint) const;

  [[nodiscard]] std::vector<Stream>& streams() noexcept { return streams_; }
  void close_week(Stream& stream, std::int64_t week_start_ms);  // forgets its days and their open predictions
  [[nodiscard]] const std::map<std::string, EndpointCounts>& endpoints() const noexcept { return endpoints_; }
  [[nodiscard]] std::int64_t watermark(const std::string& endpoint) const;
  // Where folding would have to begin to come to this state again; `end` if nothing is open.
  [[nodiscard]] event::Cursor low_water(event::Cursor end) const;

 private:
  struct Pending {  // a prediction that may get its outcome
    std::int64_t time_ms = 0;
    float output = 0, label = 0;
    std::uint32_t stream = 0;
    bool joined = false;
  };
  void add(const event::Prediction& prediction, event::Cursor at);
  void add(const event::Outcome& outcome);
  void add_to_step(const event::Prediction& prediction, event::Cursor at);
  [[nodiscard]] std::uint32_t stream_of(const std::string& endpoint, const std::string& bundle);
  [[nodiscard]] Day& day_of(Stream& stream, std::int64_t time_ms, event::Cursor at);
  [[nodiscard]] bool in_step(const Stream& stream, std::int64_t time_ms) const;

  ReferenceOf reference_of_;
  std::vector<Stream> streams_;
  std::uint32_t last_stream_ = 0;
  boost::unordered_flat_map<std::uint64_t, Pending> pending_;  // by hash of the prediction's id
  std::map<std::string, EndpointCounts> endpoints_;
  std::map<std::string, StepEvidence> steps_;  // by endpoint
  std::set<WeekKey> closed_;
  std::set<WeekKey> recorded_days_;  // restored and not yet seen again
};

}  // namespace fettle::control
