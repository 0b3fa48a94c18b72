#include "tracking/store.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <future>
#include <limits>

#include "os/file.h"
#include "sql/testing/postgres_server.h"

namespace fettle::tracking {
namespace {

class StoreTest : public testing::TestWithParam<sql::testing::Store> {
 protected:
  os::TempFolder folder_ = *os::TempFolder::create();
  std::unique_ptr<sql::Database> database_ =
      *sql::Database::open(sql::testing::new_store(GetParam(), folder_.path()), {Store::migrations()});
  ManualClock clock_{1'000};
  Store store_{*database_, clock_};

  RunId new_run(const std::string& name = "r") {
    NewRun run;
    run.experiment = ExperimentId("0");
    run.name = name;
    run.start_ms = clock_.now_ms();
    return store_.create_run(run)->info.id;
  }
  static Metric point(double value, std::int64_t step, std::int64_t time = 0) {
    Metric out;
    out.key = "m";
    out.value = value;
    out.step = step;
    out.time_ms = time;
    return out;
  }
};
INSTANTIATE_TEST_SUITE_P(Stores, StoreTest, sql::testing::every_store(), sql::testing::name_of_store);

TEST_P(StoreTest, ExperimentZeroExistsAndPlacesArtifactsByRun) {
  EXPECT_EQ(store_.experiment(ExperimentId("0"))->name, "Default");
  const auto run = store_.run(new_run());
  EXPECT_EQ(run->info.artifact_uri, "mlflow-artifacts:/0/" + run->info.id.str() + "/artifacts");
  EXPECT_EQ(store_.create_experiment("e", "s3://b/x/", {})->str(), "1");
  NewRun other;
  other.experiment = ExperimentId("1");
  EXPECT_EQ(store_.create_run(other)->info.artifact_uri.find("s3://b/x/"), 0U);
}

TEST_P(StoreTest, LatestIsTheLargestStepWhateverTheOrder) {
  const auto id = new_run();
  ASSERT_TRUE(store_.log(id, {{point(1, 5, 10), point(2, 3, 99), point(9, 5, 9)}, {}, {}}));
  ASSERT_TRUE(store_.log(id, {{point(0.5, 5, 10), point(7, 4, 100)}, {}, {}}));
  EXPECT_EQ(store_.run(id)->metrics.at(0).value, 1);
  ASSERT_TRUE(store_.log(id, {{point(1, 5, 10)}, {}, {}}));
  EXPECT_EQ(store_.metric_history(id, "m", 100)->items.size(), 5U);
}

TEST_P(StoreTest, ValuesThatSqlLacksSurvive) {
  const auto id = new_run();
  const double infinity = std::numeric_limits<double>::infinity();
  ASSERT_TRUE(store_.log(id, {{point(std::nan(""), 1), point(infinity, 2), point(-infinity, 3)}, {}, {}}));
  const auto points = store_.metric_history(id, "m", 100)->items;
  EXPECT_TRUE(std::ranges::any_of(points, [](const Point& p) { return std::isnan(p.value()); }));
  EXPECT_EQ(store_.run(id)->metrics.at(0).value, -std::numeric_limits<double>::max());
}

TEST_P(StoreTest, LoggingWithoutBlockingAnswersOnceStored) {
  const auto id = new_run();
  const auto logged = [&](const RunId& run, Batch batch) {
    std::promise<Result<void>> done;
    store_.log_async(run, std::move(batch), [&](Result<void> result) { done.set_value(std::move(result)); });
    return done.get_future().get();
  };
  EXPECT_TRUE(logged(id, {{point(1, 1)}, {{"p", "1"}}, {{"t", "1"}}}));
  EXPECT_EQ(store_.run(id)->metrics.size(), 1U);
  EXPECT_EQ(logged(id, {{}, {}, {{"../up", "1"}}}).error().code, Code::InvalidArgument);
  EXPECT_EQ(logged(id, {{}, {{"p", "2"}}, {}}).error().code, Code::InvalidArgument);
  EXPECT_EQ(logged(RunId("none"), {}).error().code, Code::NotFound);
}

TEST_P(StoreTest, ABatchWithOneBadPartLeavesNothing) {
  const auto id = new_run();
  ASSERT_TRUE(store_.log(id, {{}, {{"p", "1"}}, {}}));
  const auto failed = store_.log(id, {{point(1, 1)}, {{"q", "1"}, {"p", "2"}}, {{"t", "1"}}});
  EXPECT_EQ(failed.error().code, Code::InvalidArgument);
  const auto run = store_.run(id);
  EXPECT_TRUE(run->metrics.empty());
  EXPECT_EQ(run->params, (std::vector<KeyValue>{{"p", "1"}}));
  EXPECT_EQ(run->tags.size(), 1U);  // the run's name
}

TEST_P(StoreTest, NameAndTagAreOneThing) {
  const auto id = new_run("first");
  ASSERT_TRUE(store_.log(id, {{}, {}, {{"mlflow.runName", "second"}}}));
  EXPECT_EQ(store_.run(id)->info.name, "second");
  RunUpdate update;
  update.name = "third";
  ASSERT_TRUE(store_.update_run(id, update));
  EXPECT_EQ(store_.run(id)->tags.at(0).value, "third");
}

TEST_P(StoreTest, WhatIsDeletedRefusesWrites) {
  const auto id = new_run();
  ASSERT_TRUE(store_.delete_run(id));
  EXPECT_FALSE(store_.log(id, {{point(1, 1)}, {}, {}}));
  EXPECT_FALSE(store_.update_run(id, {}));
  EXPECT_TRUE(store_.delete_run(id));  // again changes nothing
  ASSERT_TRUE(store_.restore_run(id));
  ASSERT_TRUE(store_.delete_experiment(ExperimentId("0")));
  EXPECT_EQ(store_.run(id)->info.stage, Stage::Deleted);
  EXPECT_FALSE(store_.create_run({ExperimentId("0"), "", "", 0, {}}));
  EXPECT_EQ(store_.rename_experiment(ExperimentId("0"), "x").error().code, Code::FailedPrecondition);
  ASSERT_TRUE(store_.restore_experiment(ExperimentId("0")));
  EXPECT_TRUE(store_.log(id, {{point(1, 1)}, {}, {}}));
}

TEST_P(StoreTest, PagesMeetEveryRunOnceThoughOthersComeBetween) {
  for (int i = 0; i < 10; ++i, clock_.advance_ms(i % 2)) (void)new_run();
  Search search;
  search.experiments = {"0"};
  search.max_results = 3;
  std::vector<std::string> seen;
  for (int page = 0; page < 10; ++page) {
    const auto found = store_.search_runs(search);
    for (const auto& run : found->items) seen.push_back(run.info.id.str());
    search.page_token = found->next_token;
    if (search.page_token.empty()) break;
    clock_.advance_ms(1);
    (void)new_run();  // newer than all: belongs to no later page
  }
  EXPECT_EQ(seen.size(), 10U);
  std::ranges::sort(seen);
  EXPECT_EQ(std::ranges::unique(seen).begin(), seen.end());
}

TEST_P(StoreTest, SamplesKeepEndsAndStayEven) {
  const auto id = new_run();
  Batch batch;
  for (int i = 0; i < 1000; ++i) batch.metrics.push_back(point(i, i, i));
  ASSERT_TRUE(store_.log(id, batch));
  constexpr auto kFar = std::numeric_limits<std::int64_t>::max();
  const auto sample = store_.sampled_history({id.str()}, "m", -kFar, kFar, 10);
  const auto& points = sample->at(0).points;
  ASSERT_GE(points.size(), 10U);
  EXPECT_LE(points.size(), 12U);
  EXPECT_EQ(points.front().step, 0);
  EXPECT_EQ(points.back().step, 999);
  EXPECT_EQ(store_.sampled_history({id.str()}, "m", 5, 6, 10)->at(0).points.size(), 2U);
  EXPECT_TRUE(store_.sampled_history({"unknown"}, "m", -kFar, kFar, 10)->empty());
}

TEST_P(StoreTest, LoggedModelsPageByTheirOwnQuery) {
  for (const auto* name : {"a", "b", "c"}) {
    clock_.advance_ms(1);
    NewModel model;
    model.experiment = ExperimentId("0");
    model.name = name;
    ASSERT_TRUE(store_.models().create(model));
  }
  ModelSearch search;
  search.experiments = {"0"};
  search.max_results = 2;
  const auto first = store_.models().search(search);
  EXPECT_EQ(first->items.at(0).name, "c");
  search.page_token = first->next_token;
  EXPECT_EQ(store_.models().search(search)->items.at(0).name, "a");
  search.filter = "name = 'a'";
  EXPECT_EQ(store_.models().search(search).error().code, Code::InvalidArgument);
}

}  // namespace
}  // namespace fettle::tracking
