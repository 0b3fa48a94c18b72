// What is stored before a measure begins.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "http/client.h"

namespace fettle::bench {

// Says on stderr what takes long; the last word replaces the one before.
void progress(const std::string& what);

[[nodiscard]] std::string new_experiment(http::Client& client, const std::string& name);
[[nodiscard]] std::string new_run(http::Client& client, const std::string& experiment);

// A body for runs/log-batch: `count` points from step `first` on, spread over the keys m0, m1, ...; noisy curves that
// fall, a point every 50 ms or so.
[[nodiscard]] std::string points_body(const std::string& run, std::int64_t first, int count, int keys);
// `count` points of m0, a multiple of 1000.
void log_points(http::Client& client, const std::string& run, int count);
// An experiment of `runs` runs, each with 20 metrics, 10 params, 3 tags and a dataset.
[[nodiscard]] std::string make_runs(http::Client& client, int runs);

struct ManyRuns {
  std::string experiment;            // of a million runs
  std::vector<std::string> smaller;  // experiments of ten thousand each
};
// Through Fettle's import, in batches. Each run has metrics (auc evenly in 0 to 1, loss, epochs of few values), params
// and tags.
[[nodiscard]] ManyRuns import_many_runs(http::Client& client);

}  // namespace fettle::bench
