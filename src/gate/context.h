// Inside of the gate: what all checks look at, computed once, and the shape of one check.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "gate/checks.h"

namespace fettle::gate {

struct Context {
  const Suite& suite;
  const Inputs& inputs;
  std::vector<double> train_labels, labels;                // 0 or 1; of held-out rows
  std::vector<std::int64_t> days;                          // of held-out rows: the independent units; empty: rows are
  std::vector<float> outputs;                              // the model's on held-out rows
  double base_rate = 0;                                    // of the training rows: what the constant predicts
  std::vector<double> loss, constant_loss, champion_loss;  // per held-out row, nats; the last may be empty

  [[nodiscard]] static Result<Context> create(const Suite& suite, const Inputs& inputs);
};

// What a check is before it has looked; `found` finishes it.
struct Question {
  std::string_view name, hypothesis, method, unit;
};
[[nodiscard]] Check found(const Question& question, Status status, std::string message);

// One function a file of checks; each returns finished checks.
[[nodiscard]] Result<Check> check_schema(const Context& context);
[[nodiscard]] Result<Check> check_unseen(const Context& context);
[[nodiscard]] Result<Check> check_duplicates(const Context& context);
[[nodiscard]] Result<Check> check_time(const Context& context);
[[nodiscard]] Result<Check> check_feature(const Context& context);
[[nodiscard]] Result<Check> check_constant(const Context& context);
[[nodiscard]] Result<Check> check_champion(const Context& context);
[[nodiscard]] Result<Check> check_slices(const Context& context);
[[nodiscard]] Result<Check> check_champion_slices(const Context& context);
[[nodiscard]] Result<Check> check_bounds(const Context& context);
[[nodiscard]] Result<Check> check_robustness(const Context& context);
[[nodiscard]] Result<Check> check_determinism(const Context& context);
[[nodiscard]] Result<Check> check_latency(const Context& context, const Clock& clock);

}  // namespace fettle::gate
