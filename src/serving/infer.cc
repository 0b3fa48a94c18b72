#include "serving/infer.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <limits>
#include <utility>

#include "base/rng.h"
#include "base/text.h"

namespace fettle::serving {
namespace {

// "<request id>:<row>", written over `out`.
void write_id(std::string& out, const Batch& batch, std::size_t row) {
  std::array<char, 20> digits{};
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), row).ptr;
  out.reserve(batch.id.size() + 1 + digits.size());  // grows once
  out.assign(batch.id);
  out += ':';
  out.append(digits.data(), end);
}

void assign(Batch& batch) {
  const auto& endpoint = batch.endpoint();
  batch.competitors.assign(batch.rows(), static_cast<std::uint8_t>(batch.pinned.value_or(0)));
  if (batch.pinned || endpoint.competitors.size() == 1) return;
  std::string id;
  for (std::size_t row = 0; row < batch.rows(); ++row) {
    auto unit = batch.unit(row);
    if (unit.empty()) {
      write_id(id, batch, row);
      unit = id;
    }
    batch.competitors[row] = static_cast<std::uint8_t>(endpoint.assign(unit));
  }
}

// The rows of one competitor as its model sees them: its own column order, its own category codes.
void gather(Batch& batch, const Competitor& competitor) {
  const auto& signature = competitor.variant.model->signature;
  const auto& columns = batch.endpoint().columns;
  batch.features.resize(batch.members.size() * competitor.columns.size());
  std::size_t at = 0;
  for (const auto row : batch.members)
    for (std::size_t input = 0; input < competitor.columns.size(); ++input) {
      const auto column = competitor.columns[input];
      if (columns[column].kind != model::ColumnKind::Category) {
        batch.features[at++] = batch.number(row, column);
        continue;
      }
      const auto text = batch.text(row, column);
      batch.features[at++] = text.data() == nullptr ? kMissing : signature.code(input, text);
    }
}

// What an event keeps of a row's outputs: the score, or of several the index of the largest. None is largest where one
// is no finite number: NaN, which counts as an error.
float one_output(std::span<const float> scores) {
  if (scores.size() == 1) return scores[0];
  if (!std::ranges::all_of(scores, [](float score) { return std::isfinite(score); }))
    return std::numeric_limits<float>::quiet_NaN();
  return static_cast<float>(std::ranges::max_element(scores) - scores.begin());
}

// Texts that the model has no code for, as "column=value".
void add_unknown_texts(std::vector<std::string>& out, Batch& batch, const Competitor& competitor, std::size_t row,
                       std::span<const float> features) {
  const auto& columns = batch.endpoint().columns;
  for (std::size_t input = 0; input < features.size(); ++input) {
    const auto& column = columns[competitor.columns[input]];
    if (column.kind != model::ColumnKind::Category || !std::isnan(features[input])) continue;
    const auto text = batch.text(row, competitor.columns[input]);
    if (text.data() != nullptr) out.push_back(text::format("{}={}", column.name, text));
  }
}

struct Answered {  // How one competitor's rows went.
  const Competitor& competitor;
  std::int64_t now_ms;
  float latency_us;
};

event::Prediction make_event(Batch& batch, const Answered& answered, std::size_t member) {
  const auto& variant = answered.competitor.variant;
  const auto row = batch.members[member];
  const auto inputs = answered.competitor.columns.size();
  const auto features = std::span(batch.features).subspan(member * inputs, inputs);
  const auto outputs = batch.endpoint().outputs;
  event::Prediction event;
  write_id(event.id, batch, row);
  event.time_ms = !batch.times.empty() ? batch.times[row] : batch.one_time_ms.value_or(answered.now_ms);
  event.endpoint = batch.endpoint().name;
  event.variant = variant.name;
  event.bundle = variant.bundle;
  event.unit = batch.unit(row);
  event.inputs.assign(features.begin(), features.end());
  add_unknown_texts(event.texts, batch, answered.competitor, row, features);
  event.output = one_output(std::span(batch.scores).subspan(member * outputs, outputs));
  event.latency_us = answered.latency_us;
  return event;
}

void keep_events(Batch& batch, event::Log& log, const Answered& answered) {
  std::vector<event::Prediction> events;
  events.reserve(batch.members.size());
  for (std::size_t member = 0; member < batch.members.size(); ++member)
    events.push_back(make_event(batch, answered, member));
  if (!log.append(std::move(events)))
    batch.endpoint().counters->unkept.fetch_add(batch.members.size(), std::memory_order_relaxed);
}

void score(Batch& batch, const Competitor& competitor) {
  const auto outputs = batch.endpoint().outputs;
  gather(batch, competitor);
  batch.scores.resize(batch.members.size() * outputs);
  competitor.variant.model->predictor->predict(batch.features, batch.scores);
  for (std::size_t member = 0; member < batch.members.size(); ++member)
    std::copy_n(batch.scores.begin() + static_cast<std::ptrdiff_t>(member * outputs), outputs,
                batch.outputs.begin() + static_cast<std::ptrdiff_t>(batch.members[member] * outputs));
}

// From the model's own columns to the endpoint's.
void explain(Batch& batch, const Competitor& competitor) {
  const auto explainer = competitor.variant.model->predictor->explainer();
  if (!explainer) return;  // the batch's finish() has seen that there is one
  const std::size_t outputs = batch.endpoint().outputs, width = batch.endpoint().columns.size() + 1;
  const std::size_t inputs = competitor.columns.size();
  batch.contributions.resize(batch.members.size() * outputs * (inputs + 1));
  (*explainer)->explain(batch.features, batch.contributions);
  const float* from = batch.contributions.data();
  for (const auto row : batch.members)
    for (std::size_t o = 0; o < outputs; ++o) {
      float* to = &batch.shap[(row * outputs + o) * width];
      for (const auto column : competitor.columns) to[column] = *from++;
      to[width - 1] = *from++;
    }
}

}  // namespace

void infer(Batch& batch, const Runtime& runtime, std::int64_t started_ns) {
  const auto& endpoint = batch.endpoint();
  const auto& clock = runtime.clock();
  assign(batch);
  batch.outputs.resize(batch.rows() * endpoint.outputs);
  if (batch.explain) batch.shap.assign(batch.outputs.size() * (endpoint.columns.size() + 1), 0);
  const auto shared_ns = clock.monotonic_ns() - started_ns;  // reading the request
  for (std::size_t c = 0; c < endpoint.competitors.size(); ++c) {
    batch.members.clear();
    for (std::size_t row = 0; row < batch.rows(); ++row)
      if (batch.competitors[row] == c) batch.members.push_back(row);
    if (batch.members.empty()) continue;
    // A variant's latency leaves out the others' work, so that the second is not slower for being second.
    const auto began_ns = clock.monotonic_ns();
    score(batch, endpoint.competitors[c]);
    if (batch.explain) explain(batch, endpoint.competitors[c]);
    const auto took_ns = shared_ns + clock.monotonic_ns() - began_ns;
    endpoint.competitors[c].counters->add(batch.members.size(), static_cast<std::uint64_t>(took_ns));
    if (auto* log = runtime.log(); log != nullptr && batch.record)
      keep_events(batch, *log, {endpoint.competitors[c], clock.now_ms(), static_cast<float>(took_ns) / 1000});
  }
}

void make_id(std::string& out) {
  thread_local Rng rng = Rng::from_entropy();
  out = rng.hex(32);
}

}  // namespace fettle::serving
