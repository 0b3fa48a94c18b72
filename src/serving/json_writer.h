// Answers in JSON and the binary tensor extension. Pure; private to the module.
#pragma once

#include <string>
#include <string_view>

#include "serving/batch.h"

namespace fettle::serving {

struct InferAnswer {
  std::string body;
  std::size_t header_size = 0;  // of the JSON before binary tensors; 0 = all is JSON
};
[[nodiscard]] InferAnswer write_infer(const Batch& batch);
// MLflow's {"predictions": [...]}; one list a row when a row has several outputs.
[[nodiscard]] std::string write_invocation(const Batch& batch);

inline constexpr std::string_view kPlatform = "fettle";
[[nodiscard]] std::string_view column_datatype(const Column& column) noexcept;  // what its input is best sent as
[[nodiscard]] std::string write_model_metadata(const Endpoint& endpoint);

// The version that answered all rows; the first variant's if several did. `bundle` is empty if several did.
struct Answerer {
  std::string_view version, bundle;
};
[[nodiscard]] Answerer answerer(const Batch& batch) noexcept;

}  // namespace fettle::serving
