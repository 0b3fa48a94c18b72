#include "auth/authenticator.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <future>

#include "auth/secrets.h"
#include "base/text.h"
#include "os/file.h"
#include "sql/testing/postgres_server.h"

namespace fettle::auth {
namespace {

using http::Access;
using http::Admission;
using http::Request;
using testing::HasSubstr;
using testing::Not;
using Verdict = http::Admission::Verdict;

class AuthTest : public testing::TestWithParam<sql::testing::Store> {
 protected:
  void SetUp() override {
    database_ = *sql::Database::open(url_, {Directory::migrations()});
    directory_ = *Directory::open(*database_, clock_);
    audit_ = std::make_unique<Audit>(*database_, clock_);
    authenticator_ = std::make_unique<Authenticator>(*directory_, *audit_, nullptr, AuthenticatorOptions(), clock_);
    ASSERT_TRUE(directory_->create_user("ada", "ada's password", true));
    ASSERT_TRUE(directory_->create_user("bob", "bob's password", false));
  }

  static Request request(std::string authorization, http::Method method = http::Method::Get) {
    Request out;
    out.method = method;
    out.path = "/api/2.0/mlflow/experiments/get";
    out.peer = "10.0.0.1:4711";
    out.headers.emplace_back("Host", "127.0.0.1:5000");
    if (!authorization.empty()) out.headers.emplace_back("Authorization", std::move(authorization));
    return out;
  }
  static std::string basic(const std::string& user, const std::string& password) {
    return "Basic " + text::base64(user + ":" + password);
  }
  // As the server asks: first on the loop, then, if told so, later.
  Admission decide(Request& asked, Access access = Access::SignedIn) {
    auto out = authenticator_->admit(asked, access);
    later_ = out.verdict == Verdict::Later;
    if (!later_) return out;
    std::promise<Admission> told;
    authenticator_->admit_later(asked, [&](Admission admission) { told.set_value(std::move(admission)); });
    return told.get_future().get();
  }
  int status(const std::string& authorization) {
    auto asked = request(authorization);
    const auto out = decide(asked);
    return out.verdict == Verdict::Admitted ? 200 : out.refusal.status;
  }

