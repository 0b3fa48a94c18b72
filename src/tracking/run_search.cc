#include "tracking/run_search.h"

#include <algorithm>
#include <iterator>
#include <optional>
#include <ranges>

#include "base/text.h"
#include "tracking/rows.h"

namespace fettle::tracking {
namespace {

using sql::Session;

constexpr std::int64_t kGrowth = 8;
constexpr int kTries = 3;
constexpr std::string_view kRuns = "runs r";
constexpr std::string_view kStart = "r.start_ms";

using Comparisons = std::vector<Comparison>;
using Terms = std::vector<Bound>;

bool is_range(const Comparison& comparison) { return comparison.op != Op::NotEqual; }

// Rows of one table that may be the answer, each with its run as r: a part of a statement.
struct Rows {
  std::string table;   // "latest_metrics d", or "runs r" itself
  Sql own;             // conditions on that table alone
  Sql joined;          // " AND ..." for the run and everything else
  std::string metric;  // whose rows these are, if they are a metric's
  // Only of a walk.
  Ordering ordering;
  std::string column;  // that the walk follows
  bool ascending = false;
  Terms given;  // the terms before those of `ordering`: what all these rows have

  // CROSS JOIN makes SQLite begin with the table.
  [[nodiscard]] Sql from() const { return {"FROM " + table + (table == kRuns ? "" : " CROSS JOIN runs r"), {}}; }
  [[nodiscard]] Sql conditions() const { return Sql(own).add(joined); }
};

// Runs named by the column of another table, so that what belongs to them is looked at before they are.
Tables owned_by(std::string_view column) {
  auto out = kRunTables;
  out.owner = column;
  return out;
}

class Partitioned {  // the search in one partition
 public:
  Partitioned(Session& session, const RunQuery& query, const Partition& partition, const Terms& after,
              std::int64_t limit)
      : session_(session), query_(query), partition_(partition), after_(after), limit_(limit) {}

  Result<std::vector<KeyRow>> select(const Effort& effort) {
    FETTLE_TRY(const auto sources, sources_of_candidates());
    FETTLE_TRY(const auto walk, walk_in_order());
    auto bound = effort.base + effort.each * limit_;
    for (int i = 0; i < kTries && !sources.empty(); ++i, bound *= kGrowth) {
      FETTLE_TRY(const auto* few, fewest(sources, bound));
      if (few != nullptr && follows_the_same(walk, *few)) break;
      if (few != nullptr) return candidates(*few);
      if (walk.empty()) continue;
      FETTLE_TRY(auto rows, follow(walk, bound));
      if (rows) return *std::move(rows);
    }
    if (walk.empty()) return candidates(every_run());
    FETTLE_TRY(auto rows, follow(walk, std::nullopt));
    return *std::move(rows);
  }

 private:
  // Whether the walk goes through just these candidates, and so needs no sorting.
  [[nodiscard]] static bool follows_the_same(const std::vector<Rows>& walk, const Rows& candidates) {
    return !walk.empty() && !candidates.metric.empty() && walk.front().metric == candidates.metric;
  }

  [[nodiscard]] Bound stage() const { return static_cast<std::int64_t>(partition_.stage); }

  [[nodiscard]] Rows every_run() const {
    Rows out;
    out.table = kRuns;
    out.own.add("r.experiment = ? AND r.stage = ?", {partition_.experiment, stage()});
    Comparisons others;
    for (const auto& comparison : query_.comparisons)
      if (comparison.attribute != nullptr && comparison.attribute->column == kStart)
        out.own.add(" AND ").add(compare(kStart, comparison));
      else
        others.push_back(comparison);
    out.joined = where(others, kRunTables);
    return out;
  }

  // Runs with the metric, its row being `alias`. Comparisons of the metric are not repeated in `joined`.
  [[nodiscard]] Rows runs_with_metric(std::string_view alias, const std::string& name, std::int64_t key,
                                      bool is_nan) const {
    Rows out;
    out.table = text::format("latest_metrics {}", alias);
    out.own.add(text::format("{0}.experiment = ? AND {0}.key = ? AND {0}.is_nan = ?", alias),
                {partition_.experiment, key, std::int64_t{is_nan}});
    Comparisons others;
    for (const auto& comparison : query_.comparisons) {
      if (comparison.kind != Kind::Metric || comparison.key != name)
        others.push_back(comparison);
      else if (!is_nan)
        out.own.add(" AND ").add(compare(text::format("{}.value", alias), comparison));
    }
    out.joined.add(text::format(" AND r.id = {}.run AND r.stage = ?", alias), {stage()});
    out.joined.add(where(others, owned_by(alias == "w" ? "w.run" : "d.run")));
    out.metric = name;
    return out;
  }

