// Outcomes of predictions: what was found out later. Private to the module.
#pragma once

#include <string_view>
#include <vector>

#include "base/result.h"
#include "event/event.h"
#include "http/message.h"
#include "serving/runtime.h"

namespace fettle::serving {

// {"outcomes": [{"id", "label", "time_ms"?}]}, or columns {"ids": [...], "labels": [...], "time_ms": one or a list?}.
// Labels are finite numbers or true/false; `now_ms` is the time of those without one. InvalidArgument names the place.
[[nodiscard]] Result<std::vector<event::Outcome>> read_outcomes(std::string_view json, std::int64_t now_ms);
// Answers {"accepted": n} once they are on disk. Blocks: for a worker.
[[nodiscard]] http::Response outcomes_route(const Runtime& runtime, const http::Request& request);

}  // namespace fettle::serving
