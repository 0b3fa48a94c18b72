#include <algorithm>
#include <cmath>
#include <tuple>
#include <unordered_map>
#include <unordered_set>

#include "base/text.h"
#include "tracking/names.h"
#include "tracking/query.h"
#include "tracking/rows.h"
#include "tracking/series_rows.h"
#include "tracking/step_index.h"
#include "tracking/store.h"

namespace fettle::tracking {
namespace {

using sql::Row;
using sql::Session;

// A value as its two columns, where NaN is 0 with a mark.
struct Stored {
  double value = 0;
  std::int64_t is_nan = 0;
};
Stored store_form(const Point& point) {
  const auto value = point.value();
  return std::isnan(value) ? Stored{0, 1} : Stored{value, 0};
}

bool later(const Point& a, const Point& b) {
  return std::tuple(a.step, a.time_ms, store_form(a).value) > std::tuple(b.step, b.time_ms, store_form(b).value);
}

Result<void> put_latest(Session& session, const RunRow& run, std::int64_t key, const Point& point) {
  const auto [value, is_nan] = store_form(point);
  FETTLE_TRY(const auto experiment, experiment_number(run.info.experiment));
  return session.post(
      "INSERT INTO latest_metrics(run, key, experiment, start_ms, time_ms, step, value, is_nan) "
      "VALUES(?, ?, ?, ?, ?, ?, ?, ?) "
      "ON CONFLICT(run, key) DO UPDATE SET time_ms = excluded.time_ms, step = excluded.step, value = excluded.value, "
      "is_nan = excluded.is_nan WHERE (excluded.step, excluded.time_ms, excluded.value) > "
      "(latest_metrics.step, latest_metrics.time_ms, latest_metrics.value)",
      {run.row, key, experiment, run.info.start_ms, point.time_ms, point.step, value, is_nan});
}

Result<void> put_model_point(Session& session, const RunRow& run, std::int64_t key, const Metric& metric) {
  const auto [value, is_nan] = store_form(Point::of(metric.time_ms, metric.step, metric.value));
  FETTLE_TRY(
      const auto added,
      session.execute("INSERT INTO model_metrics SELECT id, ?, ?, ?, ?, ?, ?, ?, ? FROM logged_models WHERE model_id "
                      "= ? AND stage = 0 ON CONFLICT(model, key, time_ms, step, run_id) DO UPDATE SET value = "
                      "excluded.value, is_nan = excluded.is_nan, dataset_name = excluded.dataset_name, "
                      "dataset_digest = excluded.dataset_digest",
                      {key, metric.time_ms, metric.step, std::string_view(run.info.id.str()), value, is_nan,
                       std::string_view(metric.dataset_name), std::string_view(metric.dataset_digest),
                       std::string_view(metric.model_id)}));
  if (added == 0) return fail(Code::NotFound, text::format("Logged model with ID '{}' not found.", metric.model_id));
  return {};
}

Result<Point> point_of(const std::vector<Bound>& terms) {
  const auto* time = std::get_if<std::int64_t>(&terms[0]);
  const auto* step = std::get_if<std::int64_t>(&terms[1]);
  const auto* code = std::get_if<std::int64_t>(&terms[2]);
  if (time != nullptr && step != nullptr && code != nullptr) return Point{*time, *step, *code};
  return fail(Code::InvalidArgument, "Invalid page token: give the token of the page before, unchanged");
}

// The series of one metric in a run; none of an unknown run or metric.
Result<std::optional<SeriesId>> find_series(Session& session, std::string_view run, std::int64_t key) {
  std::optional<SeriesId> out;
  FETTLE_TRY_(session.query("SELECT id FROM runs WHERE run_id = ?", {run}, [&](const Row& row) {
    out = SeriesId{row.integer(0), key};
    return false;
  }));
  return key == 0 ? std::nullopt : out;
}

}  // namespace

Result<void> check_metrics(const std::vector<Metric>& metrics) {
  std::unordered_set<std::string_view> checked;
  for (std::size_t i = 0; i < metrics.size(); ++i) {
    if (checked.insert(metrics[i].key).second)
      FETTLE_TRY_(check_key(text::format("metrics[{}].key", i), metrics[i].key));
    if (metrics[i].time_ms < 0)
      return invalid_value(text::format("metrics[{}].timestamp", i), std::to_string(metrics[i].time_ms),
                           "timestamp must be a non-negative whole number of milliseconds");
  }
  return {};
}

std::vector<NewPoints> by_key(const std::vector<Metric>& metrics) {
  std::vector<NewPoints> out;
  std::unordered_map<std::string_view, std::size_t> places;
  for (const auto& metric : metrics) {
    const auto [place, is_new] = places.try_emplace(metric.key, out.size());
    if (is_new) out.push_back({metric.key, {}, {}, {}});
    auto& series = out[place->second];
    series.points.push_back(Point::of(metric.time_ms, metric.step, metric.value));
    if (is_new || later(series.points.back(), series.latest)) series.latest = series.points.back();
    if (!metric.model_id.empty()) series.of_models.push_back(&metric);
  }
  for (auto& series : out) put_in_order(series.points);
  return out;
}

Result<void> put_metrics(Session& session, const RunRow& run, const std::vector<NewPoints>& metrics) {
  for (const auto& metric : metrics) {
    FETTLE_TRY(const auto key, metric_key(session, metric.key, true));
    const SeriesId series{run.row, key};
    FETTLE_TRY_(put_series(session, series, metric.points));
    FETTLE_TRY_(put_latest(session, run, key, metric.latest));
    for (const auto* point : metric.of_models) FETTLE_TRY_(put_model_point(session, run, key, *point));
  }
  return {};
}

Result<Page<Point>> Store::metric_history(const RunId& id, const std::string& key, std::int64_t limit,
                                          const std::string& page_token) const {
  const auto query = id.str() + "|" + key;
  std::optional<Point> after;
  if (!page_token.empty()) {
    FETTLE_TRY(const auto terms, read_token(page_token, query, 3));
    FETTLE_TRY(after, point_of(terms));
  }
  return read_value<Page<Point>>(database_, [&](Session& session) -> Result<Page<Point>> {
    Page<Point> page;
    FETTLE_TRY(const auto number, metric_key(session, key, false));
    FETTLE_TRY(const auto series, find_series(session, id.str(), number));
    if (!series) return page;
    const auto most = static_cast<std::size_t>(limit);
    FETTLE_TRY(page.items, load_points(session, *series, after, most + 1));
    if (page.items.size() <= most) return page;
    page.items.pop_back();
    const auto& last = page.items.back();
    page.next_token = make_token(query, {last.time_ms, last.step, last.code});
    return page;
  });
}

Result<std::vector<Series>> Store::sampled_history(const std::vector<std::string>& runs, const std::string& key,
                                                   std::int64_t first, std::int64_t last, std::int64_t limit) const {
  return read_value<std::vector<Series>>(database_, [&](Session& session) -> Result<std::vector<Series>> {
    FETTLE_TRY(const auto number, metric_key(session, key, false));
    std::vector<Series> out;
    std::vector<StepIndex> indexes;
    for (const auto& run : runs) {
      FETTLE_TRY(const auto series, find_series(session, run, number));
      if (!series) continue;
      FETTLE_TRY(auto index, StepIndex::load(session, *series, first, last));
      indexes.push_back(std::move(index));
      out.push_back({run, {}});
    }
    const auto kept = kept_steps(indexes, limit);
    for (std::size_t i = 0; i < out.size(); ++i) {
      FETTLE_TRY(out[i].points, indexes[i].points_at(session, kept));
    }
    return out;
  });
}

}  // namespace fettle::tracking
