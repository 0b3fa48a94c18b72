#include "tracking/series.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <random>
#include <set>

#include "os/file.h"
#include "sql/testing/postgres_server.h"
#include "tracking/rows.h"
#include "tracking/series_rows.h"
#include "tracking/store.h"

namespace fettle::tracking {
namespace {

using Random = std::mt19937_64;
constexpr auto kLow = std::numeric_limits<std::int64_t>::min();
constexpr auto kHigh = std::numeric_limits<std::int64_t>::max();

class SeriesTest : public testing::TestWithParam<sql::testing::Store> {
 protected:
  os::TempFolder folder_ = *os::TempFolder::create();
  std::unique_ptr<sql::Database> database_ =
      *sql::Database::open(sql::testing::new_store(GetParam(), folder_.path()), {Store::migrations()});
  ManualClock clock_{1'000};
  Store store_{*database_, clock_};

  RunId new_run() {
    NewRun run;
    run.experiment = ExperimentId("0");
    return store_.create_run(run)->info.id;
  }
  void log(const RunId& run, std::span<const Point> points) {
    Batch batch;
    for (const auto& point : points) {
      Metric metric;
      metric.key = "m";
      metric.time_ms = point.time_ms;
      metric.step = point.step;
      metric.value = point.value();
      batch.metrics.push_back(metric);
    }
    const auto logged = store_.log(run, batch);
    ASSERT_TRUE(logged) << logged.error().message;
  }
  [[nodiscard]] std::vector<Point> history(const RunId& run) const {
    return store_.metric_history(run, "m", 1'000'000)->items;
  }
  [[nodiscard]] std::int64_t count(const std::string& what) const {
    std::int64_t out = 0;
    const auto read = database_->read([&](sql::Session& session) {
      return session.query("SELECT " + what, {}, [&](const sql::Row& row) {
        out = row.integer(0);
        return false;
      });
    });
    EXPECT_TRUE(read) << read.error().message;
    return out;
  }
};
INSTANTIATE_TEST_SUITE_P(Stores, SeriesTest, sql::testing::every_store(), sql::testing::name_of_store);

std::vector<Point> noisy(int count, std::int64_t first = 0) {
  Random random(static_cast<std::uint64_t>(first) + 7);
  std::normal_distribution<double> noise(1, 0.05);
  std::vector<Point> out;
  for (std::int64_t i = first; i < first + count; ++i)
    out.push_back(Point::of(1'000'000 + 100 * i + static_cast<std::int64_t>(random() % 20), i, noise(random)));
  return out;
}

TEST(Series, FullBlocksAreAPageAndTheRestIsRecent) {
  const auto points = noisy(3000);
  const auto closed = close(points);
  std::vector<Point> all;
  for (const auto& block : closed.blocks) {
    const auto part = *decode(block.points);
    EXPECT_EQ(part.front(), block.first);
    EXPECT_EQ(part.size(), block.count);
    EXPECT_EQ(block.step_gap, 1);
    EXPECT_LE(block.points.size(), kBlockBytes);
    all.insert(all.end(), part.begin(), part.end());
  }
  EXPECT_GT(closed.blocks.front().points.size(), kBlockBytes * 9 / 10);
  EXPECT_LE(closed.recent.size(), kRecentBytes);
  const auto recent = *decode(closed.recent);
  all.insert(all.end(), recent.begin(), recent.end());
  EXPECT_EQ(all, points);
}

TEST(Series, StepsAreEvenOnlyIfTheyRiseEvenly) {
  const auto gap = [](std::vector<std::int64_t> steps) {
    std::vector<Point> points;
    for (const auto step : steps) points.push_back(Point::of(std::ssize(points), step, 0));
    return block_of(points).step_gap;
  };
  EXPECT_EQ(gap({5}), 1);
  EXPECT_EQ(gap({5, 5, 5}), 1);
  EXPECT_EQ(gap({5, 15, 25}), 10);
  EXPECT_EQ(gap({5, 15, 26}), 0);
  EXPECT_EQ(gap({5, 5, 6}), 0);
  EXPECT_EQ(gap({5, 4, 3}), 0);
  EXPECT_EQ(gap({kLow, kHigh}), 0);
}

TEST_P(SeriesTest, ARunThatLogsOnFillsItsBlocks) {
  const auto run = new_run();
  const auto points = noisy(20'000);
  for (std::size_t i = 0; i < points.size(); i += 100) log(run, std::span(points).subspan(i, 100));
  EXPECT_EQ(history(run), points);
  const auto blocks = count("count(*) FROM metric_blocks");
  EXPECT_GT(blocks, 20);
  EXPECT_GT(count("avg(octet_length(points)) FROM metric_blocks"), 3600);
}

// What a test logs: batches of points, in the order of logging.
using Pattern = std::function<std::vector<Point>(Random&, int)>;
const std::vector<Pattern>& patterns() {
  static const std::vector<Pattern> all{
      // one over the other; from the end to the beginning
      [](Random& random, int round) { return noisy(static_cast<int>(1 + random() % 700), round * 400); },
      [](Random& random, int round) { return noisy(static_cast<int>(1 + random() % 300), 20'000 - round * 300); },
      [](Random& random, int) {  // few distinct ones, everywhere
        std::vector<Point> out;
        for (auto i = random() % 200; i > 0; --i)
          out.push_back(Point::of(static_cast<std::int64_t>(random() % 30), static_cast<std::int64_t>(random() % 9),
                                  static_cast<double>(random() % 7) - 3));
        return out;
      },
      [](Random& random, int) {  // all over the place
        std::vector<Point> out;
        for (auto i = random() % 500; i > 0; --i)
          out.push_back(Point::of(static_cast<std::int64_t>(random() >> 1U), static_cast<std::int64_t>(random()),
                                  std::bit_cast<double>(random())));
        return out;
      },
      [](Random& random, int round) {  // now and then a late one
        auto out = noisy(60, round * 60);
        if (random() % 3 == 0) out.push_back(noisy(1, static_cast<std::int64_t>(random() % 3000)).front());
        return out;
      },
  };
  return all;
}

TEST_P(SeriesTest, AnyOrderOfLoggingGivesTheSameSeries) {
  for (std::uint64_t pattern = 0; pattern < patterns().size(); ++pattern) {
    Random random(pattern);
    const auto run = new_run();
    std::set<Point> plain;
    for (int round = 0; round < 50; ++round) {
      auto batch = patterns()[pattern](random, round);
      std::ranges::shuffle(batch, random);
      log(run, batch);
      if (round % 7 == 0) log(run, batch);  // a client that asks again
      plain.insert(batch.begin(), batch.end());
    }
    const std::vector<Point> expected(plain.begin(), plain.end());
    ASSERT_EQ(history(run), expected) << pattern;
    const auto latest = store_.run(run)->metrics.at(0);
    const auto most = std::ranges::max(expected, {}, [](const Point& p) {
      return std::tuple(p.step, p.time_ms, std::isnan(p.value()) ? 0.0 : p.value());
    });
    EXPECT_EQ(latest.step, most.step) << pattern;
    EXPECT_EQ(latest.time_ms, most.time_ms) << pattern;
    std::vector<Point> paged;
    for (std::string token; paged.size() < expected.size();) {
      const auto page = *store_.metric_history(run, "m", 997, token);
      ASSERT_LE(page.items.size(), 997U);
      paged.insert(paged.end(), page.items.begin(), page.items.end());
      token = page.next_token;
      if (token.empty()) break;
    }
    EXPECT_EQ(paged, expected) << pattern;
  }
}

// The rule of sampling on all points, as plainly as it can be said.
std::vector<Point> plain_sample(const std::vector<std::vector<Point>>& runs, std::size_t which, std::int64_t first,
                                std::int64_t last, std::size_t limit) {
  std::set<std::int64_t> all;
  std::set<std::int64_t> kept;
  for (const auto& run : runs) {
    std::set<std::int64_t> mine;
    for (const auto& point : run)
      if (point.step >= first && point.step <= last) mine.insert(point.step);
    all.insert(mine.begin(), mine.end());
    if (!mine.empty()) kept.insert({*mine.begin(), *mine.rbegin()});
  }
  const std::vector<std::int64_t> steps(all.begin(), all.end());
  const auto wanted = std::min(limit, steps.size());
  for (std::size_t i = 0; i < wanted; ++i) kept.insert(steps[i * steps.size() / wanted]);
  if (!steps.empty()) kept.insert(steps.back());
  std::vector<Point> out;
  for (const auto step : kept)
    std::ranges::copy_if(runs[which], std::back_inserter(out), [&](const Point& point) { return point.step == step; });
  return out;
}

TEST_P(SeriesTest, SamplesByHeadsAreThoseOfAllPoints) {
  Random random(5);
  for (int round = 0; round < 40; ++round) {
    std::vector<std::string> ids;
    std::vector<std::vector<Point>> runs;
    for (auto count = 1 + random() % 3; count > 0; --count) {
      const auto run = new_run();
      const auto gap = std::vector<std::int64_t>{0, 1, 1, 2, 10, -1}[random() % 6];
      const auto noise = random() % 3 == 0 ? 3 : 1;
      std::vector<Point> points;
      for (std::int64_t i = 0; i < 3000; ++i)
        points.push_back(Point::of(i / 2, i * gap + static_cast<std::int64_t>(random() % static_cast<unsigned>(noise)),
                                   static_cast<double>(random() % 1000) / 7));
      put_in_order(points);
      for (std::size_t i = 0; i < points.size(); i += 500)
        log(run, std::span(points).subspan(i, std::min<std::size_t>(500, points.size() - i)));
      ids.push_back(run.str());
      runs.push_back(std::move(points));
    }
    const auto first = random() % 2 == 0 ? kLow : static_cast<std::int64_t>(random() % 2000) - 100;
    const auto last = first == kLow || random() % 2 == 0 ? kHigh : first + static_cast<std::int64_t>(random() % 3000);
    const auto limit = 1 + random() % 400;
    const auto sample = *store_.sampled_history(ids, "m", first, last, static_cast<std::int64_t>(limit));
    ASSERT_EQ(sample.size(), runs.size());
    for (std::size_t i = 0; i < runs.size(); ++i)
      ASSERT_EQ(sample[i].points, plain_sample(runs, i, first, last, limit)) << round << " " << i;
  }
}

TEST_P(SeriesTest, AFewBlocksAreReadForASample) {
  const auto run = new_run();
  const auto points = noisy(30'000);
  for (std::size_t i = 0; i < points.size(); i += 1000) log(run, std::span(points).subspan(i, 1000));
  const auto damaged = database_->write([&](sql::Session& session) -> Result<void> {
    FETTLE_TRY_(session.execute("UPDATE metric_blocks SET points = 'x' WHERE least_step > 1000 AND most_step < 29000"));
    return {};
  });
  ASSERT_TRUE(damaged);
  EXPECT_TRUE(store_.sampled_history({run.str()}, "m", kLow, kHigh, 1));
  EXPECT_EQ(store_.sampled_history({run.str()}, "m", kLow, kHigh, 30).error().code, Code::DataLoss);
}

}  // namespace
}  // namespace fettle::tracking
