#include "history.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <string_view>
#include <vector>

#include "base/text.h"
#include "client.h"
#include "http/client.h"
#include "tracked.h"

namespace fettle::cli {
namespace {

constexpr std::size_t kPoints = 24;
constexpr std::size_t kMostPictures = 50;  // one request each
constexpr std::array<std::string_view, 8> kBars{"▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};

// The server thins a long history out, but may keep more points than are drawn.
std::vector<double> thinned(std::vector<double> values) {
  if (values.size() <= kPoints) return values;
  std::vector<double> out;
  for (std::size_t i = 0; i < kPoints; ++i) out.push_back(values[i * (values.size() - 1) / (kPoints - 1)]);
  return out;
}

}  // namespace

std::string sparkline(std::span<const double> values) {
  double low = std::numeric_limits<double>::infinity(), high = -low;
  for (const auto value : values) {
    if (!std::isfinite(value)) continue;
    low = std::min(low, value);
    high = std::max(high, value);
  }
  if (values.size() < 2 || low > high) return {};
  std::string out;
  for (const auto value : values) {
    if (!std::isfinite(value)) {
      out += "·";
      continue;
    }
    const auto share = high > low ? (value / 2 - low / 2) / (high / 2 - low / 2) : 0.5;  // halves: no overflow
    out += kBars[static_cast<std::size_t>(std::lround(share * (kBars.size() - 1)))];
  }
  return out;
}

Result<std::map<std::string, std::string>> histories_of(const std::string& server, const json::Value& run) {
  std::map<std::string, std::string> out;
  std::size_t asked = 0;
  for (const auto& metric : list_in(run.find("data"), "metrics")) {
    if (++asked > kMostPictures) break;
    const auto key = metric.text_or("key");
    FETTLE_TRY(const auto answer,
               client::get(server, text::format("{}?run_ids={}&metric_key={}&max_results={}",
                                                mlflow_path("/metrics/get-history-bulk-interval"),
                                                http::percent_encode(object_in(run, "info").text_or("run_id")),
                                                http::percent_encode(key), kPoints)));
    std::vector<double> values;
    for (const auto& point : list_in(&answer, "metrics")) values.push_back(number_in(point));
    if (auto picture = sparkline(thinned(std::move(values))); !picture.empty()) out.emplace(key, std::move(picture));
  }
  return out;
}

}  // namespace fettle::cli
