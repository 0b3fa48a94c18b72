// What a gate needs from the world: a project's suite, its tables and model, and the champion of its endpoint, fetched
// from the server. The checks themselves are pure (src/gate).
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "gate/checks.h"
#include "json/value.h"

namespace fettle::cli {

struct GateRequest {
  json::Value gates;   // section of fettle.yaml
  std::string suite;   // its entry
  std::string folder;  // the project's
  std::string server;  // where the champion is; empty: none to compare with
  bool insist = true;  // an unreachable server is an error; false: judged without a champion
};

struct GateCase {
  gate::Suite suite;
  std::string name;
  table::Table train, valid;
  model::LoadedModel model;
  std::vector<float> valid_rows, champion_outputs;
  std::optional<dataset::Schema> schema;
  std::optional<json::Value> metrics;
  std::string model_digest, champion;  // of the model file; of the champion's bundle, empty if there is none
  std::string without_champion;        // why there is none, for a person
};

// InvalidArgument names the suite's key; NotFound the suite (with the closest), a file or a column.
[[nodiscard]] Result<GateCase> load_gate_case(const GateRequest& request);
[[nodiscard]] Result<gate::Verdict> judge(const GateCase& the_case);
// FailedPrecondition with the whole report if the verdict stops the model.
[[nodiscard]] Result<void> to_result(const gate::Verdict& verdict, std::string_view verdict_path);

}  // namespace fettle::cli
