// Scores and explains many rows on all cores.
#pragma once

#include <span>

#include "model/predictor.h"

namespace fettle::model {

// As predictor.predict(rows, out). Rows are independent, so the scores are the same on any number of threads.
// `threads` 0 = all cores. Few rows are scored on the calling thread alone.
void predict_all(const Predictor& predictor, std::span<const float> rows, std::span<float> out, unsigned threads = 0);

// As explainer.explain(rows, out); `features`, `outputs`: of its predictor.
void explain_all(const Explainer& explainer, std::size_t features, std::size_t outputs, std::span<const float> rows,
                 std::span<float> out, unsigned threads = 0);

}  // namespace fettle::model
