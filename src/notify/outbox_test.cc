#include "notify/outbox.h"

#include <gtest/gtest.h>

#include "notify/webhooks.h"
#include "os/file.h"
#include "sql/testing/postgres_server.h"

namespace fettle::notify {
namespace {

class OutboxTest : public testing::TestWithParam<sql::testing::Store> {
 protected:
  Webhook make(const std::string& name, std::vector<Event> events = {Event::VersionCreated}) {
    auto made = webhooks_.create({name, "https://example.com/" + name, "", "s3cret", std::move(events), true});
    EXPECT_TRUE(made) << made.error().message;
    return *std::move(made);
  }
  Result<void> publish_in_write(Event event, const Result<void>& end = {}) {
    return database_->write([&](sql::Session& session) -> Result<void> {
      FETTLE_TRY_(publish(session, event, clock_.now_ms(),
                          [] { return Result<json::Value>(json::Value::object().set("name", "m")); }));
      return end;
    });
  }
  std::optional<Delivery> next(const std::string& busy = "") { return outbox_.next({busy})->delivery; }
  void fail_once(const Delivery& delivery, std::int64_t wait_ms) {
    ASSERT_TRUE(outbox_.record(delivery, {Verdict::Again, clock_.now_ms() + wait_ms, 503, "busy"}));
  }

