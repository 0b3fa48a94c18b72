#include <gmock/gmock.h>
#include <unistd.h>

#include <cmath>
#include <limits>

#include "json/describe.h"
#include "os/file.h"
#include "registry/store.h"
#include "sql/testing/postgres_server.h"
#include "tracking/store.h"
#include "transfer/apply.h"
#include "transfer/folder.h"
#include "transfer/locations.h"

namespace fettle::transfer {
namespace {

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

TEST(Records, TheOrderOfPartsMakesNoDifference) {
  RunRecord a{.id = "r", .params = {{"b", "1"}, {"a", "2"}}, .outputs = {{"m-2", 1}, {"m-1", 0}}};
  RunRecord b{.id = "r", .params = {{"a", "2"}, {"b", "1"}}, .outputs = {{"m-1", 0}, {"m-2", 1}}};
  normalise(a);
  normalise(b);
  EXPECT_EQ(digest_of(a), digest_of(b));
  b.deleted_ms = 5;  // some sources do not know it
  EXPECT_EQ(digest_of(a), digest_of(b));
  b.deleted = true;
  EXPECT_NE(digest_of(a), digest_of(b));
}

TEST(Records, APointLoggedTwiceIsOnePoint) {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  Series once{{"m", {{1, 0, kNan}, {1, 0, 2}, {2, 0, kInfinity}}}};
  Series twice{{"m", {{2, 0, kInfinity}, {1, 0, 2}, {1, 0, kNan}, {1, 0, kNan}, {1, 0, 2}}}, {"none", {}}};
  normalise(once);
  normalise(twice);
  EXPECT_EQ(points_of(twice), 3U);
  EXPECT_EQ(digest_of(once), digest_of(twice));
  EXPECT_EQ(once["m"].back().value, std::numeric_limits<double>::max());
}

TEST(Records, BytesThatAreNoTextAreReplaced) {
  EXPECT_EQ(valid_utf8("a\xFF\xC3"), "a\xEF\xBF\xBD\xEF\xBF\xBD");
  EXPECT_EQ(valid_utf8("\xC3\xA4\xF0\x9F\x98\x80"), "\xC3\xA4\xF0\x9F\x98\x80");
}

TEST(Records, OfADeletedVersionOnlyNumberAndTimesStay) {
  RegisteredRecord model{.name = "m", .versions = {{.version = 2, .deleted = true, .source = "x", .created_ms = 7}}};
  normalise(model);
  EXPECT_EQ(model.versions[0].source, "");
  EXPECT_EQ(model.versions[0].created_ms, 7);
}

TEST(Decide, NothingThatIsOtherwiseHereIsOverwritten) {
  EXPECT_EQ(decide({}, "s"), Outcome::Created);
  EXPECT_EQ(decide({"s", "", true}, "s"), Outcome::Unchanged);
  EXPECT_EQ(decide({"here", "", true}, "s"), Outcome::Conflict);
  EXPECT_EQ(decide({"m", "m", true}, "s"), Outcome::Updated);
  EXPECT_EQ(decide({"here", "s", true}, "s"), Outcome::Kept);
  EXPECT_EQ(decide({"here", "m", true}, "s"), Outcome::Conflict);
  EXPECT_EQ(decide({"m", "m", false}, "s"), Outcome::Conflict);
}

TEST(MetricLines, OfAllAges) {
  const auto old = parse_metric_line("5 0.25");
  EXPECT_EQ(old->first.step, 0);
  const auto with_dataset = parse_metric_line("5 nan -3 flights d1");
  EXPECT_TRUE(std::isnan(with_dataset->first.value));
  EXPECT_EQ(with_dataset->first.step, -3);
  EXPECT_THAT(with_dataset->second, testing::ElementsAre("flights", "d1"));
  for (const auto* wrong : {"5", "x 1 0", "5 x 0", "5 1 x", "1 2 3 4 5 6 7", "5 1.5 2.5"})
    EXPECT_FALSE(parse_metric_line(wrong)) << wrong;
}

TEST(Places, ByScheme) {
  EXPECT_EQ(place_of("mlflow-artifacts:/1/r/artifacts"), Place::Proxied);
  for (const auto* local : {"file:///x", "/x/y", "./mlruns/0", "mlruns/0", "C:\\x"})
    EXPECT_EQ(place_of(local), Place::Local) << local;
  for (const auto* there : {"s3://b/x", "gs://b", "wasbs://c@a/x", "hdfs://h/x"})
    EXPECT_EQ(place_of(there), Place::Elsewhere) << there;
  EXPECT_EQ(local_path("file:///a%20b/c"), "/a b/c");
  EXPECT_EQ(local_path("file://host/a"), "/a");
  EXPECT_EQ(proxied_path("mlflow-artifacts://h:5/api/2.0/mlflow-artifacts/artifacts/1/r"), "1/r");
  EXPECT_EQ(proxied_path("mlflow-artifacts:/1/r"), "1/r");
  EXPECT_EQ(proxied_path("s3://b"), std::nullopt);
}

TEST(Places, WhatRefersToAMovedLocationMovesToo) {
  Locations locations(Copying::Own);
  ExperimentRecord experiment{.id = "3", .artifact_location = "file:///old/mlruns/3"};
  locations.map(experiment);
  EXPECT_EQ(experiment.artifact_location, "mlflow-artifacts:/3");
  RunRecord run{.id = "r", .experiment = "3", .artifact_uri = "file:///old/mlruns/3/r/artifacts"};
  locations.map(run);
  EXPECT_EQ(run.artifact_uri, "mlflow-artifacts:/3/r/artifacts");
  RunRecord odd{.id = "q", .experiment = "3", .artifact_uri = "/elsewhere/q"};
  locations.map(odd);
  RegisteredRecord model{.name = "m",
                         .versions = {{.version = 1, .source = "/old/mlruns/3/r/artifacts/model"},
                                      {.version = 2, .source = "file:///elsewhere/q/model"},
                                      {.version = 3, .source = "s3://b/model"},
                                      {.version = 4, .source = "models:/m/1"}}};
  locations.map(model);
  EXPECT_EQ(model.versions[0].source, "mlflow-artifacts:/3/r/artifacts/model");
  EXPECT_EQ(model.versions[1].source, "mlflow-artifacts:/3/q/artifacts/model");
  EXPECT_EQ(model.versions[2].source, "s3://b/model");
  EXPECT_EQ(model.versions[3].source, "models:/m/1");
}

TEST(Places, BucketsAreTakenOverIfThatIsWanted) {
  for (const auto copying : {Copying::None, Copying::Own, Copying::WithS3}) {
    Locations locations(copying);
    RunRecord run{.id = "r", .experiment = "3", .artifact_uri = "s3://b/3/r/artifacts"};
    RunRecord other{.id = "q", .experiment = "3", .artifact_uri = "gs://b/3/q/artifacts"};
    locations.map(run);
    locations.map(other);
    RegisteredRecord model{.name = "m", .versions = {{.version = 1, .source = "s3://b/3/r/artifacts/model"}}};
    locations.map(model);
    const bool copied = copying == Copying::WithS3;
    EXPECT_EQ(run.artifact_uri, copied ? "mlflow-artifacts:/3/r/artifacts" : "s3://b/3/r/artifacts");
    EXPECT_EQ(model.versions[0].source,
              copied ? "mlflow-artifacts:/3/r/artifacts/model" : "s3://b/3/r/artifacts/model");
    EXPECT_EQ(other.artifact_uri, "gs://b/3/q/artifacts");
  }
}

class ImporterTest : public testing::TestWithParam<sql::testing::Store> {
 protected:
  template <typename Record>
  static std::string line(std::string_view kind, const Record& record) {
    return json::dump(json::Value::object().set("kind", kind).set("record", json::to_value(record))) + "\n";
  }
  std::string outcome(const std::string& batch, const std::string& suffix = "") {
    const auto applied = importer_.apply(batch, suffix);
    if (!applied) return applied.error().message;
    std::string out;
    for (const auto& each : *applied) out += (out.empty() ? "" : " ") + each.outcome;
    return out;
  }

