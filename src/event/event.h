// Prediction and outcome events: what was asked, answered and later found out.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace fettle::event {

// One answered row. `inputs` has one float per signature column (categories as codes; NaN = missing or unknown text);
// `texts` carries the raw text of unknown categories only, as "column=value", so that drift can name what is new.
struct Prediction {
  std::string id;            // "<request id>:<row>", unique
  std::int64_t time_ms = 0;  // event time: when the prediction was made, or what a replay says
  std::string endpoint;
  std::string variant;  // "champion", "challenger"
  std::string bundle;   // digest, 64 hex digits
  std::string unit;     // assignment unit; empty if none was given
  std::vector<float> inputs;
  std::vector<std::string> texts;
  float output = 0;
  float latency_us = 0;
};

struct Outcome {
  std::string id;            // the prediction's id
  std::int64_t time_ms = 0;  // when the label became known
  double label = 0;
};

}  // namespace fettle::event