  os::TempFolder folder_ = *os::TempFolder::create();
  std::unique_ptr<sql::Database> database_ =
      *sql::Database::open(sql::testing::new_store(GetParam(), folder_.path()), {Webhooks::migrations()});
  ManualClock clock_{1'000'000};
  Webhooks webhooks_{*database_, clock_, *Vault::open(folder_.path() + "/key"), {}};
  Outbox outbox_{*database_, clock_};
};

INSTANTIATE_TEST_SUITE_P(Stores, OutboxTest, sql::testing::every_store(), sql::testing::name_of_store);

TEST_P(OutboxTest, WhatIsCommittedIsToBeDeliveredAndNothingElse) {
  const auto webhook = make("a");
  make("other", {Event::AliasMoved});
  EXPECT_FALSE(publish_in_write(Event::VersionCreated, fail(Code::Internal, "rolled back")));
  EXPECT_FALSE(next());
  ASSERT_TRUE(publish_in_write(Event::VersionCreated));
  const auto delivery = next();
  ASSERT_TRUE(delivery);
  EXPECT_EQ(delivery->webhook, webhook.id);
  EXPECT_EQ(delivery->body,
            R"({"entity": "model_version", "action": "created", "timestamp": "1970-01-01T00:16:40.000000+00:00", )"
            R"("data": {"name": "m"}})");
  EXPECT_EQ(delivery->id.size(), 36U);
  EXPECT_FALSE(next(webhook.id));  // busy
  ASSERT_TRUE(outbox_.record(*delivery, {}));
  EXPECT_FALSE(next());
  EXPECT_EQ(outbox_.list(webhook.id, "delivered", 9)->size(), 1U);
}

TEST_P(OutboxTest, OrderIsKeptUntilOneIsStuck) {
  const auto webhook = make("a");
  for (int i = 0; i < 2; ++i) ASSERT_TRUE(publish_in_write(Event::VersionCreated));
  const auto first = next();
  std::string second;
  const auto both = outbox_.list(webhook.id, "", 9);
  for (const auto& each : *both)
    if (each.id != first->id) second = each.id;
  for (std::int64_t i = 0; i < kPatience; ++i) {
    ASSERT_EQ(next()->id, first->id) << i;
    fail_once(*first, 10);
    EXPECT_TRUE(i + 1 == kPatience || !next()) << "the second must wait for the first";
    clock_.advance_ms(10);
  }
  fail_once(*first, 10);
  EXPECT_EQ(next()->id, second);  // the first is stuck and not due
  clock_.advance_ms(10);
  EXPECT_EQ(next()->id, first->id);
}

TEST_P(OutboxTest, ADeadOneIsKeptAndSentAgain) {
  const auto webhook = make("a");
  ASSERT_TRUE(publish_in_write(Event::VersionCreated));
  const auto delivery = *next();
  EXPECT_EQ(outbox_.redeliver(webhook.id, delivery.id).error().code, Code::FailedPrecondition);
  ASSERT_TRUE(outbox_.record(delivery, {Verdict::Dead, 0, 404, std::string(600, 'x') + "\xc3"}));
  EXPECT_FALSE(next());
  EXPECT_EQ(outbox_.count(webhook.id)->dead, 1);
  const auto all_dead = outbox_.list("", "dead", 9);
  const auto& dead = all_dead->front();
  EXPECT_EQ(dead.status, 404);
  EXPECT_EQ(dead.detail.size(), 500U);
  EXPECT_EQ(*outbox_.redeliver(webhook.id, ""), 1);
  EXPECT_EQ(next()->id, delivery.id);
  EXPECT_EQ(next()->tries, 0);
  EXPECT_EQ(outbox_.redeliver(webhook.id, "none").error().code, Code::NotFound);
}

TEST_P(OutboxTest, AWebhookThatRestsKeepsWhatItHasAndGetsNothingNew) {
  const auto webhook = make("a");
  ASSERT_TRUE(publish_in_write(Event::VersionCreated));
  ASSERT_TRUE(webhooks_.update(webhook.id, {.active = false}));
  EXPECT_FALSE(next());
  ASSERT_TRUE(publish_in_write(Event::VersionCreated));
  ASSERT_TRUE(webhooks_.update(webhook.id, {.active = true}));
  EXPECT_TRUE(next());
  EXPECT_EQ(outbox_.count(webhook.id)->pending, 1);
  ASSERT_TRUE(webhooks_.remove(webhook.id));
  EXPECT_TRUE(outbox_.list("", "", 9)->empty());
}

TEST_P(OutboxTest, OldOnesGo) {
  const auto webhook = make("a");
  ASSERT_TRUE(publish_in_write(Event::VersionCreated));
  ASSERT_TRUE(outbox_.record(*next(), {}));
  clock_.advance_ms(8 * kDayMs);
  ASSERT_TRUE(outbox_.prune());
  EXPECT_TRUE(outbox_.list(webhook.id, "", 9)->empty());
}

TEST_P(OutboxTest, SecretsAreSealed) {
  const auto webhook = make("a");
  EXPECT_TRUE(webhook.has_secret);
  EXPECT_EQ(*webhooks_.secret(webhook.id), "s3cret");
  std::string stored;
  ASSERT_TRUE(database_->read([&](sql::Session& session) {
    return session.query("SELECT secret FROM webhooks", {}, [&](const sql::Row& row) {
      stored = row.text(0);
      return true;
    });
  }));
  EXPECT_FALSE(stored.empty());
  EXPECT_EQ(stored.find("s3cret"), std::string::npos);
  const Webhooks other(*database_, clock_, *Vault::open(folder_.path() + "/another"), {});
  EXPECT_EQ(other.secret(webhook.id).error().code, Code::FailedPrecondition);
  ASSERT_TRUE(os::write_file(folder_.path() + "/short", "x"));
  EXPECT_EQ(Vault::open(folder_.path() + "/short").error().code, Code::DataLoss);
}

TEST_P(OutboxTest, NamesEventsAndPages) {
  for (const auto* name :
       {"", "-a", "a-", "a b", "ä", "0123456789012345678901234567890123456789012345678901234567890123"})
    EXPECT_EQ(webhooks_.create({name, "https://example.com", "", "", {Event::AliasMoved}, true}).error().code,
              Code::InvalidArgument)
        << name;
  EXPECT_EQ(webhooks_.create({"a", "https://example.com", "", "", {}, true}).error().code, Code::InvalidArgument);
  for (const auto* name : {"a", "b", "c"}) {
    make(name);
    clock_.advance_ms(1);
  }
  make("own", {Event::AliasMoved});
  const auto first = *webhooks_.list(2, "", true);
  ASSERT_EQ(first.items.size(), 2U);
  EXPECT_EQ(first.items[0].name, "c");
  const auto second = *webhooks_.list(2, first.next_token, true);
  ASSERT_EQ(second.items.size(), 1U);
  EXPECT_EQ(second.items[0].name, "a");
  EXPECT_TRUE(second.next_token.empty());
  EXPECT_EQ(webhooks_.list(9, "", false)->items.size(), 4U);
  EXPECT_EQ(webhooks_.list(9, "garbage", false).error().code, Code::InvalidArgument);
  EXPECT_NE(parse_event("model_version.create").error().message.find("model_version.created"), std::string::npos);
}

}  // namespace
}  // namespace fettle::notify
