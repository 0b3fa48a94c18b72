#include "control/fold.h"

#include <algorithm>
#include <functional>

namespace fettle::control {
namespace {

std::uint64_t key_of(const std::string& id) noexcept { return std::hash<std::string_view>{}(id); }
// The request of a row: what its id has before the last ':'.
std::uint64_t request_of(const std::string& id) noexcept {
  return std::hash<std::string_view>{}(std::string_view(id).substr(0, id.rfind(':')));
}

}  // namespace

void Fold::add(const event::Event& event, event::Cursor at) {
  if (const auto* prediction = std::get_if<event::Prediction>(&event))
    add(*prediction, at);
  else
    add(std::get<event::Outcome>(event));
}

void Fold::add(const event::Prediction& prediction, event::Cursor at) {
  const auto index = stream_of(prediction.endpoint, prediction.bundle);
  auto& stream = streams_[index];
  auto& counts = endpoints_[prediction.endpoint];
  counts.watermark.see(prediction.time_ms);
  const bool closed = closed_.contains({stream.endpoint, stream.bundle, week_start(prediction.time_ms)});
  if (closed && !in_step(stream, prediction.time_ms)) {
    ++counts.late;
    return;
  }
  const Pending row{prediction.time_ms, prediction.output, 0, index, false};
  if (!pending_.emplace(key_of(prediction.id), row).second) return;  // it came before
  add_to_step(prediction, at);
  if (closed) return;
  ++counts.predictions;
  auto& day = day_of(stream, prediction.time_ms, at);
  ++day.predictions;
  if (day.profile) day.profile->add(prediction);
}

void Fold::add_to_step(const event::Prediction& prediction, event::Cursor at) {
  const auto found = steps_.find(prediction.endpoint);
  if (found == steps_.end() || prediction.time_ms <= found->second.after_ms) return;
  auto& step = found->second;
  if (!step.first) step.first = at;
  const auto request = request_of(prediction.id);
  if (prediction.bundle == step.champion)
    step.champion_arm.add_prediction(request, prediction.latency_us, prediction.output);
  if (prediction.bundle == step.challenger)
    step.challenger_arm.add_prediction(request, prediction.latency_us, prediction.output);
}

void Fold::add(const event::Outcome& outcome) {
  const auto found = pending_.find(key_of(outcome.id));
  if (found == pending_.end()) return;
  auto& row = found->second;
  auto& stream = streams_[row.stream];
  const auto label = static_cast<float>(outcome.label);
  if (row.joined) {
    auto& counts = endpoints_[stream.endpoint];
    ++counts.unmatched;
    if (label != row.label) ++counts.corrected;
    return;
  }
  row.joined = true;
  row.label = label;
  if (const auto step = steps_.find(stream.endpoint); step != steps_.end() && row.time_ms > step->second.after_ms) {
    const double loss = loss_of(row.output, outcome.label);
    if (stream.bundle == step->second.champion) step->second.champion_arm.add_outcome(loss);
    if (stream.bundle == step->second.challenger) step->second.challenger_arm.add_outcome(loss);
  }
  const auto day = stream.days.find(day_start(row.time_ms));
  if (day == stream.days.end()) return;
  ++endpoints_[stream.endpoint].outcomes;
  ++day->second.outcomes;
  if (day->second.profile) day->second.profile->add_outcome(row.output, outcome.label, row.time_ms);
}

std::uint32_t Fold::stream_of(const std::string& endpoint, const std::string& bundle) {
  const auto is = [&](const Stream& stream) { return stream.bundle == bundle && stream.endpoint == endpoint; };
  if (last_stream_ < streams_.size() && is(streams_[last_stream_])) return last_stream_;
  const auto found = std::ranges::find_if(streams_, is);
  last_stream_ = static_cast<std::uint32_t>(found - streams_.begin());
  if (found == streams_.end()) streams_.push_back({endpoint, bundle, reference_of_(bundle), {}});
  return last_stream_;
}

Day& Fold::day_of(Stream& stream, std::int64_t time_ms, event::Cursor at) {
  const auto start = day_start(time_ms);
  const auto [day, is_new] = stream.days.try_emplace(start);
  if (is_new) {
    day->second.first = at;
    day->second.recorded = recorded_days_.erase({stream.endpoint, stream.bundle, start}) > 0;
    if (stream.reference) day->second.profile.emplace(stream.reference);
  }
  return day->second;
}

bool Fold::in_step(const Stream& stream, std::int64_t time_ms) const {
  const auto found = steps_.find(stream.endpoint);
  if (found == steps_.end() || time_ms <= found->second.after_ms) return false;
  return stream.bundle == found->second.champion || stream.bundle == found->second.challenger;
}

void Fold::restore_watermark(const std::string& endpoint, std::int64_t ms) {
  endpoints_[endpoint].watermark = Watermark(ms);
}

void Fold::restore_day(const std::string& endpoint, const std::string& bundle, std::int64_t start_ms) {
  recorded_days_.insert({endpoint, bundle, start_ms});
}

void Fold::restore_counts(const std::string& endpoint, std::uint64_t predictions, std::uint64_t outcomes) {
  endpoints_[endpoint].predictions += predictions;
  endpoints_[endpoint].outcomes += outcomes;
}

void Fold::begin_step(const std::string& endpoint, StepEvidence evidence) {
  steps_.insert_or_assign(endpoint, std::move(evidence));
}

void Fold::end_rollout(const std::string& endpoint) { steps_.erase(endpoint); }

const StepEvidence* Fold::evidence(const std::string& endpoint) const {
  const auto found = steps_.find(endpoint);
  return found == steps_.end() ? nullptr : &found->second;
}

void Fold::close_week(Stream& stream, std::int64_t week_start_ms) {
  closed_.insert({stream.endpoint, stream.bundle, week_start_ms});
  std::erase_if(stream.days, [&](const auto& day) { return week_start(day.first) == week_start_ms; });
  boost::unordered::erase_if(pending_, [&](const auto& entry) {
    const auto& row = entry.second;
    const auto& its = streams_[row.stream];
    return &its == &stream && week_start(row.time_ms) == week_start_ms && !in_step(its, row.time_ms);
  });
}

std::int64_t Fold::watermark(const std::string& endpoint) const {
  const auto found = endpoints_.find(endpoint);
  return found == endpoints_.end() ? 0 : found->second.watermark.ms();
}

event::Cursor Fold::low_water(event::Cursor end) const {
  auto low = end;
  for (const auto& stream : streams_)
    for (const auto& [start, day] : stream.days)
      // A stray row from the far future would hold the checkpoint back for ever; it is not worth it.
      if (start <= watermark(stream.endpoint) + Watermark::kFar) low = std::min(low, day.first);
  for (const auto& [endpoint, step] : steps_)
    if (step.first) low = std::min(low, *step.first);
  return low;
}

}  // namespace fettle::control