  [[nodiscard]] Rows runs_with_pair(const Comparison& pair) const {
    Rows out;
    out.table = text::format("{} d", pair.kind == Kind::Tag ? kRunTables.tags : kRunTables.params);
    const auto& value = std::get<std::string>(pair.value);
    out.own.add("d.key = ? AND substr(d.value, 1, 64) = substr(CAST(? AS TEXT), 1, 64) AND d.value = ?",
                {pair.key, value, value});
    out.joined.add(" AND r.id = d.run AND r.experiment = ? AND r.stage = ?", {partition_.experiment, stage()});
    Comparisons others;
    for (const auto& comparison : query_.comparisons)
      if (&comparison != &pair) others.push_back(comparison);
    out.joined.add(where(others, owned_by("d.run")));
    return out;
  }

  // One for each metric that is held to a range, and for each param and tag that is held to a value.
  Result<std::vector<Rows>> sources_of_candidates() {
    std::vector<Rows> out;
    std::vector<std::string> metrics;
    for (const auto& comparison : query_.comparisons) {
      if (comparison.kind == Kind::Metric && is_range(comparison) && !std::ranges::contains(metrics, comparison.key)) {
        metrics.push_back(comparison.key);
        FETTLE_TRY(const auto key, metric_key(session_, comparison.key, false));
        out.push_back(runs_with_metric("d", comparison.key, key, false));
      }
      if ((comparison.kind == Kind::Param || comparison.kind == Kind::Tag) && comparison.op == Op::Equal)
        out.push_back(runs_with_pair(comparison));
    }
    return out;
  }

  // Empty if no index has the order.
  Result<std::vector<Rows>> walk_in_order() {
    std::vector<Rows> out;
    const auto* first = query_.order.empty() ? nullptr : &query_.order.front();
    if (first != nullptr && first->kind == Kind::Metric) return walk_by_metric(*first);
    if (first != nullptr && (first->attribute == nullptr || first->attribute->column != kStart)) return out;
    out.push_back(every_run());
    out[0].ordering = query_.ordering;
    out[0].column = kStart;
    out[0].ascending = first != nullptr && first->ascending;
    return out;
  }

  // Runs with a value, then those with NaN, then those without the metric. A comparison of the same metric leaves out
  // the last, and NaN unless it is !=.
  Result<std::vector<Rows>> walk_by_metric(const OrderKey& order) {
    FETTLE_TRY(const auto key, metric_key(session_, order.key, false));
    bool compared = false;
    bool nan_passes = true;
    for (const auto& comparison : query_.comparisons)
      if (comparison.kind == Kind::Metric && comparison.key == order.key) {
        compared = true;
        nan_passes = nan_passes && !is_range(comparison);
      }
    std::vector<Rows> out;
    for (const bool is_nan : {false, true}) {
      if (is_nan && !nan_passes) continue;
      auto rows = runs_with_metric("w", order.key, key, is_nan);
      rows.ordering.add("w.value", order.ascending, Ordering::Type::Real);
      add_rest(rows.ordering, "w.start_ms");
      rows.column = "w.value";
      rows.ascending = order.ascending;
      rows.given = {std::int64_t{is_nan}};
      out.push_back(std::move(rows));
    }
    if (!compared) out.push_back(runs_without_metric(key));
    return out;
  }

  [[nodiscard]] Rows runs_without_metric(std::int64_t key) const {
    auto out = every_run();
    out.joined.add(" AND NOT EXISTS (SELECT 1 FROM latest_metrics n WHERE n.run = r.id AND n.key = ?)", {key});
    add_rest(out.ordering, kStart);
    out.column = query_.order.size() == 1 ? kStart : "";
    out.given = {std::int64_t{2}, 0.0};
    return out;
  }

  // What decides between runs of equal value of the first key.
  void add_rest(Ordering& ordering, std::string_view start) const {
    for (const auto& key : query_.order | std::views::drop(1)) ordering.add(key, kRunTables);
    if (!ordering.has(kStart)) ordering.add(start, false);
    if (!ordering.has("r.run_id")) ordering.add("r.run_id", true, Ordering::Type::Text);
  }

  // The source with the fewest rows, if there are less than `bound`.
  Result<const Rows*> fewest(const std::vector<Rows>& sources, std::int64_t bound) {
    const Rows* out = nullptr;
    for (const auto& rows : sources) {
      Sql statement{text::format("SELECT count(*) FROM (SELECT 1 AS one FROM {} WHERE ", rows.table), {}};
      statement.add(rows.own).add(" LIMIT ?) AS counted", {bound});
      std::int64_t count = 0;
      FETTLE_TRY_(session_.query(statement.text, statement.parameters(), [&](const sql::Row& row) {
        count = row.integer(0);
        return false;
      }));
      if (count < bound) {
        out = &rows;
        bound = count;
      }
    }
    return out;
  }

