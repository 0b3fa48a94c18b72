// The tracking API under load: `fettle server` beside `mlflow server` in one run, as one table.
//
//   fettle_bench_tracking [--rows NAME,NAME...] [--no-peer] [--json]
//
// Every row gets a fresh Fettle; MLflow's server, which takes half a minute to start, is one for all. Both get the same
// requests from the same blocking clients. A row is measured on one, then on the other, several times; the medians
// count. Every write is durable when answered.
#include <algorithm>
#include <cstdio>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "base/text.h"
#include "json/value.h"
#include "load.h"
#include "os/file.h"
#include "tracking/contents.h"
#include "tracking/rows.h"
#include "tracking/server.h"
#include "tracking/traffic.h"

namespace {

using namespace fettle;
using namespace fettle::bench;

struct Options {
  bool json = false, peer = true;
  std::vector<std::string> rows;  // empty: all
};

Options options_of(const std::vector<std::string_view>& arguments) {
  Options out;
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    if (arguments[i] == "--json")
      out.json = true;
    else if (arguments[i] == "--no-peer")
      out.peer = false;
    else if (arguments[i] == "--rows" && i + 1 < arguments.size())
      out.rows = text::split(arguments[++i], ',');
    else
      throw std::runtime_error(text::format("unknown option '{}'; there are --rows, --no-peer, --json", arguments[i]));
  }
  return out;
}

std::vector<Row> chosen_rows(const Options& options) {
  auto rows = table_rows();
  for (const auto& name : options.rows)
    if (std::ranges::find(rows, name, &Row::name) == rows.end()) {
      std::vector<std::string> known;
      for (const auto& row : rows) known.push_back(row.name);
      throw std::runtime_error(text::format("there is no row '{}'; there are {}", name, text::join(known, ", ")));
    }
  std::erase_if(
      rows, [&](const Row& row) { return !options.rows.empty() && !std::ranges::contains(options.rows, row.name); });
  return rows;
}

std::string with_commas(double value) {
  auto out = text::format("{:.{}f}", value, value < 100 ? 2 : 0);
  for (auto at = static_cast<std::ptrdiff_t>(std::min(out.find('.'), out.size())) - 3; at > 0; at -= 3)
    out.insert(static_cast<std::size_t>(at), ",");
  return out;
}

void print_title() {
  std::printf("%-58s %12s %14s %12s %8s  %-11s %s\n", "", "Fettle", "goal", "MLflow", "ratio", "", "holds");
}

// Whether the figure is what Fettle must reach.
bool print(const Figure& figure, double ours, std::optional<double> theirs, bool json) {
  const bool holds = figure.at_least ? ours >= figure.goal : ours <= figure.goal;
  const double ratio = !theirs ? 0 : figure.at_least ? ours / *theirs : *theirs / ours;
  if (json) {
    json::Value out;
    out.set("measure", figure.title).set("unit", figure.unit).set("fettle", ours).set("goal", figure.goal);
    if (theirs) out.set("mlflow", *theirs).set("ratio", ratio);
    std::printf("%s\n", json::dump(out.set("holds", holds)).c_str());
  } else {
    const auto goal = (figure.at_least ? ">= " : "<= ") + with_commas(figure.goal);
    std::printf("%-58s %12s %14s %12s %8s  %-11s %s\n", figure.title.c_str(), with_commas(ours).c_str(), goal.c_str(),
                theirs ? with_commas(*theirs).c_str() : "-", theirs ? text::format("{:.0f} x", ratio).c_str() : "",
                figure.unit.c_str(), holds ? "yes" : "NO");
  }
  std::fflush(stdout);
  return holds;
}

class Table {
 public:
  explicit Table(const Options& options) : json_(options.json) {
    if (!options.peer) return;
    progress("starting MLflow's server");
    need(os::make_folders(folder_.path() + "/mlflow"));
    peer_.emplace(TrackingServer::mlflow(folder_.path() + "/mlflow"));
  }

  void measure(const Row& row) {
    progress(text::format("{}: preparing", row.name));
    auto fettle = TrackingServer::fettle(folder_.path() + "/" + row.name);
    const auto ours = row.prepare(fettle);
    const auto theirs = peer_ && row.no_peer.empty() ? row.prepare(*peer_) : nullptr;
    Rounds of_ours;
    Rounds of_theirs;
    for (int round = 0; round < row.rounds; ++round) {
      progress(text::format("{}: round {} of {}", row.name, round + 1, row.rounds));
      of_ours.push_back(ours->measure());
      if (theirs) of_theirs.push_back(theirs->measure());
    }
    progress("");
    for (std::size_t i = 0; i < row.figures.size(); ++i, ++figures_)
      holding_ += print(row.figures[i], median_of(of_ours, i),
                        theirs ? std::optional(median_of(of_theirs, i)) : std::nullopt, json_)
                      ? 1
                      : 0;
  }
  void print_sum() const {
    if (!json_) std::printf("%d of %d goals hold\n", holding_, figures_);
  }

 private:
  using Rounds = std::vector<std::vector<double>>;
  static double median_of(const Rounds& rounds, std::size_t figure) {
    std::vector<double> values;
    for (const auto& round : rounds) values.push_back(round.at(figure));
    return median(std::move(values));
  }

  bool json_;
  int figures_ = 0, holding_ = 0;
  os::TempFolder folder_ = need(os::TempFolder::create());
  std::optional<TrackingServer> peer_;
};

}  // namespace

int main(int argc, char** argv) {
  try {
    const auto options = options_of({argv + 1, argv + argc});
    const auto rows = chosen_rows(options);
    Table table(options);
    if (!options.json) print_title();
    for (const auto& row : rows) table.measure(row);
    table.print_sum();
    return 0;
  } catch (const std::runtime_error& error) {
    std::fprintf(stderr, "\nfettle_bench_tracking: %s\n", error.what());
    return 1;
  }
}
