#include "registry/references.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "notify/webhooks.h"
#include "os/file.h"
#include "registry/store.h"
#include "sql/testing/postgres_server.h"

namespace fettle::registry {
namespace {

using testing::HasSubstr;

class ReferencesTest : public testing::TestWithParam<sql::testing::Store> {
 protected:
  std::int64_t version(const std::string& source, const std::string& run = "", const std::string& model_id = "",
                       const std::vector<KeyValue>& tags = {}) {
    NewVersion wanted;
    wanted.model = "flights";
    wanted.source = source;
    wanted.run_id = run;
    wanted.model_id = model_id;
    wanted.tags = tags;
    return store_.create_version(wanted)->version;
  }
  References read(References references) {
    EXPECT_TRUE(database_->read([&](sql::Session& session) { return references.refresh(session); }));
    return references;
  }

  os::TempFolder folder_ = *os::TempFolder::create();
  std::unique_ptr<sql::Database> database_ = *sql::Database::open(
      sql::testing::new_store(GetParam(), folder_.path()), {notify::Webhooks::migrations(), Store::migrations()});
  ManualClock clock_{1'000'000};
  Store store_{*database_, clock_};
  bool made_ = store_.create_model("flights").has_value();
};
INSTANTIATE_TEST_SUITE_P(Stores, ReferencesTest, sql::testing::every_store(), sql::testing::name_of_store);

TEST_P(ReferencesTest, AVersionNeedsWhatItNamesHoweverItIsSpelled) {
  version("mlflow-artifacts:/5/run1/artifacts/model", "run0");
  version("mlflow-artifacts://host:5000/api/2.0/mlflow-artifacts/artifacts/7//run2/artifacts");
  version("models:/m-1", "", "m-2");
  version("runs:/run3/model");
  version("s3://bucket/9/run4/artifacts");
  version("fettle:/bundles/abc", "", "", {{"fettle.bundle", "def"}});
  const auto known = read(References(clock_.now_ms()));
  for (const auto* id : {"run0", "run1", "run2", "run3", "run4", "m-1", "m-2"})
    EXPECT_THAT(known.why(id), HasSubstr("of model 'flights' needs it")) << id;
  EXPECT_THAT(known.why("run2"), HasSubstr("version 2"));
  EXPECT_EQ(known.why("run9"), "");
  EXPECT_NE(known.why_folder("5"), "");
  EXPECT_NE(known.why_folder("7"), "");
  EXPECT_EQ(known.why_folder("9"), "") << "not among the server's own artifacts";
  EXPECT_EQ(known.bundles(), (std::set<std::string>{"abc", "def"}));
}

TEST_P(ReferencesTest, DeletedVersionsNeedNothingAndNewOnesAreSeen) {
  const auto gone = version("mlflow-artifacts:/5/run1/artifacts/model", "run1");
  ASSERT_TRUE(store_.delete_version("flights", gone));
  auto known = read(References(clock_.now_ms()));
  EXPECT_EQ(known.why("run1"), "");
  clock_.advance_ms(3'600'000);
  version("mlflow-artifacts:/5/run2/artifacts/model", "run2");
  known = read(std::move(known));
  EXPECT_NE(known.why("run2"), "");
  const auto deleted = [&](std::int64_t before) {
    bool out = false;
    EXPECT_TRUE(database_->read([&](sql::Session& session) -> Result<void> {
      FETTLE_TRY(out, was_deleted(session, "flights", gone, before));
      return {};
    }));
    return out;
  };
  EXPECT_FALSE(deleted(1'000'000));
  EXPECT_TRUE(deleted(1'000'001));
}

}  // namespace
}  // namespace fettle::registry
