#include "serving/metrics.h"

#include "base/text.h"
#include "serving/endpoint.h"

namespace fettle::serving {
namespace {

using Endpoints = std::vector<std::shared_ptr<const Endpoint>>;

std::string label(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += c == '\n' ? ' ' : c;
  }
  return out;
}

std::string labels(const Endpoint& endpoint, const Competitor& competitor) {
  return text::format("endpoint=\"{}\",variant=\"{}\",version=\"{}\"", label(endpoint.name),
                      label(competitor.variant.name), label(competitor.version));
}

void head(std::string& out, std::string_view name, std::string_view type, std::string_view help) {
  out += text::format("# HELP {0} {1}\n# TYPE {0} {2}\n", name, help, type);
}

// One counter of every variant.
template <typename Get>
void variants(std::string& out, const Endpoints& endpoints, std::string_view name, std::string_view help, Get&& get) {
  head(out, name, "counter", help);
  for (const auto& endpoint : endpoints)
    for (const auto& competitor : endpoint->competitors)
      out += text::format("{}{{{}}} {}\n", name, labels(*endpoint, competitor), get(*competitor.counters).load());
}

template <typename Get>
void endpoint_counter(std::string& out, const Endpoints& endpoints, std::string_view name, std::string_view help,
                      Get&& get) {
  head(out, name, "counter", help);
  for (const auto& endpoint : endpoints)
    out += text::format("{}{{endpoint=\"{}\"}} {}\n", name, label(endpoint->name), get(*endpoint->counters).load());
}

void histogram(std::string& out, std::string_view labels, const VariantCounters& counters) {
  constexpr std::string_view kName = "fettle_request_duration_seconds";
  std::uint64_t sum = 0;
  for (std::size_t i = 0; i < counters.buckets.size(); ++i) {
    sum += counters.buckets[i].load();
    const auto bound = i < kLatencyBounds.size() ? text::number(kLatencyBounds[i] / 1e6) : std::string("+Inf");
    out += text::format("{}_bucket{{{},le=\"{}\"}} {}\n", kName, labels, bound, sum);
  }
  out += text::format("{}_sum{{{}}} {}\n", kName, labels,
                      text::number(static_cast<double>(counters.latency_ns.load()) / 1e9));
  out += text::format("{}_count{{{}}} {}\n", kName, labels, sum);
}

}  // namespace

std::string exposition(const Runtime& runtime) {
  const auto endpoints = runtime.list();
  std::string out;
  variants(out, endpoints, "fettle_requests_total", "Requests in which the variant answered rows.",
           [](auto& counters) -> auto& { return counters.requests; });
  variants(out, endpoints, "fettle_predictions_total", "Rows that the variant answered.",
           [](auto& counters) -> auto& { return counters.rows; });
  endpoint_counter(out, endpoints, "fettle_request_errors_total", "Requests that were refused.",
                   [](auto& counters) -> auto& { return counters.errors; });
  endpoint_counter(out, endpoints, "fettle_predictions_unkept_total",
                   "Rows whose event was dropped because the log was full.",
                   [](auto& counters) -> auto& { return counters.unkept; });
  head(out, "fettle_request_duration_seconds", "histogram", "From the first byte decoded to the last row scored.");
  for (const auto& endpoint : endpoints)
    for (const auto& competitor : endpoint->competitors)
      histogram(out, labels(*endpoint, competitor), *competitor.counters);
  if (const auto* log = runtime.log()) {
    head(out, "fettle_events_written_total", "counter", "Events written to the log.");
    out += text::format("fettle_events_written_total {}\n", log->written());
    head(out, "fettle_events_dropped_total", "counter", "Events that the log had no room for, or could not write.");
    out += text::format("fettle_events_dropped_total {}\n", log->dropped());
  }
  return out;
}

}  // namespace fettle::serving
