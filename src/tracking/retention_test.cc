#include "tracking/retention.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

#include "blob/store.h"
#include "os/file.h"
#include "sql/testing/postgres_server.h"
#include "tracking/store.h"

namespace fettle::tracking {
namespace {

using testing::HasSubstr;

class Known final : public Referrers {
 public:
  Result<void> refresh(sql::Session&) override { return {}; }
  std::string why(const std::string& id) const override { return find(id); }
  std::string why_folder(const std::string& name) const override { return find(name + "/"); }
  std::map<std::string, std::string> reasons;

 private:
  [[nodiscard]] std::string find(const std::string& id) const {
    const auto found = reasons.find(id);
    return found == reasons.end() ? "" : found->second;
  }
};

constexpr std::int64_t kStart = 1'000'000;

class RetentionTest : public testing::TestWithParam<sql::testing::Store> {
 protected:
  ExperimentId experiment(const std::string& name) { return *store_.create_experiment(name, "", {{"team", "a"}}); }

  // With something in every table.
  RunId run(const ExperimentId& id) {
    const auto made = store_.create_run({id, "r", "ann", clock_.now_ms(), {{"t", "1"}}});
    const auto& run = made->info.id;
    Batch batch;
    batch.params = {{"depth", "6"}};
    for (int i = 0; i < 3000; ++i) batch.metrics.push_back(point("loss", i));
    batch.metrics.push_back(point("auc", 1));
    EXPECT_TRUE(store_.log(run, batch));
    EXPECT_TRUE(store_.log_inputs(run, {{{"flights", "d1", "local", "x", {}, {}}, {{"c", "training"}}}}, {}));
    put(run, "a/b.txt");
    put(run, "c.txt");
    return run;
  }
  static Metric point(const std::string& key, int step) {
    Metric out;
    out.key = key;
    out.value = 1.0 / (1 + step * 7 % 1000);
    out.step = step;
    out.time_ms = step * 1000;
    return out;
  }
  std::string model(const ExperimentId& experiment, const RunId& run) {
    NewModel wanted{experiment, "net", "", run.str(), {{"p", "1"}}, {{"t", "1"}}};
    const auto made = store_.models().create(wanted);
    auto measured = point("auc", 1);
    measured.model_id = made->id;
    EXPECT_TRUE(store_.log(run, {{measured}, {}, {}}));
    EXPECT_TRUE(store_.log_outputs(run, {{made->id, 1}}));
    EXPECT_TRUE(put_below(made->artifact_uri, "MLmodel"));
    return made->id;
  }
  bool put(const RunId& run, const std::string& path) { return put_below(store_.run(run)->info.artifact_uri, path); }
  bool put_below(const std::string& uri, const std::string& path) {
    const auto file = folder_.path() + "/file";
    return os::write_file(file, uri + path) && roots_->put(uri, path, file);
  }

  Result<Removed> remove(std::int64_t before_ms, bool dry_run = false) {
    Removed out;
    FETTLE_TRY_(retention_.remove(before_ms, dry_run, out, [] { return Result<void>(); }));
    return out;
  }
  // Rows of every table that is about runs, models and experiments, but those that always exist.
  std::map<std::string, std::int64_t> rows() {
    std::map<std::string, std::int64_t> out;
    for (const std::string table :
         {"experiments WHERE id > 0", "experiment_tags", "runs", "run_tags", "run_params", "metric_series",
          "metric_blocks", "latest_metrics", "datasets", "run_inputs", "input_tags", "run_model_inputs", "run_outputs",
          "logged_models", "model_tags", "model_params", "model_metrics", "artifacts", "object_removals"})
      EXPECT_TRUE(database_->read([&](sql::Session& session) {
        return session.query("SELECT count(*) FROM " + table, {}, [&](const sql::Row& row) {
          if (row.integer(0) > 0) out[table] = row.integer(0);
          return false;
        });
      }));
    return out;
  }

