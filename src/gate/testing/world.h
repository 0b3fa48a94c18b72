// For tests of the gate: simulated weeks with a known truth, and a model that says what it is told.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <memory>
#include <string>
#include <vector>

#include "base/rng.h"
#include "gate/checks.h"
#include "gate/context.h"

namespace fettle::gate::testing {

inline constexpr std::int64_t kDayMs = 86'400'000;
inline constexpr std::int64_t kStart = 985'564'800'000;  // 2001-03-26

// Reads the probability from input 0; `wrong` makes it misbehave.
class Echo final : public model::Predictor {
 public:
  enum class Fault : std::uint8_t { None, Drifting, NotFinite };
  explicit Echo(Fault fault = Fault::None) : fault_(fault) {}
  [[nodiscard]] std::size_t features() const noexcept override { return 2; }
  [[nodiscard]] std::size_t outputs() const noexcept override { return 1; }
  void predict(std::span<const float> rows, std::span<float> out) const noexcept override {
    for (std::size_t i = 0; i < out.size(); ++i) {
      const float x = rows[2 * i];
      out[i] = x > 0 && x < 1 ? x : 0.2F;
      if (fault_ == Fault::Drifting) out[i] = std::min(1.0F, out[i] + 1e-7F * static_cast<float>(++calls_ % 7));
      if (fault_ == Fault::NotFinite && std::isnan(x)) out[i] = x;
    }
  }

 private:
  Fault fault_;
  mutable int calls_ = 0;
};

inline model::LoadedModel make_model(Echo::Fault fault = Echo::Fault::None) {
  return {*model::Signature::create(
              {{"p", model::ColumnKind::Float, {}}, {"hub", model::ColumnKind::Category, {"A", "B", "C"}}},
              "late_probability"),
          std::make_unique<Echo>(fault)};
}

// What a simulated week looks like. The true probability of a row is base + signal +- 1, plus its day's shift.
struct World {
  std::size_t rows = 700;
  int days = 7;
  double base = 0.25, signal = 0.12, day_deviation = 0.05;
};

struct Data {
  std::vector<double> p;  // what a model that knows all but the day says
  std::vector<double> labels;
  std::vector<std::int64_t> times;
  std::vector<std::string> hubs;
};

inline Data simulate(const World& world, std::int64_t start_ms, Rng& rng) {
  Data out;
  std::vector<double> shifts;
  for (int day = 0; day < world.days; ++day) shifts.push_back(world.day_deviation * rng.normal());
  for (std::size_t i = 0; i < world.rows; ++i) {
    const auto day = i % static_cast<std::size_t>(world.days);
    const double p = world.base + world.signal * (rng.uniform() < 0.5 ? -1 : 1);
    out.p.push_back(p);
    out.labels.push_back(rng.uniform() < std::clamp(p + shifts[day], 0.01, 0.99) ? 1 : 0);
    out.times.push_back(start_ms + static_cast<std::int64_t>(day) * kDayMs + static_cast<std::int64_t>(i) * 1000);
    out.hubs.emplace_back(1, static_cast<char>('A' + rng.below(3)));
  }
  return out;
}

inline table::Table table_of(const Data& data) {
  return *table::Table::create({table::Column::of_floats("p", data.p), table::Column::of_texts("hub", data.hubs),
                                table::Column::of_floats("late", data.labels),
                                table::Column::of_ints("date", data.times, table::Kind::Time)});
}

inline std::vector<float> matrix_of(const Data& data, double scale = 1, double noise = 0, Rng* rng = nullptr) {
  std::vector<float> out;
  for (std::size_t i = 0; i < data.p.size(); ++i) {
    const double p = data.p[i] * scale + (rng == nullptr ? 0 : noise * rng->normal());
    out.push_back(static_cast<float>(std::clamp(p, 0.001, 0.999)));
    const auto hub = data.hubs[i][0];
    out.push_back(hub >= 'A' && hub <= 'C' ? static_cast<float>(hub - 'A') : std::numeric_limits<float>::quiet_NaN());
  }
  return out;
}

inline std::vector<float> outputs_of(std::span<const float> matrix) {
  std::vector<float> out;
  for (std::size_t i = 0; i < matrix.size(); i += 2) out.push_back(matrix[i]);
  return out;
}

inline Suite make_suite() {
  Suite suite;
  suite.label = "late";
  suite.time = "date";
  return suite;
}

struct Case {  // One model on one pair of tables, all owned.
  table::Table train, valid;
  std::vector<float> rows, champion;
  model::LoadedModel model = make_model();
  Suite suite = make_suite();

  [[nodiscard]] Inputs inputs() const { return {train, valid, model, rows, champion, nullptr, nullptr}; }
  [[nodiscard]] Check ask(Result<Check> (*check)(const Context&)) const {
    const auto borrowed = inputs();
    const auto context = Context::create(suite, borrowed);
    EXPECT_TRUE(context) << context.error().message;
    return *check(*context);
  }
};

inline Case make_case(const World& world, Rng& rng, double scale = 1, double noise = 0) {
  const auto train = simulate({2800, 28, world.base, world.signal, world.day_deviation}, kStart - 28 * kDayMs, rng);
  const auto valid = simulate(world, kStart, rng);
  return {table_of(train), table_of(valid), matrix_of(valid, scale, noise, &rng), {}};
}

}  // namespace fettle::gate::testing
