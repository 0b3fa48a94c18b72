#include "control/store.h"

#include <gtest/gtest.h>

#include "os/file.h"
#include "sql/testing/postgres_server.h"

namespace fettle::control {
namespace {

class StoreTest : public testing::TestWithParam<sql::testing::Store> {
 protected:
  os::TempFolder folder_ = *os::TempFolder::create();
  std::unique_ptr<sql::Database> database_ =
      *sql::Database::open(sql::testing::new_store(GetParam(), folder_.path()), {Store::migrations()});
  Store store_{*database_};
};
INSTANTIATE_TEST_SUITE_P(Stores, StoreTest, sql::testing::every_store(), sql::testing::name_of_store);

TEST_P(StoreTest, OneDecisionIsPutWholeAndReadBack) {
  Changes changes;
  changes.endpoints.push_back({"flights", "late", {{"champion", "abc", 1}}, "slots", 5});
  Rollout rollout;
  rollout.id = "r1";
  rollout.endpoint = "flights";
  rollout.state = RolloutState::RolledBack;
  changes.rollouts.push_back(rollout);
  changes.decisions.push_back({"r1", 10, 20, 1, "rollback", "fettle", "log loss is worse", 0.1, 0.05, 0.15, {}});
  changes.checkpoint = Checkpoint{{3, 77}, {{"flights", 20}}};
  ASSERT_TRUE(store_.put(changes));
  EXPECT_EQ(store_.endpoint("flights")->variants.at(0).bundle, "abc");
  EXPECT_EQ(store_.rollout("r1")->state, RolloutState::RolledBack);
  EXPECT_EQ(store_.decisions("r1")->at(0).upper, 0.15);
  EXPECT_EQ((*store_.checkpoint())->cursor.offset, 77U);
  EXPECT_EQ((*store_.checkpoint())->watermarks_ms.at("flights"), 20);
}

TEST_P(StoreTest, RecordsReplaceThoseWithTheSameKeyAndDecisionsAdd) {
  Changes changes;
  changes.alerts.push_back({"a1", "flights", "drift", "distance", "warn", "moved", "open", 1, 1, 0, "", ""});
  changes.decisions.push_back({"r1", 1, 1, 0, "hold", "fettle", "too early", 0, 0, 0, {}});
  ASSERT_TRUE(store_.put(changes));
  changes.alerts[0].state = "closed";
  ASSERT_TRUE(store_.put(changes));
  ASSERT_EQ(store_.alerts()->size(), 1U);
  EXPECT_EQ(store_.alert("a1")->state, "closed");
  EXPECT_EQ(store_.decisions("r1")->size(), 2U);
}

TEST_P(StoreTest, WhatIsNotThereIsNotFound) {
  EXPECT_EQ(store_.endpoint("none").error().code, Code::NotFound);
  EXPECT_EQ(store_.checkpoint()->has_value(), false);
  EXPECT_TRUE(store_.put({}));
}

}  // namespace
}  // namespace fettle::control
