// Predictions over HTTP: the Open Inference Protocol (version 2) and MLflow's scoring protocol.
//
//   GET  /v2, /v2/health/live, /v2/health/ready, /v2/models/{model}[/versions/{version}][/ready]
//   POST /v2/models/{model}[/versions/{version}]/infer   JSON or the binary tensor extension
//   POST /v2/repository/index
//   POST /invocations (when there is one endpoint), /endpoints/{model}/invocations; GET /ping
//   POST /v2/outcomes                                     answers once the outcomes are on disk
//
// Inputs are the model's columns by name, shape [n] or [n, 1], or one input of shape [n, columns]. Two inputs are
// reserved: `fettle.unit` (BYTES [n], who is assigned to a variant) and `fettle.time_ms` (INT64 [n], event time);
// the request parameters `unit` and `time_ms` say one for all rows. A row's prediction id is "<request id>:<row>"; its
// prefix comes back as parameter `prediction_id_prefix`. Output `fettle.variant` tells who answered each row.
#pragma once

#include <functional>
#include <string_view>

#include "http/server.h"
#include "serving/runtime.h"

namespace fettle::serving {

// Whether a request's caller may ask the model; "" is any model. Called on the loop: must not block.
using MayAsk = std::function<bool(const http::Request& request, std::string_view model)>;

// Adds the routes; `runtime` is borrowed and outlives the server. Predictions run on the connection's loop, outcomes on
// a worker. A model that the caller may not ask is answered as one that does not exist; without `may_ask`, all may ask.
void add_routes(http::Router& router, Runtime& runtime, MayAsk may_ask = {});

}  // namespace fettle::serving
