#include "tracking/scope.h"

#include <gtest/gtest.h>

#include "os/file.h"
#include "sql/testing/postgres_server.h"
#include "tracking/store.h"

namespace fettle::tracking {
namespace {

ScopeRule names(bool visible, std::string prefix, std::string inside = "", std::string suffix = "") {
  return {.visible = visible, .exact = {}, .prefix = prefix, .inside = inside, .suffix = suffix};
}

class ScopeTest : public testing::TestWithParam<sql::testing::Store> {
 protected:
  void SetUp() override {
    database_ = *sql::Database::open(sql::testing::new_store(GetParam(), folder_.path()), {Store::migrations()});
    store_ = std::make_unique<Store>(*database_, clock_);
    for (const auto* name : {"team_a", "teamXa", "Team_a", "ünï-1", "x-prod", "my churn", "100%"})
      ASSERT_TRUE(store_->create_experiment(name, "", {}));
  }
  // Names that a search within the scope shows, by name.
  std::vector<std::string> shown(std::vector<ScopeRule> rules) {
    Search search{.order_by = {"name"}, .max_results = 100};
    search.scope = Scope{std::move(rules)};
    std::vector<std::string> out;
    const auto page = store_->search_experiments(search);
    EXPECT_TRUE(page) << page.error().message;
    if (page)
      for (const auto& experiment : page->items) out.push_back(experiment.name);
    return out;
  }

  using Names = std::vector<std::string>;
  os::TempFolder folder_ = *os::TempFolder::create();
  ManualClock clock_{1'000};
  std::unique_ptr<sql::Database> database_;
  std::unique_ptr<Store> store_;
};

INSTANTIATE_TEST_SUITE_P(Stores, ScopeTest, sql::testing::every_store(), sql::testing::name_of_store);

TEST_P(ScopeTest, ShowsWhatTheFirstFittingRuleSays) {
  EXPECT_EQ(shown({}), Names{});
  EXPECT_EQ(shown({names(true, "")}).size(), 8U);
  EXPECT_EQ(shown({names(true, "team_")}), Names{"team_a"});
  EXPECT_EQ(shown({names(true, "ünï")}), Names{"ünï-1"});
  EXPECT_EQ(shown({names(true, "ü", "", "1")}), Names{"ünï-1"});
  EXPECT_EQ(shown({names(true, "", "", "prod")}), Names{"x-prod"});
  EXPECT_EQ(shown({names(true, "x-p", "", "-prod")}), Names{});
  EXPECT_EQ(shown({names(true, "", "chu")}), Names{"my churn"});
  EXPECT_EQ(shown({names(true, "", "%")}), Names{"100%"});
  EXPECT_EQ(shown({names(false, "team"), names(true, "t")}), Names{});
  EXPECT_EQ(shown({{.visible = true, .exact = "0"}, {.visible = true, .exact = "1"}, {.visible = false, .exact = "2"}}),
            (Names{"Default", "team_a"}));
  EXPECT_EQ(shown({{.visible = false, .exact = "1"}, names(true, "team_")}), Names{});
}

TEST_P(ScopeTest, PagesAreFull) {
  for (int i = 0; i < 30; ++i)
    ASSERT_TRUE(store_->create_experiment((i % 3 == 0 ? "a-" : "b-") + std::to_string(i), "", {}));
  Search search{.order_by = {"name"}, .max_results = 4};
  search.scope = Scope{{names(true, "a-")}};
  std::vector<std::size_t> sizes;
  do {
    const auto page = store_->search_experiments(search);
    ASSERT_TRUE(page);
    sizes.push_back(page->items.size());
    search.page_token = page->next_token;
  } while (!search.page_token.empty());
  EXPECT_EQ(sizes, (std::vector<std::size_t>{4, 4, 2}));
}

}  // namespace
}  // namespace fettle::tracking
