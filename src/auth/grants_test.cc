#include "auth/grants.h"

#include <gtest/gtest.h>

#include "auth/identity.h"

namespace fettle::auth {
namespace {

Pattern pattern(std::string_view text) { return *Pattern::parse(text); }

TEST(Pattern, FitsNames) {
  EXPECT_TRUE(pattern("*").matches(""));
  EXPECT_TRUE(pattern("team-*").matches("team-a"));
  EXPECT_FALSE(pattern("team-*").matches("Team-a"));
  EXPECT_TRUE(pattern("*-prod").matches("churn-prod"));
  EXPECT_TRUE(pattern("a*b").matches("ab"));
  EXPECT_FALSE(pattern("ab*bc").matches("abc"));
  EXPECT_TRUE(pattern("*churn*").matches("my churn model"));
  EXPECT_FALSE(pattern("*churn*").matches("chur"));
  EXPECT_FALSE(pattern("team_*").matches("teamXa"));
  EXPECT_FALSE(pattern("100%*").matches("100 tons"));
}

TEST(Pattern, OtherShapesAreRefused) {
  for (const auto* text : {"", "exact", "a*b*c", "*a*b", "a**", "***"}) EXPECT_FALSE(Pattern::parse(text)) << text;
  EXPECT_FALSE(Pattern::parse(std::string(501, 'a') + "*"));
}

TEST(Grants, AreChecked) {
  EXPECT_TRUE(check({.subject = "ada", .on = "*"}));
  EXPECT_TRUE(check({.subject = "@ml", .exact = true, .on = "7"}));
  EXPECT_FALSE(check({.subject = "", .on = "*"}));
  EXPECT_FALSE(check({.subject = "@", .on = "*"}));
  EXPECT_FALSE(check({.subject = "ada", .exact = true, .on = "flights"}));
  EXPECT_TRUE(check({.subject = "ada", .kind = Kind::Model, .exact = true, .on = "flights"}));
}

struct Case {
  std::string_view what, user, id, name;
  Role expected;
};

TEST(Grants, TheNearestDecides) {
  const std::vector<Grant> grants{
      {"@everyone", Kind::Experiment, false, "*", Role::Reader},
      {"@everyone", Kind::Experiment, false, "secret-*", Role::NoRole},
      {"ada", Kind::Experiment, false, "*", Role::Writer},
      {"ada", Kind::Experiment, true, "7", Role::NoRole},
      {"grace", Kind::Experiment, false, "secret-*", Role::Reader},
      {"grace", Kind::Experiment, false, "secret-x*", Role::Admin},
      {"@ml", Kind::Experiment, false, "ml-*", Role::Approver},
      {"linus", Kind::Model, false, "*", Role::Admin},
  };
  const std::vector<Case> cases{
      {"everybody's", "bob", "1", "flights", Role::Reader},
      {"everybody's longer pattern hides", "bob", "1", "secret-1", Role::NoRole},
      {"a group's beats everybody's", "bob", "1", "ml-1", Role::Approver},
      {"the user's own beats the group's", "ada", "1", "ml-1", Role::Writer},
      {"the object itself beats patterns", "ada", "7", "anything", Role::NoRole},
      {"own pattern beats everybody's longer one", "ada", "1", "secret-1", Role::Writer},
      {"the longer own pattern", "grace", "1", "secret-x1", Role::Admin},
      {"falls back to everybody's", "grace", "1", "flights", Role::Reader},
      {"models are another matter", "linus", "1", "flights", Role::Reader},
      {"a new experiment has no id", "ada", "", "new", Role::Writer},
  };
  for (const auto& one : cases) {
    const auto mine = rules(grants, Kind::Experiment, one.user, {"ml"});
    EXPECT_EQ(decide(mine, {Kind::Experiment, std::string(one.id), std::string(one.name)}), one.expected) << one.what;
  }
}

TEST(Grants, NobodysNameIsNotASubject) {
  const std::vector<Grant> grants{{"@ml", Kind::Model, false, "*", Role::Admin}};
  EXPECT_EQ(decide(rules(grants, Kind::Model, "", {}), {Kind::Model, "", "m"}), Role::NoRole);
  EXPECT_EQ(decide(rules(grants, Kind::Model, "x", {"l"}), {Kind::Model, "", "m"}), Role::NoRole);
}

TEST(Identity, ATokensCeilingHolds) {
  const auto none = std::make_shared<const Rules>();
  const Identity admin("ada", "", true, Role::Admin, none);
  EXPECT_TRUE(admin.unrestricted());
  EXPECT_TRUE(admin.need_admin());
  const Identity narrowed("ada", "t1", true, Role::Reader, none);
  EXPECT_FALSE(narrowed.unrestricted());
  EXPECT_TRUE(narrowed.need(Role::Reader, {Kind::Model, "", "m"}));
  const auto denied = narrowed.need(Role::Writer, {Kind::Model, "", "m"});
  ASSERT_FALSE(denied);
  EXPECT_EQ(denied.error().code, Code::PermissionDenied);
  EXPECT_EQ(denied.error().message,
            "Permission denied: user 'ada' needs role 'writer' on model 'm' and has 'reader' with this token; ask an "
            "admin to grant it");
  EXPECT_FALSE(narrowed.need_admin());
  EXPECT_FALSE(Identity::nobody()->has_somewhere(Role::Predictor));
}

TEST(Identity, WithoutAccessControlEverythingIsAllowed) {
  const http::Request request;
  EXPECT_TRUE(caller(request).unrestricted());
  EXPECT_EQ(caller(request).name(), "");
}

}  // namespace
}  // namespace fettle::auth