  os::TempFolder folder_ = *os::TempFolder::create();
  std::string url_ = sql::testing::new_store(GetParam(), folder_.path());
  ManualClock clock_{1'000'000'000'000};
  std::unique_ptr<sql::Database> database_;
  std::unique_ptr<Directory> directory_;
  std::unique_ptr<Audit> audit_;
  std::unique_ptr<Authenticator> authenticator_;
  bool later_ = false;
};

INSTANTIATE_TEST_SUITE_P(Stores, AuthTest, sql::testing::every_store(), sql::testing::name_of_store);

TEST_P(AuthTest, NobodyIsAskedForBasic) {
  auto asked = request("");
  const auto out = decide(asked);
  ASSERT_EQ(out.refusal.status, 401);
  EXPECT_THAT(out.refusal.headers,
              testing::Contains(std::pair<std::string, std::string>("WWW-Authenticate", "Basic realm=\"mlflow\"")));
  EXPECT_THAT(out.refusal.body, HasSubstr("\"error_code\": \"UNAUTHENTICATED\""));
  auto of_page = request("");
  of_page.headers.emplace_back("X-Fettle-Page", "1");
  EXPECT_TRUE(decide(of_page).refusal.headers.empty());
}

TEST_P(AuthTest, APasswordIsVerifiedOnceThenRemembered) {
  auto asked = request(basic("ada", "ada's password"));
  EXPECT_EQ(decide(asked).verdict, Verdict::Admitted);
  EXPECT_TRUE(later_);
  EXPECT_EQ(asked.user, "ada");
  EXPECT_TRUE(caller(asked).unrestricted());
  EXPECT_EQ(status(basic("ada", "ada's password")), 200);
  EXPECT_FALSE(later_);
  EXPECT_EQ(status(basic("ada", "ada's passwore")), 401);
  EXPECT_EQ(status(basic("ad", "aada's password")), 401);
  EXPECT_EQ(status(basic("eve", "ada's password")), 401);
  EXPECT_EQ(status(basic("bob", "ada's password")), 401);
  EXPECT_EQ(status("Basic !!!"), 401);
  EXPECT_EQ(status("Digest x"), 401);
  EXPECT_EQ(status("Bearer " + std::string(30'000, 'x')), 401);
  EXPECT_EQ(status(basic("ada", std::string(5'000, 'x'))), 401);
}

TEST_P(AuthTest, AChangedPasswordCountsAtOnce) {
  EXPECT_EQ(status(basic("bob", "bob's password")), 200);
  ASSERT_TRUE(directory_->set_password("bob", "another password"));
  EXPECT_EQ(status(basic("bob", "bob's password")), 401);
  EXPECT_EQ(status(basic("bob", "another password")), 200);
  ASSERT_TRUE(directory_->delete_user("bob"));
  EXPECT_EQ(status(basic("bob", "another password")), 401);
}

TEST_P(AuthTest, TokensAreShownOnceRevocableAndExpire) {
  const auto issued = *directory_->issue({.owner = "bob", .name = "ci", .lifetime_ms = 60'000});
  EXPECT_TRUE(issued.secret.starts_with("fettle_"));
  EXPECT_EQ(issued.secret.size(), 7U + 43U);
  EXPECT_EQ(status("Bearer " + issued.secret), 200);
  EXPECT_FALSE(later_);
  EXPECT_EQ(status(basic("bob", issued.secret)), 200);
  EXPECT_EQ(status(basic("", issued.secret)), 200);
  EXPECT_EQ(status(basic("ada", issued.secret)), 401);
  EXPECT_EQ(status("Bearer " + issued.secret + "x"), 401);
  EXPECT_EQ(directory_->tokens("bob").front().used_ms, clock_.now_ms());
  ASSERT_TRUE(directory_->flush());
  EXPECT_EQ(directory_->tokens("bob").front().used_ms, clock_.now_ms());
  clock_.advance_ms(60'000);
  EXPECT_EQ(status("Bearer " + issued.secret), 401);
  ASSERT_TRUE(directory_->flush());
  EXPECT_TRUE(directory_->tokens("bob").empty());

  const auto second = *directory_->issue({.owner = "bob", .name = "ci"});
  EXPECT_FALSE(directory_->revoke(second.token.id, "ada"));
  ASSERT_TRUE(directory_->revoke(second.token.id, "bob"));
  EXPECT_EQ(status("Bearer " + second.secret), 401);
}

TEST_P(AuthTest, ATokenMayDoLessThanItsOwner) {
  const auto issued = *directory_->issue({.owner = "ada", .name = "dashboard", .ceiling = Role::Reader});
  auto asked = request("Bearer " + issued.secret);
  EXPECT_EQ(decide(asked).verdict, Verdict::Admitted);
  EXPECT_FALSE(caller(asked).unrestricted());
  EXPECT_EQ(caller(asked).role({Kind::Model, "", "m"}), Role::Reader);
}

TEST_P(AuthTest, TheDatabaseHoldsNoSecret) {
  if (GetParam() != sql::testing::Store::Sqlite) GTEST_SKIP() << "the same rows, read where they are one file";
  const auto issued = *directory_->issue({.owner = "bob", .name = "ci"});
  EXPECT_EQ(status(basic("bob", "bob's password")), 200);
  EXPECT_EQ(status(basic("bob", "wrong password")), 401);
  authenticator_.reset();
  directory_.reset();
  database_.reset();
  for (const auto* ending : {"", "-wal"})
    if (const auto bytes = os::read_file(url_ + ending)) {
      EXPECT_THAT(*bytes, Not(HasSubstr(issued.secret.substr(7))));
      EXPECT_THAT(*bytes, Not(HasSubstr("bob's password")));
      EXPECT_THAT(*bytes, Not(HasSubstr("wrong password")));
    }
}

TEST_P(AuthTest, FailedLoginsWaitAndOthersDoNot) {
  int refused = 0;
  for (int i = 0; i < 8; ++i) refused = status(basic("bob", "guess " + std::to_string(i)));
  EXPECT_EQ(refused, 429);
  auto asked = request(basic("bob", "bob's password"));
  const auto out = decide(asked);
  EXPECT_EQ(out.refusal.status, 429);
  EXPECT_THAT(out.refusal.headers, testing::Contains(testing::Key("Retry-After")));
  EXPECT_EQ(status(basic("ada", "ada's password")), 200);  // the same address
  clock_.advance_ms(5 * 60'000);
  EXPECT_EQ(status(basic("bob", "bob's password")), 200);
}

TEST_P(AuthTest, ASessionIsACookieOfTheOwnPage) {
  std::promise<http::Response> told;
  authenticator_->login(request(""), "bob", "bob's password",
                        [&](http::Response out) { told.set_value(std::move(out)); });
  const auto answer = told.get_future().get();
  ASSERT_EQ(answer.status, 200);
  const auto cookie = answer.headers.front().second;
  EXPECT_THAT(cookie, HasSubstr("HttpOnly; SameSite=Strict"));
  auto asked = request("");
  asked.headers.emplace_back("Cookie", "theme=dark; " + cookie.substr(0, cookie.find(';')));
  EXPECT_EQ(decide(asked).verdict, Verdict::Admitted);
  EXPECT_EQ(asked.user, "bob");
  asked.method = http::Method::Post;
  EXPECT_EQ(decide(asked).refusal.status, 403);
  asked.headers.emplace_back("Origin", "http://127.0.0.1:5000");
  EXPECT_EQ(decide(asked).verdict, Verdict::Admitted);
  const auto secret = cookie.substr(15, cookie.find(';') - 15);
  EXPECT_EQ(status("Bearer " + secret), 401);  // a session is no API token
  static_cast<void>(authenticator_->logout(asked));
  EXPECT_EQ(decide(asked).refusal.status, 401);
}

TEST_P(AuthTest, WhatDeclaresNothingIsRefused) {
  auto asked = request(basic("ada", "ada's password"));
  EXPECT_EQ(decide(asked, Access::Undeclared).refusal.status, 403);
  EXPECT_FALSE(later_);
  auto nobody = request("");
  EXPECT_EQ(decide(nobody, Access::Public).verdict, Verdict::Admitted);
  EXPECT_FALSE(caller(nobody).has_somewhere(Role::Predictor));
}

TEST_P(AuthTest, RefusalsAndChangesAreAudited) {
  EXPECT_EQ(status(basic("bob", "wrong password")), 401);
  ASSERT_TRUE(audit_->changed({.who = "ada", .action = "create", .object = "user 'eve'", .status = 200}));
  const auto all = *audit_->list({});
  ASSERT_EQ(all.size(), 2U);
  EXPECT_EQ(all[0].object, "user 'eve'");
  EXPECT_EQ(all[1].who, "bob");
  EXPECT_EQ(all[1].peer, "10.0.0.1");
  EXPECT_EQ(all[1].status, 401);
  EXPECT_EQ(audit_->list({.refused = true})->size(), 1U);
  EXPECT_EQ(audit_->list({.who = "ada"})->size(), 1U);
  EXPECT_EQ(audit_->list({.object = "eve"})->size(), 1U);
  for (int i = 0; i < 500; ++i) audit_->refused({.who = "mallory", .status = 403});
  for (int i = 0; i < 500; ++i) audit_->logged({.who = "ada", .action = "log", .object = "run 1", .status = 200});
  ASSERT_TRUE(audit_->changed({.who = "ada", .action = "end", .status = 200}));
  EXPECT_LE(audit_->list({.who = "mallory", .limit = 1000})->size(), 50U);
  EXPECT_EQ(audit_->list({.object = "run 1"})->size(), 1U);
  EXPECT_GT(*audit_->prune(clock_.now_ms() + 1), 0);
  EXPECT_TRUE(audit_->list({})->empty());
}

TEST_P(AuthTest, AnAdminIsLeft) {
  EXPECT_EQ(directory_->set_admin("ada", false).error().code, Code::FailedPrecondition);
  EXPECT_EQ(directory_->delete_user("ada").error().code, Code::FailedPrecondition);
  ASSERT_TRUE(directory_->set_admin("bob", true));
  EXPECT_TRUE(directory_->delete_user("ada"));
  EXPECT_EQ(directory_->create_user("bob", "some password", false).error().code, Code::AlreadyExists);
  for (const auto* bad : {"", "@group", "a:b", "a\nb"})
    EXPECT_FALSE(directory_->create_user(bad, "some password", false));
  EXPECT_FALSE(directory_->create_user("carl", "short", false));
}

TEST_P(AuthTest, GrantsFollowAModelsName) {
  const Grant exact{"bob", Kind::Model, true, "churn", Role::Admin};
  ASSERT_TRUE(directory_->grant(exact));
  ASSERT_TRUE(directory_->rename_model("churn", "churn 2"));
  EXPECT_THAT(directory_->grants(), testing::Contains(Grant{"bob", Kind::Model, true, "churn 2", Role::Admin}));
  ASSERT_TRUE(directory_->forget(Kind::Model, "churn 2"));
  EXPECT_THAT(directory_->grants(), testing::SizeIs(2));
  EXPECT_EQ(directory_->revoke_grant(exact).error().code, Code::NotFound);
}

TEST_P(AuthTest, AChildsTokenLivesInMemory) {
  const auto issued = directory_->issue_internal("fettle", Role::Writer);
  auto asked = request("Bearer " + issued.secret);
  EXPECT_EQ(decide(asked).verdict, Verdict::Admitted);
  EXPECT_EQ(caller(asked).role({Kind::Experiment, "1", "any"}), Role::Writer);
  ASSERT_TRUE(directory_->create_user("carl", "carl's password", false));
  EXPECT_EQ(status("Bearer " + issued.secret), 200);
  EXPECT_THAT(directory_->tokens(), testing::IsEmpty());
  directory_->revoke_internal(issued);
  EXPECT_EQ(status("Bearer " + issued.secret), 401);
}

}  // namespace
}  // namespace fettle::auth
