#include "pipeline/plan.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "os/file.h"

namespace fettle::pipeline {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

Inputs inputs(std::string dep = "aaaaaaaaaa") {
  return {.run = "train 1",
          .with = *json::parse(R"({"rounds": 200, "features": ["a", "b"]})"),
          .settings = {{"gates", "1111111111"}},
          .data = {{"flights", "2222222222"}},
          .deps = {{"a.csv", std::move(dep)}},
          .server = ""};
}

Seen seen(const Inputs& now) {
  Seen out{.key = key_of(now, {"o"}), .inputs = now, .outs = {"o"}, .outs_now = {{"o", "99"}}};
  const auto before = inputs();
  out.before = Record{key_of(before, {"o"}), before, {{"o", "99"}}};
  return out;
}

TEST(Plan, NothingChangedIsSkipped) { EXPECT_EQ(describe(decide(seen(inputs()))), "skipped: nothing changed"); }

TEST(Plan, AChangeIsNamedWithWhatItWas) {
  EXPECT_EQ(describe(decide(seen(inputs("bbbbbbbbbb")))), "runs: dependency a.csv changed (aaaaaaaa -> bbbbbbbb)");
  auto now = inputs();
  now.run = "train 2";
  now.with = *json::parse(R"({"features": ["a", "b"], "rounds": 150, "depth": 6})");
  now.settings["gates"] = "3333333333";
  now.data = {{"other", "4444444444"}};
  now.server = "http://a";
  EXPECT_THAT(decide(seen(now)).reasons,
              ElementsAre("what it runs changed (train 1 -> train 2)", "with.rounds: 200 -> 150",
                          "with.depth: nothing -> 6", "section gates changed (11111111 -> 33333333)",
                          "data other is new", "data flights is no longer read", "server changed (none -> http://a)"));
}

TEST(Plan, OutsThatAreNotWhatTheStepWroteComeBackFromTheCacheOrAreMadeAgain) {
  auto damaged = seen(inputs());
  damaged.outs_now["o"] = "77";
  EXPECT_EQ(describe(decide(damaged)), "runs: out o is not what the step wrote (99 -> 77)");
  damaged.cached = damaged.before->outs;
  EXPECT_EQ(decide(damaged).action, Action::Restore);
  damaged.outs_now.clear();
  EXPECT_EQ(describe(decide(damaged)), "restored from the cache: out o is missing");
}

TEST(Plan, InputsSeenBeforeGiveTheirOldResult) {
  auto back = seen(inputs("bbbbbbbbbb"));
  back.cached = Digests{{"o", "55"}};
  EXPECT_EQ(decide(back).action, Action::Restore);
  back.outs_now["o"] = "55";
  EXPECT_EQ(decide(back).action, Action::Skip);
  EXPECT_THAT(describe(decide(back)), HasSubstr("dependency a.csv changed"));
}

TEST(Plan, ForceAndAlwaysRun) {
  auto same = seen(inputs());
  same.always = true;
  EXPECT_THAT(describe(decide(same)), HasSubstr("always: true"));
  same.forced = true;
  EXPECT_EQ(describe(decide(same)), "runs: --force asks for it");
}

TEST(Plan, AStepThatNeverRanSaysSo) {
  auto first = seen(inputs());
  first.before.reset();
  EXPECT_EQ(describe(decide(first)), "runs: it never ran with these inputs");
}

TEST(Lock, KeysDependOnContentNotOnOrder) {
  auto other = inputs();
  other.with = *json::parse(R"({"features": ["a", "b"], "rounds": 200})");
  EXPECT_EQ(key_of(inputs(), {"a", "b"}), key_of(other, {"b", "a"}));
  EXPECT_NE(key_of(inputs(), {"a", "b"}), key_of(inputs(), {"a"}));
  other.with = *json::parse(R"({"features": ["b", "a"], "rounds": 200})");
  EXPECT_NE(key_of(inputs(), {"a"}), key_of(other, {"a"}));
}

TEST(Lock, WhatIsSavedReadsBackInTheStepsOrder) {
  const auto folder = *os::TempFolder::create();
  const auto path = folder.path() + "/fettle.lock";
  LockFile file(folder.path());
  EXPECT_TRUE(file.load()->steps.empty());
  const auto document = *config::parse_yaml("pipeline:\n  z: {command: c, outs: [o]}\n  a: {command: c}\n", "f");
  const auto pipeline = *Pipeline::create(document, {});
  Lock lock;
  lock.steps["z"] = {"k1", inputs(), {{"o", "12"}, {"d e", "34/"}}};
  lock.steps["a"] = {"k2", {.run = R"(["sh", "-c", "x: #1"])", .with = json::Value::object()}, {}};
  lock.steps["gone"] = {"k3", inputs(), {}};
  ASSERT_TRUE(file.save(lock, pipeline));
  const auto text = *os::read_file(path);
  EXPECT_LT(text.find("z:"), text.find("a:"));
  const auto again = LockFile(folder.path()).load();
  ASSERT_TRUE(again) << again.error().message;
  EXPECT_EQ(again->steps.size(), 2U);
  EXPECT_EQ(again->steps.at("z").outs, lock.steps["z"].outs);
  EXPECT_EQ(differences(again->steps.at("z").inputs, inputs()), std::vector<std::string>());
  EXPECT_EQ(again->steps.at("a").inputs.run, lock.steps["a"].inputs.run);
}

TEST(Lock, TheMemoCountsOnlyForTheBytesItWasMadeFrom) {
  const auto folder = *os::TempFolder::create();
  ASSERT_TRUE(os::make_folders(folder.path() + "/.fettle/cache"));
  const auto pipeline = *Pipeline::create(*config::parse_yaml("pipeline:\n  a: {command: c, outs: [o]}\n", "f"), {});
  Lock lock;
  lock.steps["a"] = {"k1", inputs(), {{"o", "12"}}};
  ASSERT_TRUE(LockFile(folder.path()).save(lock, pipeline));
  EXPECT_EQ(*LockFile(folder.path()).load(), lock);
  const auto path = folder.path() + "/fettle.lock";
  auto text = *os::read_file(path);
  text.replace(text.find("k1"), 2, "k2");
  ASSERT_TRUE(os::write_file(path, text));
  EXPECT_EQ(LockFile(folder.path()).load()->steps.at("a").key, "k2");
  ASSERT_TRUE(os::write_file(folder.path() + "/.fettle/cache/lock", Digest::of(text).hex() + "\n{broken"));
  EXPECT_EQ(LockFile(folder.path()).load()->steps.at("a").key, "k2");
}

TEST(Lock, ABrokenOneSaysWhatToDo) {
  const auto folder = *os::TempFolder::create();
  const auto path = folder.path() + "/fettle.lock";
  ASSERT_TRUE(os::write_file(path, "format: 1\nsteps:\n<<<<<<< HEAD\n"));
  EXPECT_THAT(LockFile(folder.path()).load().error().message, HasSubstr("delete it"));
  ASSERT_TRUE(os::write_file(path, "format: 9\n"));
  EXPECT_THAT(LockFile(folder.path()).load().error().message, HasSubstr("newer version (format 9)"));
}

}  // namespace
}  // namespace fettle::pipeline
