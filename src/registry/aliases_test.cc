#include "registry/aliases.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "notify/outbox.h"
#include "notify/webhooks.h"
#include "os/file.h"
#include "registry/store.h"
#include "sql/testing/postgres_server.h"
#include "tracking/store.h"

namespace fettle::registry {
namespace {

const Actor kAda{"ada", true}, kBob{"bob", true}, kSomebody{"ada", false};

class AliasTest : public testing::TestWithParam<sql::testing::Store> {
 protected:
  void SetUp() override {
    ASSERT_TRUE(store_.create_model("m"));
    for (int i = 0; i < 3; ++i) ASSERT_TRUE(store_.create_version("m", "s", "", {}));
  }
  Result<MoveResult> set(std::int64_t version, const Actor& actor = kAda, std::optional<std::int64_t> expected = {}) {
    return aliases_.move({"m", "champion", version, expected, "because"}, actor);
  }
  std::int64_t now() { return aliases_.get("m", "champion")->value_or(0); }
  std::vector<std::string> told(const std::string& webhook) {  // events, oldest first
    const auto sent = notify::Outbox(*database_, clock_).list(webhook, "", 99);
    std::vector<std::string> out;
    for (const auto& each : *sent) out.insert(out.begin(), each.event);
    return out;
  }

  os::TempFolder folder_ = *os::TempFolder::create();
  std::unique_ptr<sql::Database> database_ =
      *sql::Database::open(sql::testing::new_store(GetParam(), folder_.path()),
                           {tracking::Store::migrations(), notify::Webhooks::migrations(), Store::migrations()});
  ManualClock clock_{1'000};
  Store store_{*database_, clock_};
  Aliases& aliases_ = store_.aliases();
};

INSTANTIATE_TEST_SUITE_P(Stores, AliasTest, sql::testing::every_store(), sql::testing::name_of_store);

TEST_P(AliasTest, EveryMoveIsOnTheRecord) {
  ASSERT_TRUE(set(1));
  clock_.advance_ms(5);
  ASSERT_TRUE(aliases_.follow("m", "champion", 2));
  ASSERT_TRUE(aliases_.follow("m", "champion", 2));  // no move
  EXPECT_EQ(now(), 2);
  ASSERT_TRUE(store_.delete_version("m", 2));
  EXPECT_EQ(now(), 0);
  const auto history = aliases_.history("m", "champion");
  ASSERT_EQ(history->size(), 3U);
  EXPECT_EQ(history->at(2).actor, "ada");
  EXPECT_EQ(history->at(2).reason, "because");
  EXPECT_EQ(history->at(1).actor, "fettle");
  EXPECT_EQ(history->at(1).from, 1);
  EXPECT_EQ(history->at(1).time_ms, 1'005);
  EXPECT_EQ(history->at(0).version, 0);
  EXPECT_TRUE(aliases_.history("m", "other")->empty());
}

TEST_P(AliasTest, TheyPointSomewhereAndAreNames) {
  EXPECT_EQ(set(9).error().code, Code::NotFound);
  for (const auto* alias : {"", "latest", "LATEST", "v1", "V22", "a b", "ä"})
    EXPECT_EQ(aliases_.move({"m", alias, 1, {}, ""}, kAda).error().code, Code::InvalidArgument) << alias;
  EXPECT_EQ(**aliases_.get("m", "latest"), 3);
  EXPECT_EQ(aliases_.get("other", "champion").error().code, Code::NotFound);
}

TEST_P(AliasTest, CompareAndSet) {
  EXPECT_EQ(set(1, kAda, 2).error().code, Code::Conflict);
  ASSERT_TRUE(set(1, kAda, 0));
  EXPECT_NE(set(2, kAda, 3).error().message.find("points to version 1, not to version 3"), std::string::npos);
  ASSERT_TRUE(set(2, kAda, 1));
  EXPECT_EQ(now(), 2);
}

TEST_P(AliasTest, OfManyWhoCompareAndSetOneWins) {
  ASSERT_TRUE(set(1));
  std::atomic<int> won = 0, lost = 0;
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < 16; ++i)
      threads.emplace_back([&, i] {
        const auto moved = set(2 + i % 2, kAda, 1);
        if (moved) ++won;
        if (!moved && moved.error().code == Code::Conflict) ++lost;
      });
  }
  EXPECT_EQ(won, 1);
  EXPECT_EQ(lost, 15);
  EXPECT_EQ(aliases_.history("m")->size(), 2U);
}

TEST_P(AliasTest, UndoGoesBackAndForth) {
  EXPECT_EQ(aliases_.undo({"m", "champion", 0, {}, ""}, kAda).error().code, Code::FailedPrecondition);
  ASSERT_TRUE(set(1));
  ASSERT_TRUE(set(2));
  EXPECT_EQ(aliases_.undo({"m", "champion", 0, 1, ""}, kAda).error().code, Code::Conflict);
  EXPECT_EQ(aliases_.undo({"m", "champion", 0, {}, ""}, kBob)->change->version, 1);
  EXPECT_EQ(aliases_.history("m")->front().reason, "undo of the move to version 2");
  ASSERT_TRUE(aliases_.undo({"m", "champion", 0, {}, "no, it was right"}, kBob));
  EXPECT_EQ(now(), 2);
  ASSERT_TRUE(store_.delete_version("m", 1));
  ASSERT_TRUE(set(3));
  ASSERT_TRUE(store_.delete_version("m", 2));
  EXPECT_NE(aliases_.undo({"m", "champion", 0, {}, ""}, kAda).error().message.find("is deleted"), std::string::npos);
}

TEST_P(AliasTest, AProtectedOneMovesWhenAnotherApproves) {
  ASSERT_TRUE(set(1));
  ASSERT_TRUE(aliases_.protect("*", "champion", kAda));
  const auto request = set(2)->request;
  ASSERT_TRUE(request);
  EXPECT_EQ(now(), 1);
  EXPECT_EQ(set(2)->request->id, request->id);  // asked again: the same
  EXPECT_NE(set(2, kBob)->request->id, request->id);
  EXPECT_EQ(aliases_.approve(request->id, kAda, "").error().code, Code::PermissionDenied);
  EXPECT_EQ(aliases_.approve(request->id, {"bob", false}, "").error().code, Code::PermissionDenied);
  EXPECT_EQ(now(), 1);
  const auto approved = aliases_.approve(request->id, kBob, "looks good");
  EXPECT_EQ(approved->state, RequestState::Approved);
  EXPECT_EQ(now(), 2);
  const auto change = aliases_.history("m")->front();
  EXPECT_EQ(change.actor, "ada");
  EXPECT_EQ(change.approved_by, "bob");
  EXPECT_EQ(change.request, request->id);
  EXPECT_EQ(aliases_.approve(request->id, kBob, "").error().code, Code::FailedPrecondition);
}

TEST_P(AliasTest, AnApprovalOfWhatWasOvertakenIsStale) {
  ASSERT_TRUE(set(1));
  ASSERT_TRUE(aliases_.protect("m", "champion", kAda));
  const auto moved = set(2)->request, deleted = aliases_.move({"m", "champion", 3, {}, ""}, kAda)->request;
  ASSERT_TRUE(store_.delete_version("m", 3));
  EXPECT_EQ(aliases_.approve(deleted->id, kBob, "")->state, RequestState::Stale);
  ASSERT_TRUE(aliases_.follow("m", "champion", 2));
  ASSERT_TRUE(aliases_.follow("m", "champion", 0));
  EXPECT_EQ(aliases_.approve(moved->id, kBob, "")->state, RequestState::Stale);
  EXPECT_EQ(now(), 0);
  EXPECT_EQ(aliases_.requests({"m", RequestState::Stale, {}})->size(), 2U);
  EXPECT_EQ(aliases_.requests({"m", {}, 3})->size(), 1U);
  EXPECT_TRUE(aliases_.requests({"", RequestState::Open, {}})->empty());
}

TEST_P(AliasTest, ARejectedRequestMovesNothing) {
  ASSERT_TRUE(aliases_.protect("m", "champion", kAda));
  const auto request = set(2)->request;
  EXPECT_EQ(aliases_.reject(request->id, kBob, "not tested")->state, RequestState::Rejected);
  EXPECT_EQ(aliases_.request(request->id)->decision_reason, "not tested");
  EXPECT_EQ(now(), 0);
  EXPECT_EQ(aliases_.reject("none", kBob, "").error().code, Code::NotFound);
}

TEST_P(AliasTest, AProtectionHasNoBackDoor) {
  ASSERT_TRUE(set(1));
  ASSERT_TRUE(aliases_.protect("m*", "champion", kAda));
  EXPECT_EQ(set(2, kSomebody).error().code, Code::PermissionDenied);
  EXPECT_TRUE(aliases_.move({"m", "champion", 0, {}, ""}, kAda)->request);
  EXPECT_TRUE(aliases_.undo({"m", "champion", 0, {}, ""}, kAda)->request);
  EXPECT_EQ(store_.delete_version("m", 1).error().code, Code::PermissionDenied);
  EXPECT_EQ(store_.delete_model("m").error().code, Code::PermissionDenied);
  EXPECT_EQ(store_.rename_model("m", "other").error().code, Code::PermissionDenied);
  EXPECT_EQ(now(), 1);
  EXPECT_TRUE(store_.rename_model("m", "m2"));  // protected as well
  EXPECT_TRUE(aliases_.move({"m2", "challenger", 2, {}, ""}, kAda)->change);
  ASSERT_TRUE(aliases_.unprotect("m*", "champion"));
  EXPECT_EQ(aliases_.unprotect("m*", "champion").error().code, Code::NotFound);
  EXPECT_TRUE(store_.delete_model("m2"));
}

TEST_P(AliasTest, ProtectionsArePatternsAndNeedAccessControl) {
  EXPECT_EQ(aliases_.protect("m", "champion", kSomebody).error().code, Code::FailedPrecondition);
  EXPECT_EQ(aliases_.protect("", "champion", kAda).error().code, Code::InvalidArgument);
  EXPECT_EQ(aliases_.protect("m", "a b", kAda).error().code, Code::InvalidArgument);
  ASSERT_TRUE(store_.create_model("fraud-eu"));
  ASSERT_TRUE(store_.create_version("fraud-eu", "s", "", {}));
  const auto held = [&](const std::string& pattern) {
    EXPECT_TRUE(aliases_.protect(pattern, "x", kAda));
    const bool out = aliases_.move({"fraud-eu", "x", 1, {}, ""}, kAda)->request.has_value();
    EXPECT_TRUE(aliases_.unprotect(pattern, "x"));
    EXPECT_TRUE(out || aliases_.move({"fraud-eu", "x", 0, {}, ""}, kAda));
    return out;
  };
  for (const auto* pattern : {"*", "fraud-eu", "fraud*", "*eu", "*aud*", "f*-*u", "fraud-eu*"})
    EXPECT_TRUE(held(pattern)) << pattern;
  for (const auto* pattern : {"fraud", "eu", "*us", "f*x*", "fraud-eu-*"}) EXPECT_FALSE(held(pattern)) << pattern;
}

TEST_P(AliasTest, WebhooksAreToldWhatHappenedAndNothingElse) {
  notify::Webhooks webhooks(*database_, clock_, *notify::Vault::open(folder_.path() + "/key"), {});
  std::vector<notify::Event> all;
  for (const auto& each : notify::event_names()) all.push_back(*notify::parse_event(each));
  const auto webhook = *webhooks.create({"w", "https://example.com", "", "", all, true});
  ASSERT_TRUE(store_.create_model("n"));
  ASSERT_TRUE(store_.create_version("n", "s", "", {}));
  EXPECT_FALSE(store_.create_model("n"));
  ASSERT_TRUE(store_.set_version_tag("n", 1, {"k", "v"}));
  ASSERT_TRUE(store_.set_model_tag("n", {"k", "v"}));  // MLflow tells of prompts' only
  ASSERT_TRUE(store_.delete_version_tag("n", 1, "k"));
  ASSERT_TRUE(aliases_.move({"n", "a", 1, {}, ""}, kAda));
  ASSERT_TRUE(aliases_.protect("n", "a", kAda));
  const auto request = aliases_.move({"n", "a", 0, {}, ""}, kAda)->request;
  ASSERT_TRUE(aliases_.approve(request->id, kBob, ""));
  EXPECT_EQ(told(webhook.id),
            (std::vector<std::string>{"registered_model.created", "model_version.created", "model_version_tag.set",
                                      "model_version_tag.deleted", "model_version_alias.created",
                                      "model_version_alias.moved", "approval.requested", "model_version_alias.deleted",
                                      "model_version_alias.moved", "approval.given"}));
}

TEST_P(AliasTest, PromptsHaveEventsOfTheirOwn) {
  notify::Webhooks webhooks(*database_, clock_, *notify::Vault::open(folder_.path() + "/key"), {});
  const auto webhook = *webhooks.create(
      {"w", "https://example.com", "", "", {notify::Event::PromptVersionCreated, notify::Event::PromptTagSet}, true});
  ASSERT_TRUE(store_.create_model("p", {{"mlflow.prompt.is_prompt", "true"}}));
  ASSERT_TRUE(store_.create_version(
      "p", "s", "", {{"mlflow.prompt.is_prompt", "true"}, {"mlflow.prompt.text", "Hi {{n}}"}, {"a", "b"}}));
  ASSERT_TRUE(store_.set_model_tag("p", {"k", "v"}));
  const auto sent = notify::Outbox(*database_, clock_).list(webhook.id, "", 9);
  ASSERT_EQ(sent->size(), 2U);
  EXPECT_NE(sent->at(1).body.find(R"("template": "Hi {{n}}", "tags": {"a": "b"}, "description": null)"),
            std::string::npos)
      << sent->at(1).body;
  EXPECT_NE(sent->at(0).body.find(R"("name": "p", "key": "k", "value": "v")"), std::string::npos) << sent->at(0).body;
}

}  // namespace
}  // namespace fettle::registry
