// Predictions over gRPC: service inference.GRPCInferenceService in Triton's dialect (inference.proto).
//
// One thread with one completion queue reads, scores and answers: it is a data loop, so nothing on it blocks. Only
// programs that link fettle_serving_grpc pay for gRPC.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"
#include "serving/runtime.h"

namespace fettle::serving {

struct GrpcTls {  // contents of PEM files; empty = plain
  std::string certificate, key;
};

// Whether a call may ask the model ("" is any): Unauthenticated, or NotFound in the words of a missing one. Called on
// the server's thread: must not block.
using GrpcGate = std::function<Result<void>(std::string_view authorization, std::string_view model)>;

class GrpcServer {
 public:
  // `address` is HOST:PORT, port 0 for a free one. Unavailable if the port is in use, or TLS has no use for the
  // certificate. `runtime` is borrowed and outlives the server.
  [[nodiscard]] static Result<std::unique_ptr<GrpcServer>> start(std::string_view address, Runtime& runtime,
                                                                 const GrpcTls& tls = {}, GrpcGate gate = {});
  ~GrpcServer();                              // drain with 0 ms
  [[nodiscard]] std::string address() const;  // "127.0.0.1:43211", the real port
  // Stops accepting and lets running requests finish, at most `timeout_ms`.
  void drain(std::int64_t timeout_ms);

 private:
  struct Impl;
  explicit GrpcServer(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace fettle::serving
