// gRPC messages <-> a decoded batch. Pure; private to the module.
#pragma once

#include "base/result.h"
#include "inference.pb.h"
#include "serving/batch.h"

namespace fettle::serving {

// Texts borrow from `request`. REQUIRES: batch.begin().
[[nodiscard]] Result<void> read_infer(const inference::ModelInferRequest& request, Batch& batch);
void write_infer(const Batch& batch, inference::ModelInferResponse& response);
void write_metadata(const Endpoint& endpoint, inference::ModelMetadataResponse& response);

}  // namespace fettle::serving
