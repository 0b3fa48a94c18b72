#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <future>
#include <thread>

#include "os/file.h"
#include "os/output_file.h"
#include "os/process.h"

namespace fettle::os {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

class FileTest : public testing::Test {
 protected:
  TempFolder folder_ = *TempFolder::create();
  [[nodiscard]] std::string at(const std::string& name) const { return folder_.path() + "/" + name; }
};

TEST_F(FileTest, WritesAreReadBackAndLeaveNoTemporaryFile) {
  ASSERT_TRUE(write_file(at("a"), "one"));
  ASSERT_TRUE(write_file(at("a"), "two"));
  EXPECT_EQ(read_file(at("a")), "two");
  EXPECT_THAT(*list_names(folder_.path()), ElementsAre("a"));
  EXPECT_EQ(digest_file(at("a")), Digest::of("two"));
}

TEST_F(FileTest, AnOutputFileHasNoNameUntilItIsPublished) {
  {
    auto dropped = OutputFile::create(at("a"), Replace::No);
    ASSERT_TRUE(dropped && dropped->write("half"));
    EXPECT_THAT(*list_names(folder_.path()), ElementsAre());
  }
  EXPECT_THAT(*list_names(folder_.path()), ElementsAre());
  auto first = OutputFile::create(at("a"), Replace::No);
  auto late = OutputFile::create(at("a"), Replace::No);
  ASSERT_TRUE(first && late && first->write("one") && first->publish() && late->write("late"));
  EXPECT_EQ(late->publish().error().code, Code::AlreadyExists);
  EXPECT_EQ(OutputFile::create(at("a"), Replace::No).error().code, Code::AlreadyExists);
  EXPECT_EQ(read_file(at("a")), "one");
  auto second = OutputFile::create(at("a"), Replace::Yes);
  ASSERT_TRUE(second && second->write("two") && second->publish());
  EXPECT_EQ(read_file(at("a")), "two");
  EXPECT_THAT(*list_names(folder_.path()), ElementsAre("a"));
  EXPECT_EQ(OutputFile::create(folder_.path(), Replace::Yes).error().code, Code::InvalidArgument);
  EXPECT_EQ(OutputFile::create(at("no/such"), Replace::No).error().code, Code::NotFound);
}

TEST_F(FileTest, ErrorsNameThePathAndTheReason) {
  EXPECT_EQ(read_file(at("none")).error().code, Code::NotFound);
  EXPECT_THAT(read_file(at("none")).error().message, HasSubstr("none': No such file or directory"));
  EXPECT_EQ(write_file(at("no/such"), "x").error().code, Code::NotFound);
  EXPECT_FALSE(read_file(folder_.path()));
}

TEST_F(FileTest, ListsFilesSortedAndRefusesLinks) {
  ASSERT_TRUE(make_folders(at("x/y")));
  ASSERT_TRUE(write_file(at("x/y/b"), "22"));
  ASSERT_TRUE(write_file(at("x/a"), "1"));
  const auto files = *list_files(folder_.path());
  ASSERT_EQ(files.size(), 2U);
  EXPECT_EQ(files[0].path, "x/a");
  EXPECT_EQ(files[1].path, "x/y/b");
  EXPECT_EQ(files[1].size, 2U);
  ASSERT_EQ(::symlink("/etc/passwd", at("x/link").c_str()), 0);
  EXPECT_EQ(list_files(folder_.path()).error().code, Code::InvalidArgument);
}

TEST_F(FileTest, MapsAndCopies) {
  ASSERT_TRUE(write_file(at("a"), std::string(100'000, 'x')));
  ASSERT_TRUE(copy_file(at("a"), at("b")));
  EXPECT_EQ(MappedFile::open(at("b"))->bytes(), std::string(100'000, 'x'));
  ASSERT_TRUE(write_file(at("empty"), ""));
  EXPECT_EQ(MappedFile::open(at("empty"))->bytes(), "");
}

TEST_F(FileTest, ALockIsExclusiveUntilReleased) {
  {
    const auto first = FileLock::acquire(at("lock"));
    ASSERT_TRUE(first);
    EXPECT_EQ(FileLock::acquire(at("lock")).error().code, Code::FailedPrecondition);
  }
  EXPECT_TRUE(FileLock::acquire(at("lock")));
}

TEST_F(FileTest, TemporaryFoldersVanish) {
  std::string path;
  {
    const auto temporary = *TempFolder::create();
    path = temporary.path();
    ASSERT_TRUE(write_file(path + "/file", "x"));
  }
  EXPECT_FALSE(exists(path));
}

TEST(Process, GivesLinesExitCodeEnvironmentAndFolder) {
  std::vector<std::string> lines;
  const auto exit = run({{"sh", "-c", "echo $GREETING; pwd; echo oops >&2; exit 3"}, "/tmp", {{"GREETING", "hello"}}},
                        [&](std::string_view line) { lines.emplace_back(line); });
  ASSERT_TRUE(exit);
  EXPECT_EQ(exit->code, 3);
  EXPECT_THAT(lines, ElementsAre("hello", "/tmp", "oops"));
  EXPECT_EQ(exit->output, "hello\n/tmp\noops\n");
}

TEST(Process, UnknownProgramsAreNotFound) {
  EXPECT_EQ(run({{"no-such-program-here"}, "", {}}).error().code, Code::NotFound);
}

TEST(Process, CancellingEndsTheWholeGroup) {
  int polls = 0;
  const auto exit = run({{"sh", "-c", "sleep 60 & sleep 60"}, "", {}}, {}, [&] { return ++polls > 1; });
  ASSERT_TRUE(exit);
  EXPECT_EQ(exit->code, 128 + 15);
}

// Runs `script` with a mark in its environment; once it says that it is up, ends all that have the mark.
struct Ended {
  Result<std::size_t> found = 0;
  int code = 0;
};
Ended end_when_up(const std::string& script, const std::string& mark, int grace_ms) {
  std::promise<void> up;
  Ended ended;
  std::jthread runner([&] {
    const auto exit = run({.argv = {"sh", "-c", script}, .folder = {}, .environment = {{"FETTLE_TEST_MARK", mark}}},
                          [&](std::string_view line) {
                            if (line == "up") up.set_value();
                          });
    ended.code = exit ? exit->code : -1;
  });
  up.get_future().wait();
  ended.found = end_marked("FETTLE_TEST_MARK", mark, grace_ms);
  runner.join();
  return ended;
}

TEST(Process, MarkedOnesAreEndedWithAllThatTheyStarted) {
  const auto ended =
      end_when_up("sleep 1000 & sleep 1000 & echo up; wait", "one " + std::to_string(::getpid()), 60'000);
  EXPECT_GE(*ended.found, 3U);
  EXPECT_EQ(ended.code, 128 + 15);
  EXPECT_EQ(*end_marked("FETTLE_TEST_MARK", "no such mark"), 0U);
}

TEST(Process, MarkedOnesThatWillNotEndAreKilled) {
  const auto ended =
      end_when_up("trap '' TERM; echo up; while :; do sleep 1000; done", "two " + std::to_string(::getpid()), 1);
  EXPECT_EQ(ended.code, 128 + 9);
}

TEST(Process, KnowsItself) {
  EXPECT_THAT(executable_path(), HasSubstr("os_test"));
  EXPECT_GT(resident_bytes(), 1U << 20U);
}

}  // namespace
}  // namespace fettle::os