  os::TempFolder folder_ = *os::TempFolder::create();
  std::unique_ptr<sql::Database> database_ =
      *sql::Database::open(sql::testing::new_store(GetParam(), folder_.path()), {Store::migrations()});
  std::unique_ptr<blob::Store> blobs_ = *blob::Store::open(folder_.path() + "/blobs");
  Artifacts artifacts_{*database_, *blobs_};
  std::unique_ptr<ArtifactRoots> roots_ =
      *ArtifactRoots::open(artifacts_, "mlflow-artifacts:/", {"file://" + folder_.path() + "/shared"});
  ManualClock clock_{kStart};
  Store store_{*database_, clock_};
  Known known_;
  Retention retention_{*database_, artifacts_, *roots_, known_};
};
INSTANTIATE_TEST_SUITE_P(Stores, RetentionTest, sql::testing::every_store(), sql::testing::name_of_store);

TEST_P(RetentionTest, AnOldRunGoesWithAllOfItAndItsNeighbourStays) {
  const auto neighbour = run(ExperimentId("0"));
  const auto before = rows();
  const auto gone = run(ExperimentId("0"));
  ASSERT_TRUE(store_.delete_run(gone));
  EXPECT_EQ(remove(kStart)->runs, 0) << "not older than the retention";
  ASSERT_TRUE(store_.restore_run(gone));
  ASSERT_TRUE(store_.delete_run(gone));
  const auto removed = remove(kStart + 1);
  EXPECT_EQ(removed->runs, 1);
  EXPECT_EQ(removed->artifacts, 4) << "two files and the two folders that they are in";
  EXPECT_EQ(rows(), before);
  EXPECT_EQ(store_.run(gone).error().code, Code::NotFound);
  EXPECT_EQ(store_.metric_history(neighbour, "loss", 10'000)->items.size(), 3000U);
  EXPECT_TRUE(*artifacts_.find("0/" + neighbour.str() + "/artifacts/a/b.txt"));
}

TEST_P(RetentionTest, AnExperimentGoesWithItsRunsAndModelsAndFreesItsNameButNotItsNumber) {
  const auto before = rows();
  const auto id = experiment("flights");
  model(id, run(id));
  ASSERT_TRUE(put_below("mlflow-artifacts:/" + id.str(), "notes.txt"));
  ASSERT_TRUE(store_.delete_experiment(id));
  clock_.advance_ms(10);
  const auto removed = remove(kStart + 1);
  EXPECT_EQ(removed->experiments, 1);
  EXPECT_EQ(removed->runs, 1);
  EXPECT_EQ(removed->logged_models, 1);
  EXPECT_EQ(removed->kept, 0);
  EXPECT_EQ(rows(), before);
  EXPECT_EQ(store_.restore_experiment(id).error().code, Code::NotFound);
  const auto again = experiment("flights");
  EXPECT_NE(again, id);
}

TEST_P(RetentionTest, WhatSomebodyNeedsStaysWithItsExperiment) {
  const auto id = experiment("flights");
  const auto needed = run(id);
  const auto other = run(id);
  const auto net = model(id, needed);
  known_.reasons = {{needed.str(), "version 3 of 'flights' was made from it"}, {net, "version 4 of 'flights' is it"}};
  ASSERT_TRUE(store_.delete_experiment(id));
  const auto removed = remove(kStart + 1);
  EXPECT_EQ(removed->runs, 1);
  EXPECT_EQ(removed->experiments, 0);
  ASSERT_EQ(removed->shown.size(), 3U);
  EXPECT_EQ(removed->shown[0].id, needed.str());
  EXPECT_THAT(removed->shown[0].why, HasSubstr("version 3"));
  EXPECT_THAT(removed->shown[1].why, HasSubstr("version 4"));
  EXPECT_THAT(removed->shown[2].why, HasSubstr("2 of its runs and logged models stay"));
  ASSERT_TRUE(store_.restore_experiment(id));
  EXPECT_EQ(store_.run(needed)->metrics.size(), 2U);
  EXPECT_EQ(store_.run(other).error().code, Code::NotFound);
  EXPECT_TRUE(store_.models().get(net));
}

TEST_P(RetentionTest, AnExperimentWaitsForItsLatestRunAndTheDefaultOneAlwaysExists) {
  const auto id = experiment("flights");
  const auto revived = run(id);
  ASSERT_TRUE(store_.delete_experiment(id));
  ASSERT_TRUE(store_.restore_run(revived));
  ASSERT_TRUE(store_.delete_experiment(ExperimentId("0")));
  auto removed = *remove(kStart + 1);
  EXPECT_EQ(removed.experiments + removed.runs, 0);
  ASSERT_EQ(removed.shown.size(), 2U);
  EXPECT_THAT(removed.shown[0].why, HasSubstr("the default experiment"));
  clock_.advance_ms(100);
  ASSERT_TRUE(store_.delete_run(revived));
  EXPECT_EQ(remove(kStart + 50)->experiments, 0);
  EXPECT_EQ(remove(kStart + 101)->experiments, 1);
}

TEST_P(RetentionTest, ADryRunSaysTheSameAndChangesNothing) {
  const auto id = experiment("flights");
  const auto needed = run(id);
  known_.reasons[needed.str()] = "a version";
  model(id, run(id));
  const auto second = experiment("second");
  run(second);
  ASSERT_TRUE(store_.delete_experiment(id));
  ASSERT_TRUE(store_.delete_experiment(second));
  const auto before = rows();
  const auto dry = *remove(kStart + 1, true);
  EXPECT_EQ(rows(), before);
  std::int64_t links = 0;
  for (const auto& [digest, count] : dry.unlinked) links += count;
  EXPECT_EQ(links, 5) << "two files of each of two runs and one of a model";
  const auto real = *remove(kStart + 1);
  EXPECT_EQ(dry.runs, real.runs);
  EXPECT_EQ(dry.logged_models, real.logged_models);
  EXPECT_EQ(dry.experiments, real.experiments);
  EXPECT_EQ(dry.kept, real.kept);
}

TEST_P(RetentionTest, EndedAtAnyStepTheNextRunFinishes) {
  const auto before = rows();
  for (int steps = 0;; ++steps) {
    const auto id = experiment("e" + std::to_string(steps));
    model(id, run(id));
    ASSERT_TRUE(store_.delete_experiment(id));
    Removed removed;
    const auto ended = retention_.remove(kStart + 1, false, removed, [left = steps]() mutable -> Result<void> {
      if (left-- > 0) return {};
      return fail(Code::Unavailable, "killed");
    });
    ASSERT_TRUE(remove(kStart + 1)) << steps;
    EXPECT_EQ(rows(), before) << steps;
    if (ended) return;
    ASSERT_LT(steps, 20);
  }
}

TEST_P(RetentionTest, ManyPathsGoInTransactionsOfBoundedSize) {
  const auto gone = run(ExperimentId("0"));
  ASSERT_TRUE(database_->write([&](sql::Session& session) -> Result<void> {
    const auto folder = "0/" + gone.str() + "/artifacts";
    for (int i = 0; i < 2500; ++i)
      FETTLE_TRY_(session.execute("INSERT INTO artifacts(folder, name, digest, size) VALUES(?, ?, 'x', 1)",
                                  {std::string_view(folder), std::string_view("f" + std::to_string(i))}));
    return {};
  }));
  ASSERT_TRUE(store_.delete_run(gone));
  int steps = 0;
  Removed removed;
  ASSERT_TRUE(retention_.remove(kStart + 1, false, removed, [&] {
    ++steps;
    return Result<void>();
  }));
  EXPECT_EQ(removed.artifacts, 2504);
  EXPECT_GE(steps, 4);
  EXPECT_EQ(rows(), (std::map<std::string, std::int64_t>{}));
}

TEST_P(RetentionTest, ArtifactsElsewhereGoIfTheServerReachesThemAndThePlaceIsTheirs) {
  const auto shared = *store_.create_experiment("shared", "file://" + folder_.path() + "/shared/x", {});
  const auto bucket = *store_.create_experiment("bucket", "s3://other/x", {});
  const auto here = store_.create_run({shared, "", "", 0, {}})->info;
  const auto there = store_.create_run({bucket, "", "", 0, {}})->info;
  ASSERT_TRUE(put_below(here.artifact_uri, "a.txt"));
  const auto file = folder_.path() + "/shared/x/" + here.id.str() + "/artifacts/a.txt";
  ASSERT_TRUE(os::exists(file));
  ASSERT_TRUE(store_.delete_run(here.id));
  ASSERT_TRUE(store_.delete_run(there.id));
  const auto removed = *remove(kStart + 1);
  EXPECT_EQ(removed.runs, 2);
  EXPECT_FALSE(os::exists(file));
  EXPECT_TRUE(os::is_folder(folder_.path() + "/shared/x"));
  ASSERT_EQ(removed.shown.size(), 1U);
  EXPECT_EQ(removed.shown[0].kind, "artifacts");
  EXPECT_EQ(removed.shown[0].id, there.artifact_uri);
}

}  // namespace
}  // namespace fettle::tracking
