// Scores many rows on all cores.
#pragma once

#include <span>

#include "model/predictor.h"

namespace fettle::model {

// As predictor.predict(rows, out). Rows are independent, so the scores are the same on any number of threads.
// `threads` 0 = all cores. Few rows are scored on the calling thread alone.
void predict_all(const Predictor& predictor, std::span<const float> rows, std::span<float> out, unsigned threads = 0);

}  // namespace fettle::model
