// What the data plane counts, as Prometheus text: requests, rows, errors and latency by endpoint and variant, dropped
// events.
#pragma once

#include <string>

#include "serving/runtime.h"

namespace fettle::serving {

// Version 0.0.4 of the text format. Any thread.
[[nodiscard]] std::string exposition(const Runtime& runtime);

}  // namespace fettle::serving