  Result<std::vector<KeyRow>> candidates(const Rows& rows) {
    auto conditions = rows.conditions();
    if (!after_.empty()) conditions.add(query_.ordering.after(after_));
    return select_keys(session_, "r.id", rows.from(), conditions, query_.ordering, limit_);
  }

  // The page, by one kind of rows after the other; nullopt if it is not full after about `most` rows of a kind.
  Result<std::optional<std::vector<KeyRow>>> follow(const std::vector<Rows>& walk, std::optional<std::int64_t> most) {
    std::vector<KeyRow> out;
    for (const auto& rows : walk) {
      const bool goes_on = !after_.empty() && (rows.given.empty() || after_[0] == rows.given[0]);
      if (!after_.empty() && !goes_on && after_[0] > rows.given[0]) continue;
      FETTLE_TRY(const bool is_done, follow(rows, goes_on, most, out));
      if (!is_done) return std::nullopt;
      if (std::ssize(out) >= limit_) break;
    }
    return out;
  }

  // False if there are more of these rows than it may look at, and the page is not full.
  Result<bool> follow(const Rows& rows, bool goes_on, std::optional<std::int64_t> most, std::vector<KeyRow>& out) {
    Sql beyond;  // on the column alone
    Sql conditions = rows.conditions();
    if (goes_on) {
      const auto& last = after_[std::size(rows.given)];
      beyond.add(text::format(" AND {} {} ?", rows.column, rows.ascending ? ">=" : "<="), {last});
      conditions.add(rows.ordering.after({after_.begin() + std::ssize(rows.given), after_.end()}));
    }
    while (rows.ordering.terms.size() > 1 && rows.ordering.terms[1].expression == "w.start_ms") {
      FETTLE_TRY(const auto value, shared_value(rows, beyond, limit_ - std::ssize(out)));
      if (!value) break;
      auto alike = conditions;
      alike.add(" AND w.value = ?", {*value});
      if (goes_on && after_[1] == *value) alike.add(" AND w.start_ms <= ?", {after_[2]});
      FETTLE_TRY(const bool is_full, take(rows, alike, out));
      if (is_full) return true;
      beyond = {text::format(" AND w.value {} ?", rows.ascending ? '>' : '<'), {*value}};
    }
    if (!rows.column.empty()) conditions.add(beyond);
    std::optional<Bound> end;
    if (most && !rows.column.empty()) {
      FETTLE_TRY(end, nth(rows, beyond, *most));
    }
    if (end) conditions.add(text::format(" AND {} {} ?", rows.column, rows.ascending ? "<=" : ">="), {*end});
    FETTLE_TRY(const bool is_full, take(rows, conditions, out));
    return is_full || !end;
  }

  // Fills the page; whether it is full then.
  Result<bool> take(const Rows& rows, const Sql& conditions, std::vector<KeyRow>& out) {
    FETTLE_TRY(auto found,
               select_keys(session_, "r.id", rows.from(), conditions, rows.ordering, limit_ - std::ssize(out)));
    for (auto& row : found) {
      row.terms.insert(row.terms.begin(), rows.given.begin(), rows.given.end());
      out.push_back(std::move(row));
    }
    return std::ssize(out) == limit_;
  }

  // The value of the first rows, if more than `count` of them have the same. Such runs are walked by start: to sort
  // them would take as long as there are many.
  Result<std::optional<Bound>> shared_value(const Rows& rows, const Sql& beyond, std::int64_t count) {
    FETTLE_TRY(const auto last, nth(rows, beyond, count));
    if (!last) return last;
    FETTLE_TRY(const auto first, nth(rows, beyond, 0));
    return first == last ? first : std::nullopt;
  }

  // What the walk's column is in its n-th row.
  Result<std::optional<Bound>> nth(const Rows& rows, const Sql& beyond, std::int64_t n) {
    Sql statement{text::format("SELECT {} FROM {} WHERE ", rows.column, rows.table), {}};
    statement.add(rows.own).add(beyond);
    statement.add(text::format(" ORDER BY {}{} LIMIT 1 OFFSET ?", rows.column, rows.ascending ? "" : " DESC"), {n});
    std::optional<Bound> out;
    FETTLE_TRY_(session_.query(statement.text, statement.parameters(), [&](const sql::Row& row) {
      out = rows.column == kStart ? Bound(row.integer(0)) : Bound(row.real(0));
      return false;
    }));
    return out;
  }

  Session& session_;
  const RunQuery& query_;
  const Partition& partition_;
  const Terms& after_;
  std::int64_t limit_;
};

}  // namespace

Result<std::vector<KeyRow>> select_runs(Session& session, const RunQuery& query, const Partition& partition,
                                        const std::vector<Bound>& after, std::int64_t limit, const Effort& effort) {
  return Partitioned(session, query, partition, after, limit).select(effort);
}

}  // namespace fettle::tracking
