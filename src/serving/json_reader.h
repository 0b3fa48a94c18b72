// Requests in JSON, read on demand: numbers go from the text straight to their place, nothing is built in between.
// Private to the module.
//
// NaN, Infinity and -Infinity are read as Python writes them; null is a missing value. Texts borrow from the reader
// until its next request.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"
#include "serving/batch.h"

namespace fettle::serving {

class JsonReader {  // Keeps its buffers. Not thread-safe: one a thread.
 public:
  JsonReader();
  ~JsonReader();
  JsonReader(const JsonReader&) = delete;
  JsonReader& operator=(const JsonReader&) = delete;

  // The Open Inference Protocol's inference request; `raw` holds the binary tensors, in the order of the inputs.
  // REQUIRES: batch.begin().
  [[nodiscard]] Result<void> read_infer(std::string_view json, std::string_view raw, Batch& batch);
  // MLflow's scoring request: dataframe_split, dataframe_records, instances or inputs.
  [[nodiscard]] Result<void> read_invocation(std::string_view json, Batch& batch);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace fettle::serving
