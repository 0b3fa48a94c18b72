#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <set>
#include <tuple>

#include "base/text.h"
#include "json/value.h"
#include "tracking/names.h"
#include "tracking/query.h"
#include "tracking/rows.h"
#include "tracking/store.h"

namespace fettle::tracking {
namespace {

using sql::Row;
using sql::Session;

struct Stored {  // a value as its two columns
  double value = 0;
  std::int64_t is_nan = 0;
};
Stored store_form(double value) {
  if (std::isnan(value)) return {0, 1};
  constexpr double kMost = std::numeric_limits<double>::max();
  return {std::clamp(value, -kMost, kMost), 0};
}
double value_of(const Row& row, int value, int is_nan) {
  return row.integer(is_nan) != 0 ? std::numeric_limits<double>::quiet_NaN() : row.real(value);
}

bool later(const Metric& a, const Metric& b) {
  return std::tuple(a.step, a.time_ms, store_form(a.value).value) >
         std::tuple(b.step, b.time_ms, store_form(b.value).value);
}

Result<void> put_point(Session& session, std::int64_t run, std::int64_t key, const Metric& metric) {
  const auto [value, is_nan] = store_form(metric.value);
  FETTLE_TRY_(session.execute("INSERT OR IGNORE INTO metrics VALUES(?, ?, ?, ?, ?, ?)",
                              {run, key, metric.time_ms, metric.step, value, is_nan}));
  return {};
}

Result<void> put_latest(Session& session, std::int64_t run, std::int64_t key, const Metric& metric) {
  const auto [value, is_nan] = store_form(metric.value);
  FETTLE_TRY_(session.execute(
      "INSERT INTO latest_metrics(run, key, time_ms, step, value, is_nan) VALUES(?, ?, ?, ?, ?, ?) "
      "ON CONFLICT(run, key) DO UPDATE SET time_ms = excluded.time_ms, step = excluded.step, value = excluded.value, "
      "is_nan = excluded.is_nan "
      "WHERE (excluded.step, excluded.time_ms, excluded.value) > (step, time_ms, value)",
      {run, key, metric.time_ms, metric.step, value, is_nan}));
  return {};
}

Result<void> put_model_point(Session& session, const RunRow& run, std::int64_t key, const Metric& metric) {
  const auto [value, is_nan] = store_form(metric.value);
  FETTLE_TRY(const auto added,
             session.execute("INSERT OR REPLACE INTO model_metrics SELECT id, ?, ?, ?, ?, ?, ?, ?, ? FROM "
                             "logged_models WHERE model_id = ? AND stage = 0",
                             {key, metric.time_ms, metric.step, std::string_view(run.info.id.str()), value, is_nan,
                              std::string_view(metric.dataset_name), std::string_view(metric.dataset_digest),
                              std::string_view(metric.model_id)}));
  if (added == 0) return fail(Code::NotFound, text::format("Logged model with ID '{}' not found.", metric.model_id));
  return {};
}

Metric point_of(const Row& row, const std::string& key) {
  Metric out;
  out.key = key;
  out.time_ms = row.integer(0);
  out.step = row.integer(1);
  out.value = value_of(row, 2, 3);
  return out;
}

struct RunPoints {
  std::string run_id;
  std::vector<Metric> points;
};

// The points of one metric of many runs, each by time, within [first, last].
Result<std::vector<RunPoints>> load_points(Session& session, const std::vector<std::string>& runs,
                                           const std::string& key, std::int64_t first, std::int64_t last) {
  std::vector<RunPoints> out;
  FETTLE_TRY(const auto number, metric_key(session, key, false));
  for (const auto& run : runs) {
    RunPoints one{run, {}};
    FETTLE_TRY_(session.query(
        "SELECT time_ms, step, value, is_nan FROM metrics WHERE run = (SELECT id FROM runs WHERE run_id = ?) AND "
        "key = ? AND step BETWEEN ? AND ? ORDER BY time_ms, step, value, is_nan",
        {std::string_view(run), number, first, last}, [&](const Row& row) {
          one.points.push_back(point_of(row, key));
          one.points.back().run_id = run;
          return true;
        }));
    out.push_back(std::move(one));
  }
  return out;
}

// Which steps to keep: about `limit`, even over the distinct steps, the last one, and each run's extremes.
std::set<std::int64_t> kept_steps(const std::vector<RunPoints>& runs, std::int64_t limit) {
  std::set<std::int64_t> all;
  std::set<std::int64_t> kept;
  for (const auto& run : runs) {
    if (run.points.empty()) continue;
    for (const auto& point : run.points) all.insert(point.step);
    const auto [low, high] = std::ranges::minmax_element(run.points, {}, &Metric::step);
    kept.insert({low->step, high->step});
  }
  const std::vector<std::int64_t> steps(all.begin(), all.end());
  const auto count = std::min(static_cast<std::size_t>(std::max<std::int64_t>(limit, 1)), steps.size());
  for (std::size_t i = 0; i < count; ++i) kept.insert(steps[i * steps.size() / count]);
  if (!steps.empty()) kept.insert(steps.back());
  return kept;
}

}  // namespace

Result<void> check_metrics(const std::vector<Metric>& metrics) {
  for (std::size_t i = 0; i < metrics.size(); ++i) {
    FETTLE_TRY_(check_key(text::format("metrics[{}].key", i), metrics[i].key));
    if (metrics[i].time_ms < 0)
      return invalid_value(text::format("metrics[{}].timestamp", i), std::to_string(metrics[i].time_ms),
                           "timestamp must be a non-negative whole number of milliseconds");
  }
  return {};
}

// Each distinct key is looked up and its latest value updated once, however many points a batch has.
Result<void> put_metrics(Session& session, const RunRow& run, const std::vector<Metric>& metrics) {
  std::map<std::string_view, std::pair<std::int64_t, const Metric*>> keys;
  for (const auto& metric : metrics) {
    auto [entry, is_new] = keys.try_emplace(metric.key, 0, &metric);
    auto& [key, latest] = entry->second;
    if (is_new) {
      FETTLE_TRY(key, metric_key(session, metric.key, true));
    }
    if (!is_new && later(metric, *latest)) latest = &metric;
    FETTLE_TRY_(put_point(session, run.row, key, metric));
    if (!metric.model_id.empty()) FETTLE_TRY_(put_model_point(session, run, key, metric));
  }
  for (const auto& [name, entry] : keys) FETTLE_TRY_(put_latest(session, run.row, entry.first, *entry.second));
  return {};
}

Result<Page<Metric>> Store::metric_history(const RunId& id, const std::string& key, std::int64_t limit,
                                           const std::string& page_token) const {
  const auto query = id.str() + "|" + key;
  std::vector<Bound> last{std::int64_t{-1}, std::int64_t{0}, 0.0, std::int64_t{0}};
  if (!page_token.empty()) {
    FETTLE_TRY(last, read_token(page_token, query, 4));
  }
  return read_value<Page<Metric>>(database_, [&](Session& session) -> Result<Page<Metric>> {
    FETTLE_TRY(const auto number, metric_key(session, key, false));
    Sql statement{
        "SELECT time_ms, step, value, is_nan FROM metrics WHERE run = (SELECT id FROM runs WHERE run_id = ?) AND "
        "key = ? AND (time_ms, step, value, is_nan) > (?, ?, ?, ?) ORDER BY time_ms, step, value, is_nan LIMIT ?",
        {id.str(), number}};
    statement.add("", last).add("", {limit + 1});
    Page<Metric> page;
    FETTLE_TRY_(session.query(statement.text, statement.parameters(), [&](const Row& row) {
      if (static_cast<std::int64_t>(page.items.size()) == limit) {
        page.next_token = make_token(query, last);
        return false;
      }
      page.items.push_back(point_of(row, key));
      if (static_cast<std::int64_t>(page.items.size()) == limit)
        last = {row.integer(0), row.integer(1), row.real(2), row.integer(3)};
      return true;
    }));
    return page;
  });
}

Result<std::vector<Metric>> Store::sampled_history(const std::vector<std::string>& runs, const std::string& key,
                                                   std::int64_t first, std::int64_t last, std::int64_t limit) const {
  return read_value<std::vector<Metric>>(database_, [&](Session& session) -> Result<std::vector<Metric>> {
    FETTLE_TRY(auto all, load_points(session, runs, key, first, last));
    const auto kept = kept_steps(all, limit);
    std::vector<Metric> out;
    for (auto& run : all) {
      std::erase_if(run.points, [&](const Metric& point) { return !kept.contains(point.step); });
      std::ranges::stable_sort(run.points, {}, &Metric::step);
      std::ranges::move(run.points, std::back_inserter(out));
    }
    return out;
  });
}

}  // namespace fettle::tracking
