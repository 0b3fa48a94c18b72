#include "tracking/series_rows.h"

#include <algorithm>
#include <array>
#include <iterator>
#include <limits>
#include <string_view>

namespace fettle::tracking {
namespace {

using sql::Row;
using sql::Session;

constexpr std::string_view kRecent = "SELECT recent FROM metric_series WHERE run = ? AND key = ?";
constexpr std::string_view kPutRecent =
    "INSERT INTO metric_series(run, key, recent) VALUES(?, ?, ?) "
    "ON CONFLICT(run, key) DO UPDATE SET recent = excluded.recent";
constexpr std::string_view kAddBlock =
    "INSERT INTO metric_blocks(run, key, first_ms, first_step, first_code, least_step, most_step, step_gap, points) "
    "VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?)";
constexpr std::string_view kPutBlock =
    "UPDATE metric_blocks SET first_ms = ?, first_step = ?, first_code = ?, least_step = ?, most_step = ?, "
    "step_gap = ?, points = ? WHERE id = ?";
constexpr std::string_view kFirstBlock =
    "SELECT id, points FROM metric_blocks WHERE run = ? AND key = ? ORDER BY first_ms, first_step, first_code LIMIT 1";
constexpr std::string_view kLastBlock =
    "SELECT id, points FROM metric_blocks WHERE run = ? AND key = ? "
    "ORDER BY first_ms DESC, first_step DESC, first_code DESC LIMIT 1";
constexpr std::string_view kBlockOf =  // the last one that begins at the point or before it
    "SELECT id, points FROM metric_blocks WHERE run = ? AND key = ? "
    "AND (first_ms, first_step, first_code) <= (?, ?, ?) "
    "ORDER BY first_ms DESC, first_step DESC, first_code DESC LIMIT 1";
constexpr std::string_view kNextFirst =
    "SELECT first_ms, first_step, first_code FROM metric_blocks WHERE run = ? AND key = ? "
    "AND (first_ms, first_step, first_code) > (?, ?, ?) ORDER BY first_ms, first_step, first_code LIMIT 1";
constexpr std::string_view kBlocksAfter =  // some: a statement's rows all come before the first is seen
    "SELECT id, points FROM metric_blocks WHERE run = ? AND key = ? "
    "AND (first_ms, first_step, first_code) > (?, ?, ?) ORDER BY first_ms, first_step, first_code LIMIT ?";
constexpr std::int64_t kBlocksAtOnce = 64;
constexpr std::string_view kHeads =
    "SELECT id, least_step, most_step, step_gap FROM metric_blocks "
    "WHERE run = ? AND key = ? AND most_step >= ? AND least_step <= ?";

using Parameters = std::vector<sql::Parameter>;
Parameters of(SeriesId series) { return {series.run, series.key}; }
Parameters of(SeriesId series, const Point& point) {
  return {series.run, series.key, point.time_ms, point.step, point.code};
}

struct StoredBlock {
  std::int64_t id = 0;
  std::size_t bytes = 0;
  std::vector<Point> points;
};

// Rows of (id, points), decoded; `block` returns whether to go on.
Result<void> each_block(Session& session, std::string_view statement, const Parameters& parameters,
                        const std::function<bool(StoredBlock)>& block) {
  Result<void> whole;
  FETTLE_TRY_(session.query(statement, parameters, [&](const Row& row) {
    const auto bytes = row.text(1);
    auto points = decode(bytes);
    if (points) return block({row.integer(0), bytes.size(), *std::move(points)});
    whole = fail(std::move(points).error());
    return false;
  }));
  return whole;
}

Result<std::optional<StoredBlock>> find_block(Session& session, std::string_view statement,
                                              const Parameters& parameters) {
  std::optional<StoredBlock> out;
  FETTLE_TRY_(each_block(session, statement, parameters, [&](StoredBlock block) {
    out = std::move(block);
    return false;
  }));
  return out;
}

// As new rows, but the first in place of the row `old`, if there is one.
Result<void> put_blocks(Session& session, SeriesId series, std::optional<std::int64_t> old,
                        std::span<const Block> blocks) {
  for (const auto& block : blocks) {
    Parameters values{block.first.time_ms, block.first.step, block.first.code,       block.least_step,
                      block.most_step,     block.step_gap,   sql::Blob{block.points}};
    if (old)
      values.emplace_back(*old);
    else
      values.insert(values.begin(), {series.run, series.key});
    FETTLE_TRY_(session.post(old ? kPutBlock : kAddBlock, values));
    old.reset();
  }
  return {};
}

// The block where `point` belongs, and the first point of the block after it.
struct Place {
  std::optional<StoredBlock> block;
  std::optional<Point> next;
};
Result<Place> find_place(Session& session, SeriesId series, const Point& point) {
  Place out;
  FETTLE_TRY(out.block, find_block(session, kBlockOf, of(series, point)));
  if (!out.block) {
    FETTLE_TRY(out.block, find_block(session, kFirstBlock, of(series)));
  }
  if (!out.block) return out;
  FETTLE_TRY_(session.query(kNextFirst, of(series, out.block->points.front()), [&](const Row& row) {
    out.next = {row.integer(0), row.integer(1), row.integer(2)};
    return false;
  }));
  return out;
}

// Points that come before the recent ones go into blocks; returns those that stay since there are no blocks.
Result<std::span<const Point>> put_early(Session& session, SeriesId series, std::span<const Point> points) {
  while (!points.empty()) {
    FETTLE_TRY(const auto place, find_place(session, series, points.front()));
    if (!place.block) break;
    const auto end = place.next ? std::ranges::lower_bound(points, *place.next) : points.end();
    const auto here = points.first(static_cast<std::size_t>(end - points.begin()));
    const auto all = merged(place.block->points, here);
    if (all.size() > place.block->points.size()) FETTLE_TRY_(put_blocks(session, series, place.block->id, split(all)));
    points = points.subspan(here.size());
  }
  return points;
}

// Too many to be recent ones: all but the newest go behind the last block, into it first if it is not full.
Result<std::string> put_closed(Session& session, SeriesId series, const std::vector<Point>& points) {
  FETTLE_TRY(auto last, find_block(session, kLastBlock, of(series)));
  const bool grows = last && last->bytes < kBlockBytes * 7 / 8 && last->points.size() < kMaxPoints;
  auto closed = close(grows ? merged(last->points, points) : points);
  FETTLE_TRY_(put_blocks(session, series, grows ? std::optional(last->id) : std::nullopt, closed.blocks));
  return std::move(closed.recent);
}

}  // namespace

Result<void> put_series(Session& session, SeriesId series, std::span<const Point> points) {
  FETTLE_TRY(const auto recent, load_recent(session, series));
  const auto from = recent.empty() ? points.begin() : std::ranges::lower_bound(points, recent.front());
  const auto early = static_cast<std::size_t>(from - points.begin());
  FETTLE_TRY(const auto rest, put_early(session, series, points.first(early)));
  auto all = merged(recent, merged(rest, points.subspan(early)));
  if (all.size() == recent.size()) return {};
  auto bytes = as_recent(all);
  if (!bytes) {
    FETTLE_TRY(bytes, put_closed(session, series, all));
  }
  return session.post(kPutRecent, {series.run, series.key, sql::Blob{*bytes}});
}

Result<std::vector<Point>> load_recent(Session& session, SeriesId series) {
  Result<std::vector<Point>> out;
  FETTLE_TRY_(session.query(kRecent, of(series), [&](const Row& row) {
    out = decode(row.text(0));
    return false;
  }));
  return out;
}

Result<std::vector<Point>> load_points(Session& session, SeriesId series, const std::optional<Point>& after,
                                       std::size_t limit) {
  std::vector<Point> out;
  const auto take = [&](std::span<const Point> points) {
    if (after) points = {std::ranges::upper_bound(points, *after), points.end()};
    points = points.first(std::min(points.size(), limit - out.size()));
    out.insert(out.end(), points.begin(), points.end());
    return out.size() < limit;
  };
  constexpr auto kLeast = std::numeric_limits<std::int64_t>::min();
  Point last{kLeast, kLeast, kLeast};  // the first point of the last block that was read
  if (after) {
    FETTLE_TRY(const auto block, find_block(session, kBlockOf, of(series, *after)));
    if (block) last = block->points.front();
    if (block && !take(block->points)) return out;
  }
  for (auto seen = kBlocksAtOnce; seen == kBlocksAtOnce && out.size() < limit;) {
    seen = 0;
    auto parameters = of(series, last);
    parameters.emplace_back(kBlocksAtOnce);
    FETTLE_TRY_(each_block(session, kBlocksAfter, parameters, [&](const StoredBlock& block) {
      ++seen;
      last = block.points.front();
      return take(block.points);
    }));
  }
  if (out.size() == limit) return out;
  FETTLE_TRY(const auto recent, load_recent(session, series));
  take(recent);
  return out;
}

Result<std::vector<BlockHead>> load_heads(Session& session, SeriesId series, std::int64_t first, std::int64_t last) {
  std::vector<BlockHead> out;
  FETTLE_TRY_(session.query(kHeads, {series.run, series.key, first, last}, [&](const Row& row) {
    out.push_back({row.integer(0), row.integer(1), row.integer(2), row.integer(3)});
    return true;
  }));
  return out;
}

Result<void> load_blocks(Session& session, std::span<const std::int64_t> ids,
                         const std::function<Result<void>(std::int64_t, std::string_view)>& block) {
  static constexpr std::size_t kAtOnce = 32;  // of one statement, whose text is always the same
  static constexpr std::string_view kStatement =
      "SELECT id, points FROM metric_blocks WHERE id IN (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, "
      "?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";
  while (!ids.empty()) {
    const auto now = ids.first(std::min(ids.size(), kAtOnce));
    Parameters values(now.begin(), now.end());
    values.resize(kAtOnce, now.back());
    Result<void> read;
    FETTLE_TRY_(session.query(kStatement, values, [&](const Row& row) {
      read = block(row.integer(0), row.text(1));
      return read.has_value();
    }));
    FETTLE_TRY_(read);
    ids = ids.subspan(now.size());
  }
  return {};
}

}  // namespace fettle::tracking
