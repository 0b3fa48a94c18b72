// MLflow's file store: a folder `mlruns/` of one folder an experiment, one folder a run, one file a metric.
//
// Grammar: docs/reference/import.md. Runs without meta.yaml are leftovers and skipped; a metric line has "time value
// [step [run or dataset words]]". Nothing is written.
#pragma once

#include <memory>
#include <string>

#include "transfer/source.h"

namespace fettle::transfer {

// NotFound if the folder has no experiment; InvalidArgument with file and line for what does not read.
[[nodiscard]] Result<std::unique_ptr<Source>> open_folder(const std::string& folder);

// Pure pieces, for tests.
[[nodiscard]] Result<std::pair<Point, std::vector<std::string>>> parse_metric_line(std::string_view line);

}  // namespace fettle::transfer
