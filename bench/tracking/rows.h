// The rows of the table: what is measured, and what Fettle must reach.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "http/client.h"
#include "tracking/server.h"

namespace fettle::bench {

struct Figure {
  std::string title;
  std::string unit;  // "/s", "points/s", "ms", "MB", "bytes/point"
  double goal = 0;
  bool at_least = false;  // else at most
};

class Stage {  // A row's measure on one server, prepared. Its figures of one round, in the order of the row's.
 public:
  virtual ~Stage() = default;
  [[nodiscard]] virtual std::vector<double> measure() = 0;
};

struct Row {
  std::string name;  // for --rows
  std::vector<Figure> figures;
  int rounds = 5;       // alternations, of which the median counts
  std::string no_peer;  // why MLflow's server is left out; empty: it is not
  std::function<std::unique_ptr<Stage>(TrackingServer&)> prepare;
};

[[nodiscard]] std::vector<Row> table_rows();

}  // namespace fettle::bench
