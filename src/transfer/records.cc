#include "transfer/records.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <tuple>

#include "base/text.h"
#include "json/describe.h"

namespace fettle::transfer {
namespace {

template <typename Item, typename Key>
void sort_unique(std::vector<Item>& items, Key key) {  // the last of equal keys stays
  std::ranges::stable_sort(items, {}, key);
  const auto kept = std::ranges::unique(items.rbegin(), items.rend(), {}, key);
  items.erase(items.begin(), kept.begin().base());
}

void clean(std::string& text) {
  if (!text::is_utf8(text)) text = valid_utf8(text);
}
template <typename... Texts>
void clean_all(Texts&... texts) {
  (clean(texts), ...);
}
void clean_pairs(std::vector<Pair>& pairs) {
  for (auto& pair : pairs) clean_all(pair.key, pair.value);
  sort_unique(pairs, &Pair::key);
}

double stored(double value) {
  constexpr double kMost = std::numeric_limits<double>::max();
  if (std::isnan(value)) return std::numeric_limits<double>::quiet_NaN();
  return std::clamp(value, -kMost, kMost) + 0.0;  // no negative zero
}

// Numbers in an order that has a place for NaN.
auto order_of(const Point& point) {
  return std::tuple(point.time_ms, point.step, std::isnan(point.value), std::isnan(point.value) ? 0.0 : point.value);
}

template <typename Record>
Digest json_digest(const Record& record) {
  return Digest::of(json::dump(json::to_value(record)));
}

std::size_t sequence_length(unsigned char first) {
  if (first < 0x80) return 1;
  if (first >= 0xC2 && first < 0xE0) return 2;
  if (first >= 0xE0 && first < 0xF0) return 3;
  return first >= 0xF0 && first < 0xF5 ? 4 : 0;
}

}  // namespace

std::string valid_utf8(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size();) {
    const auto length = sequence_length(static_cast<unsigned char>(text[i]));
    if (length > 0 && i + length <= text.size() && text::is_utf8(text.substr(i, length))) {
      out += text.substr(i, length);
      i += length;
    } else {
      out += "\xEF\xBF\xBD";
      ++i;
    }
  }
  return out;
}

void normalise(ExperimentRecord& record) {
  clean_all(record.name, record.artifact_location);
  clean_pairs(record.tags);
}

void normalise(RunRecord& record) {
  clean_all(record.name, record.user, record.artifact_uri);
  clean_pairs(record.params);
  clean_pairs(record.tags);
  if (record.name.empty())
    for (const auto& tag : record.tags)
      if (tag.key == "mlflow.runName") record.name = tag.value;
  for (auto& dataset : record.datasets) {
    clean_all(dataset.name, dataset.digest, dataset.source_type, dataset.source);
    if (dataset.schema) clean(*dataset.schema);
    if (dataset.profile) clean(*dataset.profile);
    clean_pairs(dataset.tags);
  }
  sort_unique(record.datasets, [](const DatasetRecord& d) { return std::pair(d.name, d.digest); });
  sort_unique(record.model_inputs, std::identity());
  sort_unique(record.outputs, &OutputRecord::model_id);
}

void normalise(ModelRecord& record) {
  clean_all(record.name, record.artifact_uri, record.type, record.status_message);
  clean_pairs(record.params);
  clean_pairs(record.tags);
  for (auto& point : record.metrics) {
    clean_all(point.key, point.dataset_name, point.dataset_digest);
    point.value = stored(point.value);
  }
  sort_unique(record.metrics, [](const ModelPoint& p) { return std::tuple(p.key, p.time_ms, p.step, p.run_id); });
}

void normalise(RegisteredRecord& record) {
  clean_all(record.name, record.description);
  clean_pairs(record.tags);
  sort_unique(record.aliases, &AliasRecord::alias);
  for (auto& version : record.versions) {
    clean_all(version.source, version.storage_location, version.run_link, version.user, version.description);
    clean_pairs(version.tags);
    if (version.storage_location.empty()) version.storage_location = version.source;
    if (version.deleted) {
      const auto left = version;
      version = {};
      version.version = left.version;
      version.deleted = true;
      version.created_ms = left.created_ms;
      version.updated_ms = left.updated_ms;
    }
  }
  sort_unique(record.versions, &VersionRecord::version);
}

void normalise(Series& series) {
  for (auto& [key, points] : series) {
    for (auto& point : points) point.value = stored(point.value);
    sort_unique(points, order_of);
  }
  std::erase_if(series, [](const auto& entry) { return entry.second.empty(); });
}

Digest digest_of(const ExperimentRecord& record) { return json_digest(record); }
Digest digest_of(const ModelRecord& record) { return json_digest(record); }
Digest digest_of(const RegisteredRecord& record) { return json_digest(record); }
Digest digest_of(RunRecord record) {
  record.deleted_ms.reset();
  return json_digest(record);
}

Digest digest_of(const Series& series) {
  Hasher hasher;
  for (const auto& [key, points] : series) {
    hasher.add(key);
    hasher.add(text::format("\n{}\n", points.size()));
    for (const auto& point : points)
      hasher.add(text::format("{} {} {:x}\n", point.time_ms, point.step, std::bit_cast<std::uint64_t>(point.value)));
  }
  return hasher.finish();
}

std::size_t points_of(const Series& series) {
  std::size_t out = 0;
  for (const auto& [key, points] : series) out += points.size();
  return out;
}

}  // namespace fettle::transfer
