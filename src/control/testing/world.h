// A small world for tests of the control loop: a real database and event log in a temporary folder, a clock moved by
// hand, bundles that exist in memory only, traffic written as events.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/rng.h"
#include "base/text.h"
#include "control/controller.h"
#include "os/file.h"

namespace fettle::control::testing {

class HalfPredictor final : public model::Predictor {  // always 0.5
 public:
  [[nodiscard]] std::size_t features() const noexcept override { return 1; }
  [[nodiscard]] std::size_t outputs() const noexcept override { return 1; }
  void predict(std::span<const float>, std::span<float> out) const noexcept override {
    for (auto& each : out) each = 0.5F;
  }
};

inline std::string digest_of(std::string_view name) { return Digest::of(name).hex(); }
inline std::int64_t at(std::string_view time) { return *text::parse_time(time); }

// Input "x" uniform in [0, 1), a held-out event rate of 0.3 predicted as 0.3.
inline LoadedBundle make_bundle() {
  auto signature = *model::Signature::create({{"x", model::ColumnKind::Float, {}}}, "p");
  Rng rng(7);
  std::vector<float> rows, outputs;
  std::vector<double> labels;
  for (int i = 0; i < 4000; ++i) {
    rows.push_back(static_cast<float>(rng.uniform()));
    outputs.push_back(0.3F);
    labels.push_back(rng.uniform() < 0.3 ? 1 : 0);
  }
  monitor::ReferenceOptions options;
  options.ranges["x"] = {0, 1};
  auto reference = monitor::Reference::build(signature, rows, rows, outputs, labels, options);
  return {std::make_shared<model::LoadedModel>(model::LoadedModel{signature, std::make_unique<HalfPredictor>()}),
          std::make_shared<monitor::Reference>(std::move(reference))};
}

struct Traffic {
  std::string bundle = "v1";  // a name; its digest is used
  std::size_t rows = 200;
  float output = 0.3F;
  double rate = 0.3;  // of label 1
  double scale = 1;   // of x: 3 = most rows are out of range
  bool outcomes = true;
  std::size_t per_request = 1'000'000;  // rows
};

class World : public ::testing::Test {
 protected:
  World() { open(); }

  void open() {  // also: restart after a crash, since nothing is said to the controller before
    controller_.reset();
    runtime_.reset();
    log_.reset();
    log_ = *event::Log::open(folder_.path() + "/events");
    runtime_ = std::make_unique<serving::Runtime>(log_.get(), clock_);
    LoopParts parts{store_, *log_, *runtime_, clock_, [this](const std::string& digest) { return load(digest); },
                    {},     {}};
    parts.end_orphans = [this](const std::string& name, const std::string& value) -> Result<std::size_t> {
      orphans_.push_back(name + "=" + value);
      return 1;
    };
    controller_ = std::make_unique<Controller>(
        std::move(parts),
        [this](const Retrain& retrain, const os::Command& command) { launched_.push_back({retrain, command}); });
    ASSERT_TRUE(controller_->load());
  }

  [[nodiscard]] Result<LoadedBundle> load(const std::string& digest) {
    if (digest == digest_of("damaged")) return fail(Code::DataLoss, "bundle is damaged");
    return bundle_;
  }

  [[nodiscard]] Result<Placed> place(std::int64_t version) {
    clock_.advance_ms(1);
    NewVersion fresh;
    fresh.model = "late";
    fresh.version = version;
    fresh.bundle = digest_of("v" + std::to_string(version));
    fresh.endpoint = "flights";
    fresh.created_by = "test";
    return controller_->place(fresh);
  }

  // Rows spread over the day of `day_ms`; the id is made of day, bundle and number.
  void send(std::int64_t day_ms, const Traffic& traffic) {
    std::vector<event::Prediction> predictions;
    std::vector<event::Outcome> outcomes;
    for (std::size_t i = 0; i < traffic.rows; ++i) {
      event::Prediction row;
      row.id = text::format("{}-{}-{}:{}", day_ms / kDayMs, traffic.bundle, i / traffic.per_request,
                            i % traffic.per_request);
      row.time_ms = day_ms + static_cast<std::int64_t>(i) * kDayMs / static_cast<std::int64_t>(traffic.rows);
      row.endpoint = "flights";
      row.bundle = digest_of(traffic.bundle);
      row.inputs = {static_cast<float>(rng_.uniform() * traffic.scale)};
      row.output = traffic.output;
      row.latency_us = 5;
      if (traffic.outcomes)
        outcomes.push_back({row.id, day_ms + 2 * kDayMs, rng_.uniform() < traffic.rate ? 1.0 : 0.0});
      predictions.push_back(std::move(row));
    }
    ASSERT_TRUE(log_->append(std::move(predictions)));
    ASSERT_TRUE(outcomes.empty() || log_->append_durably(std::move(outcomes)));
  }

  void send_week(std::int64_t monday_ms, const Traffic& traffic) {
    for (int day = 0; day < 7; ++day) {
      send(monday_ms + day * kDayMs, traffic);
      ASSERT_TRUE(controller_->settle());
    }
  }

  void apply(std::string_view monitor, std::string_view rollout, std::string_view retrain) {
    Project project;
    project.name = "flights";
    project.folder = "/project";
    project.endpoint = "flights";
    project.monitor = *json::parse(monitor);
    project.rollout = *json::parse(rollout);
    project.retrain = *json::parse(retrain);
    const auto applied = controller_->apply(project);
    ASSERT_TRUE(applied) << applied.error().message;
  }

  LiveEndpoint live() { return controller_->live().at(0); }
  std::vector<std::string> served() {  // "champion 1"
    std::vector<std::string> out;
    const auto endpoint = *store_.endpoint("flights");
    for (const auto& variant : endpoint.variants)
      out.push_back(variant.variant + " " + std::to_string(variant.version));
    return out;
  }
  std::vector<std::string> actions(const std::string& rollout) {
    std::vector<std::string> out;
    const auto decisions = *store_.decisions(rollout);
    for (const auto& decision : decisions) out.push_back(decision.action);
    return out;
  }

  struct Launched {
    Retrain retrain;
    os::Command command;
  };
  os::TempFolder folder_ = *os::TempFolder::create();
  std::unique_ptr<sql::Database> database_ = *sql::Database::open(folder_.path() + "/db", {Store::migrations()});
  Store store_{*database_};
  ManualClock clock_{at("2026-01-01")};
  Rng rng_{3};
  LoadedBundle bundle_ = make_bundle();
  std::vector<Launched> launched_;
  std::vector<std::string> orphans_;  // marks of the retrainings whose processes were ended
  std::unique_ptr<event::Log> log_;
  std::unique_ptr<serving::Runtime> runtime_;
  std::unique_ptr<Controller> controller_;
};

}  // namespace fettle::control::testing
