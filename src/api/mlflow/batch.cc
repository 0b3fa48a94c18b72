#include "api/mlflow/batch.h"

#include <cstdint>
#include <utility>

#include "json/scanner.h"

namespace fettle::api::mlflow {
namespace {

using json::Scanner;

// Members of one object, each at most once: `member(name)` reads a value and returns the member's number, -1 for "no".
template <typename Member>
bool scan_object(Scanner& in, std::uint32_t needed, const Member& member) {
  if (!in.take('{')) return false;
  std::uint32_t seen = 0;
  if (in.take('}')) return needed == 0;
  do {
    const auto name = in.text();
    if (!name || !in.take(':')) return false;
    const int number = member(*name);
    if (number < 0 || (seen >> number & 1U) != 0) return false;
    seen |= 1U << number;
  } while (in.take(','));
  return in.take('}') && (seen & needed) == needed;
}

template <typename Element>
bool scan_list(Scanner& in, const Element& element) {
  if (!in.take('[')) return false;
  if (in.take(']')) return true;
  do {
    if (!element()) return false;
  } while (in.take(','));
  return in.take(']');
}

template <typename T, typename Read>
int stored(T& out, Read read, int number) {
  if (!read) return -1;
  out = *read;
  return number;
}

bool scan_metric(Scanner& in, tracking::Metric& out) {
  constexpr std::uint32_t kNeeded = 0b111;  // key, value, timestamp
  return scan_object(in, kNeeded,
                     [&](std::string_view name) {
                       if (name == "key") return stored(out.key, in.text(), 0);
                       if (name == "value") return stored(out.value, in.number(), 1);
                       if (name == "timestamp") return stored(out.time_ms, in.integer(), 2);
                       if (name == "step") return stored(out.step, in.integer(), 3);
                       if (name == "model_id") return stored(out.model_id, in.text(), 4);
                       if (name == "dataset_name") return stored(out.dataset_name, in.text(), 5);
                       if (name == "dataset_digest") return stored(out.dataset_digest, in.text(), 6);
                       return -1;
                     }) &&
         !out.key.empty();
}

bool scan_pair(Scanner& in, tracking::KeyValue& out) {
  return scan_object(in, 1U,
                     [&](std::string_view name) {
                       if (name == "key") return stored(out.key, in.text(), 0);
                       return name == "value" ? stored(out.value, in.text(), 1) : -1;
                     }) &&
         !out.key.empty();
}

template <typename T>
int elements(Scanner& in, std::vector<T>& out, bool (*scan)(Scanner&, T&), int number) {
  return scan_list(in, [&] { return scan(in, out.emplace_back()); }) ? number : -1;
}

}  // namespace

std::optional<LogBatch> read_plain_batch(std::string_view body) {
  LogBatch out;
  Scanner in(body);
  const bool plain = scan_object(in, 1U, [&](std::string_view name) {
    if (name == "run_id") return stored(out.run_id, in.text(), 0);
    if (name == "metrics") return elements(in, out.batch.metrics, scan_metric, 1);
    if (name == "params") return elements(in, out.batch.params, scan_pair, 2);
    return name == "tags" ? elements(in, out.batch.tags, scan_pair, 3) : -1;
  });
  if (!plain || !in.at_end() || out.run_id.empty()) return std::nullopt;
  return out;
}

Result<tracking::Metric> read_metric(const Input& input) {
  tracking::Metric out;
  FETTLE_TRY(out.key, input.need_text("key"));
  FETTLE_TRY(out.value, input.need_number("value"));
  FETTLE_TRY(out.time_ms, input.need_integer("timestamp"));
  FETTLE_TRY(out.step, input.integer("step", 0));
  FETTLE_TRY(out.model_id, input.text("model_id"));
  FETTLE_TRY(out.dataset_name, input.text("dataset_name"));
  FETTLE_TRY(out.dataset_digest, input.text("dataset_digest"));
  return out;
}

Result<tracking::Batch> read_batch(const Input& input) {
  tracking::Batch out;
  FETTLE_TRY(const auto metrics, input.objects("metrics"));
  for (const auto& one : metrics) {
    FETTLE_TRY(auto metric, read_metric(one));
    out.metrics.push_back(std::move(metric));
  }
  FETTLE_TRY(out.params, input.pairs("params"));
  FETTLE_TRY(out.tags, input.pairs("tags"));
  return out;
}

}  // namespace fettle::api::mlflow
