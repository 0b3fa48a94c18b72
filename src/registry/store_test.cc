#include "registry/store.h"

#include <gtest/gtest.h>

#include "notify/webhooks.h"
#include "os/file.h"
#include "sql/testing/postgres_server.h"
#include "tracking/store.h"

namespace fettle::registry {
namespace {

class RegistryTest : public testing::TestWithParam<sql::testing::Store> {
 protected:
  void SetUp() override { ASSERT_TRUE(store_.create_model("m")); }
  os::TempFolder folder_ = *os::TempFolder::create();
  std::unique_ptr<sql::Database> database_ =
      *sql::Database::open(sql::testing::new_store(GetParam(), folder_.path()),
                           {tracking::Store::migrations(), notify::Webhooks::migrations(), Store::migrations()});
  ManualClock clock_{1'000};
  Store store_{*database_, clock_};
};
INSTANTIATE_TEST_SUITE_P(Stores, RegistryTest, sql::testing::every_store(), sql::testing::name_of_store);

TEST_P(RegistryTest, NumbersRiseAndAreNeverGivenAgain) {
  EXPECT_EQ(*store_.create_version("m", "s", "r", {}), 1);
  EXPECT_EQ(*store_.create_version("m", "s", "r", {{"fettle.bundle", "abc"}}), 2);
  ASSERT_TRUE(store_.delete_version("m", 2));
  EXPECT_EQ(*store_.create_version("m", "s", "r", {}), 3);
  EXPECT_EQ(store_.get_version("m", 2).error().code, Code::NotFound);
  EXPECT_EQ(store_.list_versions("m")->size(), 2U);
}

TEST_P(RegistryTest, StagesArchiveTheOthers) {
  for (int i = 0; i < 2; ++i) ASSERT_TRUE(store_.create_version("m", "s", "", {}));
  ASSERT_TRUE(store_.move_to_stage("m", 1, "production", false));
  ASSERT_TRUE(store_.move_to_stage("m", 2, "Production", true));
  EXPECT_EQ(store_.get_version("m", 1)->stage, "Archived");
  EXPECT_EQ(store_.latest_versions("m", {"Production"})->at(0).version, 2);
  EXPECT_FALSE(store_.move_to_stage("m", 1, "None", true));
  EXPECT_FALSE(store_.move_to_stage("m", 1, "Limbo", false));
}

TEST_P(RegistryTest, ARenamedModelKeepsItsVersionsAndADeletedOneNothing) {
  ASSERT_TRUE(store_.create_version("m", "s", "", {{"k", "v"}}));
  ASSERT_TRUE(store_.rename_model("m", "n"));
  EXPECT_EQ(store_.get_version("n", 1)->tag("k"), "v");
  EXPECT_EQ(store_.create_model("n").error().code, Code::AlreadyExists);
  ASSERT_TRUE(store_.delete_model("n"));
  EXPECT_EQ(store_.get_version("n", 1).error().code, Code::NotFound);
  EXPECT_TRUE(store_.create_model("n"));
}

TEST_P(RegistryTest, PromptsStayOutUnlessAskedFor) {
  ASSERT_TRUE(store_.create_model("p", {{"mlflow.prompt.is_prompt", "true"}}));
  const auto names = [&](const std::string& filter) {
    Query query;
    query.filter = filter;
    std::string out;
    const auto found = store_.search_models(query);
    for (const auto& model : found->items) out += model.name;
    return out;
  };
  EXPECT_EQ(names(""), "m");
  EXPECT_EQ(names("tags.`mlflow.prompt.is_prompt` = 'true'"), "p");
  EXPECT_EQ(names("tags.`mlflow.prompt.is_prompt` != 'false'"), "p");
  EXPECT_EQ(names("tags.`mlflow.prompt.is_prompt` = 'false'"), "m");
  EXPECT_EQ(names("name LIKE 'M%'"), "");
  EXPECT_EQ(names("name ILIKE 'M%'"), "m");
}

}  // namespace
}  // namespace fettle::registry
