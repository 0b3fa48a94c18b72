// A small invented airline for tests: predictions and outcomes with known truth, faults and shifts on request.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/rng.h"
#include "event/event.h"
#include "monitor/profile.h"

namespace fettle::monitor::testing {

inline constexpr std::size_t kAirports = 60;
inline constexpr std::int64_t kDayMs = 86'400'000;
enum Input : std::size_t { Hour, Weekday, Distance, Origin, Destination, kInputs };

struct Row {
  event::Prediction prediction;
  double label = 0;
};

// What differs from normal.
struct Changes {
  double rate_shift = 0;          // added to the probability of the outcome, unknown to the model
  int kilometres_origin = -1;     // this origin's distances come in kilometres
  double new_airport_share = 0;   // of rows with an origin that the model does not know
  double missing_hour_share = 0;  // of rows
  double late_hours = 0;          // hours added to every departure
};

class World {
 public:
  explicit World(std::uint64_t seed) : rng_(seed) {
    double sum = 0;
    for (std::size_t i = 0; i < kAirports; ++i) cumulative_.push_back(sum += 1 / static_cast<double>(i + 4));
  }

  [[nodiscard]] static model::Signature signature() {
    std::vector<std::string> airports;
    for (std::size_t i = 0; i < kAirports; ++i) airports.push_back("A" + std::to_string(i));
    using enum model::ColumnKind;
    return *model::Signature::create({{"hour", Int, {}},
                                      {"weekday", Int, {}},
                                      {"distance", Int, {}},
                                      {"origin", Category, airports},
                                      {"destination", Category, airports}},
                                     "late_probability");
  }

  [[nodiscard]] static ReferenceOptions options() {
    return {{"origin"}, {{"distance", {"origin", "destination"}}}, {{"distance", {1, 6000}}}};
  }

  // `rows` rows over days [day, day + days): each day has a weather of its own, which moves all its outcomes.
  [[nodiscard]] std::vector<Row> rows(std::int64_t day, int days, std::size_t rows, const Changes& changes = {}) {
    std::vector<Row> out;
    for (int d = 0; d < days; ++d) {
      const double weather = 0.04 * rng_.normal() + changes.rate_shift;
      for (std::size_t i = 0; i < rows / static_cast<std::size_t>(days); ++i)
        out.push_back(row(day + d, weather, changes));
    }
    return out;
  }

  // From 12 weeks of rows, the last week held out.
  [[nodiscard]] std::shared_ptr<const Reference> reference(std::size_t rows_a_week = 4000) {
    std::vector<float> train, outputs;
    std::vector<double> labels;
    for (const auto& one : rows(-91, 84, 12 * rows_a_week))
      train.insert(train.end(), one.prediction.inputs.begin(), one.prediction.inputs.end());
    for (const auto& one : rows(-7, 7, rows_a_week)) {
      outputs.push_back(one.prediction.output);
      labels.push_back(one.label);
    }
    return std::make_shared<const Reference>(Reference::build(signature(), train, {}, outputs, labels, options()));
  }

  [[nodiscard]] Profile week(const std::shared_ptr<const Reference>& reference, std::size_t count,
                             const Changes& changes = {}, int days = 7) {
    Profile profile(reference);
    for (const auto& one : rows(0, days, count, changes)) {
      profile.add(one.prediction);
      profile.add_outcome(one.prediction.output, one.label, one.prediction.time_ms);
    }
    return profile;
  }

 private:
  std::size_t airport() {
    const double at = rng_.uniform() * cumulative_.back();
    return static_cast<std::size_t>(std::ranges::lower_bound(cumulative_, at) - cumulative_.begin());
  }

  Row row(std::int64_t day, double weather, const Changes& changes) {
    const std::size_t from = airport(), to = airport();
    const double hour = 5 + std::floor(18 * rng_.uniform());
    const double known = 0.08 + 0.015 * (hour - 5) + (from % 5 == 0 ? 0.05 : 0);
    auto distance = static_cast<float>(100 + (from * 7919 + to * 104'729) % 2300);
    if (changes.kilometres_origin == static_cast<int>(from)) distance *= 1.609344F;
    Row out;
    out.label = rng_.uniform() < known + weather ? 1 : 0;
    out.prediction.time_ms = day * kDayMs + static_cast<std::int64_t>(hour) * 3'600'000;
    out.prediction.output = static_cast<float>(known);
    out.prediction.inputs = {static_cast<float>(hour + changes.late_hours), static_cast<float>(((day % 7) + 7) % 7),
                             distance, static_cast<float>(from), static_cast<float>(to)};
    if (rng_.uniform() < changes.new_airport_share) {
      out.prediction.inputs[Origin] = NAN;
      out.prediction.texts = {"origin=ZZZ"};
    }
    if (rng_.uniform() < changes.missing_hour_share) out.prediction.inputs[Hour] = NAN;
    return out;
  }

  Rng rng_;
  std::vector<double> cumulative_;
};

}  // namespace fettle::monitor::testing
