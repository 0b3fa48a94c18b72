#include "notify/sender.h"

#include <gtest/gtest.h>

#include <condition_variable>
#include <deque>
#include <thread>

#include "http/server.h"
#include "os/file.h"
#include "sql/testing/postgres_server.h"

namespace fettle::notify {
namespace {

class Receiver {  // a real HTTP server that answers what it is told to
 public:
  Receiver() {
    http::Router router;
    router.add(http::Method::Post, "/hook", [this](const http::Request& request) { return answer(request); });
    server_ = *http::Server::start({}, std::move(router));
  }
  void will_answer(std::initializer_list<int> statuses) { statuses_ = statuses; }
  [[nodiscard]] std::string url() const { return server_->url() + "/hook"; }
  http::Request wait(std::size_t which) {
    std::unique_lock lock(mutex_);
    arrived_.wait(lock, [&] { return requests_.size() > which; });
    return requests_[which];
  }

 private:
  http::Response answer(const http::Request& request) {
    const std::lock_guard lock(mutex_);
    requests_.push_back(request);
    arrived_.notify_all();
    auto response = http::Response::text("thanks");
    if (!statuses_.empty()) {
      response.status = statuses_.front();
      statuses_.pop_front();
      response.headers.emplace_back("Location", server_->url() + "/elsewhere");
    }
    return response;
  }
  std::mutex mutex_;
  std::condition_variable arrived_;
  std::deque<int> statuses_;
  std::vector<http::Request> requests_;
  std::unique_ptr<http::Server> server_;
};

class SenderTest : public testing::TestWithParam<sql::testing::Store> {
 protected:
  void publish_one() {
    ASSERT_TRUE(database_->write([&](sql::Session& session) {
      return publish(session, Event::VersionCreated, clock_.now_ms(),
                     [] { return Result<json::Value>(json::Value::object()); });
    }));
  }
  Delivery wait_for_state(const std::string& state) {
    for (;;) {
      const auto found = outbox_.list("", state, 1);
      if (!found->empty()) return found->front();
      std::this_thread::yield();
    }
  }
  Result<Webhook> make() { return webhooks_.create({"w", receiver_.url(), "", "k", {Event::VersionCreated}, true}); }

  Receiver receiver_;
  os::TempFolder folder_ = *os::TempFolder::create();
  std::unique_ptr<sql::Database> database_ =
      *sql::Database::open(sql::testing::new_store(GetParam(), folder_.path()), {Webhooks::migrations()});
  ManualClock clock_{1'700'000'000'000};
  Webhooks webhooks_{*database_, clock_, *Vault::open(folder_.path() + "/key"), {true, true}};
  Outbox outbox_{*database_, clock_};
};

INSTANTIATE_TEST_SUITE_P(Stores, SenderTest, sql::testing::every_store(), sql::testing::name_of_store);

TEST_P(SenderTest, WhatWasLeftByAnEarlierProcessIsSentSigned) {
  ASSERT_TRUE(make());
  publish_one();
  const Sender sender(webhooks_, outbox_, clock_);
  const auto request = receiver_.wait(0);
  const auto done = wait_for_state("delivered");
  EXPECT_EQ(request.header("X-MLflow-Delivery-Id"), done.id);
  EXPECT_EQ(request.header("X-MLflow-Timestamp"), "1700000000");
  EXPECT_EQ(request.header("X-MLflow-Signature"), signature("k", done.id, "1700000000", request.body));
  EXPECT_EQ(request.header("Content-Type"), "application/json");
  EXPECT_EQ(done.status, 200);
}

TEST_P(SenderTest, AFailureIsTriedAgainWithTheSameId) {
  ASSERT_TRUE(make());
  receiver_.will_answer({503, 200});
  Sender sender(webhooks_, outbox_, clock_);
  publish_one();
  sender.ring();
  const auto first = receiver_.wait(0);
  while (outbox_.list("", "pending", 1)->front().tries == 0) std::this_thread::yield();
  EXPECT_GE(outbox_.list("", "pending", 1)->front().next_ms, clock_.now_ms() + 5'000);
  clock_.advance_ms(7'000);
  sender.ring();
  EXPECT_EQ(receiver_.wait(1).header("X-MLflow-Delivery-Id"), first.header("X-MLflow-Delivery-Id"));
  EXPECT_EQ(wait_for_state("delivered").tries, 2);
}

TEST_P(SenderTest, RedirectsAreNotFollowedAndRefusalsAreFinal) {
  ASSERT_TRUE(make());
  receiver_.will_answer({307});
  publish_one();
  const Sender sender(webhooks_, outbox_, clock_);
  const auto dead = wait_for_state("dead");
  EXPECT_EQ(dead.status, 307);
  EXPECT_NE(dead.detail.find("redirects are not followed"), std::string::npos);
}

TEST_P(SenderTest, ATestTellsWhatCameOfIt) {
  const auto webhook = *make();
  receiver_.will_answer({200, 500});
  const auto good = send_test(webhooks_, webhook, Event::VersionCreated, clock_);
  EXPECT_TRUE(good.success);
  EXPECT_EQ(good.answer.body, "thanks");
  EXPECT_EQ(send_test(webhooks_, webhook, Event::AliasMoved, clock_).answer.status, 500);
}

}  // namespace
}  // namespace fettle::notify
