// Scores a decoded request: every row to its variant, one event a row. Private to the module.
#pragma once

#include <cstdint>

#include "base/result.h"
#include "serving/batch.h"
#include "serving/runtime.h"

namespace fettle::serving {

// Fills batch.outputs and batch.competitors, counts, and appends events. Neither blocks nor fails: what the log has no
// room for is counted. `started_ns` is when the request's decoding began (monotonic). REQUIRES: batch.finish().
void infer(Batch& batch, const Runtime& runtime, std::int64_t started_ns);

// A fresh request id: 32 hex digits from a generator of this thread, seeded by the system. Not secret.
void make_id(std::string& out);

}  // namespace fettle::serving