  Result<os::TempFolder> folder_ = os::TempFolder::create();
  ManualClock clock_{1000};
  std::unique_ptr<sql::Database> database_ =
      *sql::Database::open(sql::testing::new_store(GetParam(), folder_->path()),
                           {tracking::Store::migrations(), registry::Store::migrations(), Importer::migrations()});
  tracking::Store store_{*database_, clock_};
  Importer importer_{*database_, clock_};
};

INSTANTIATE_TEST_SUITE_P(Stores, ImporterTest, sql::testing::every_store(), sql::testing::name_of_store);

TEST_P(ImporterTest, ABatchIsWrittenOnceOrNotAtAll) {
  const ExperimentRecord experiment{.id = "123456789012345678", .name = "x", .created_ms = 5, .updated_ms = 6};
  const std::string id = "0123456789abcdef0123456789abcdef";
  const RunRecord run{.id = id, .experiment = experiment.id, .deleted = true, .deleted_ms = 7};
  const auto points = R"({"kind":"points","run":")" + id + R"(","key":"m","points":[[1,0,0.5],[2,1,NaN]]})";
  const auto batch = line("experiment", experiment) + line("run", run) + points + "\n";
  EXPECT_EQ(outcome(batch), "created created");
  EXPECT_EQ(outcome(batch), "unchanged unchanged");
  EXPECT_EQ(store_.metric_history(RunId(run.id), "m", 10)->items.size(), 2U);
  EXPECT_EQ(store_.run(RunId(run.id))->info.stage, tracking::Stage::Deleted);
  const auto next = store_.create_experiment("next", "", {});
  EXPECT_EQ(next->str(), "1") << "numbers of 18 digits are not counted on from";

  const ExperimentRecord other{.id = "77", .name = "y"};
  EXPECT_THAT(outcome(line("experiment", other) + "{\"kind\":\"strange\"}\n"), testing::HasSubstr("line 2"));
  EXPECT_FALSE(store_.experiment(ExperimentId("77")));
  EXPECT_THAT(outcome(R"({"kind":"points","run":"nobody","key":"m","points":[]})"), testing::HasSubstr("not imported"));
}

TEST_P(ImporterTest, TakenNamesAreConflictsOrGetASuffix) {
  ASSERT_TRUE(store_.create_experiment("x", "", {}));
  const ExperimentRecord same_id{.id = "1", .name = "other", .created_ms = 5};
  const ExperimentRecord same_name{.id = "9", .name = "x", .created_ms = 5};
  EXPECT_EQ(outcome(line("experiment", same_id) + line("experiment", same_name)), "conflict conflict");
  EXPECT_EQ(outcome(line("experiment", same_id) + line("experiment", same_name), " 2"), "created created");
  EXPECT_EQ(store_.experiment_by_name("x 2")->id.str(), "9");
  EXPECT_EQ(store_.experiment_by_name("other 2")->id.str(), "2");
  EXPECT_EQ(outcome(line("experiment", same_id), " 2"), "unchanged");
}

TEST_P(ImporterTest, TheFirstExperimentIsReplacedWhileItIsUnused) {
  ExperimentRecord first{.id = "0", .name = "Default", .artifact_location = "s3://b/0", .created_ms = 5};
  EXPECT_EQ(outcome(line("experiment", first)), "created");
  EXPECT_EQ(store_.experiment(ExperimentId("0"))->artifact_location, "s3://b/0");
  ASSERT_TRUE(store_.create_run({.experiment = ExperimentId("0")}));
  first.created_ms = 6;
  first.tags = {{"k", "v"}};
  EXPECT_EQ(outcome(line("experiment", first)), "kept");
  EXPECT_EQ(store_.experiment(ExperimentId("0"))->tags.size(), 1U);
}

}  // namespace
}  // namespace fettle::transfer
