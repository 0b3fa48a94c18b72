#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/rng.h"
#include "base/text.h"
#include "event/codec.h"
#include "event/log.h"
#include "os/file.h"

namespace fettle::event {
namespace {

Prediction prediction(const std::string& id) {
  return {id, 1000, "flights", "champion", "abc", "unit-1", {1.5F, -2}, {"origin=ZZZ"}, 0.25F, 3.5F};
}

class LogTest : public testing::Test {
 protected:
  os::TempFolder folder_ = *os::TempFolder::create();
  [[nodiscard]] std::unique_ptr<Log> open(LogOptions options = {}) const { return *Log::open(folder_.path(), options); }
  static std::vector<Event> read_all(const Log& log, Cursor from = {}, std::size_t limit = 1U << 20U) {
    std::vector<Event> events;
    EXPECT_TRUE(log.read(from, limit, [&](Event&& event) { events.push_back(std::move(event)); }));
    return events;
  }
  static std::string id(const Event& event) {
    return std::visit([](const auto& e) { return e.id; }, event);
  }
};

TEST(Codec, GoldenBytes) {
  std::string bytes;
  Encoder encoder;
  encoder.append(bytes, Outcome{"r:0", 1000, 1});
  EXPECT_EQ(text::hex(bytes.substr(0, 28)), "170000000303000000723a30e803000000000000000000000000f03f");
  EXPECT_EQ(bytes.size(), 4U + 1 + 23 + 8);
  encoder.append(bytes, prediction("r:1"));
  const auto before = bytes.size();
  encoder.append(bytes, prediction("r:2"));  // names are not repeated
  EXPECT_EQ(bytes.size() - before, 4U + 1 + 8 + (4 + 3) + 8 + 12 + (4 + 6) + (4 + 8) + (4 + 4 + 10) + 8);
}

TEST(Codec, EveryFlippedByteIsFound) {
  std::string bytes;
  Encoder encoder;
  encoder.append(bytes, Outcome{"r:0", 1000, 1});
  ASSERT_TRUE(read_frame(bytes));
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    auto damaged = bytes;
    damaged[i] = static_cast<char>(damaged[i] ^ 0x10);
    EXPECT_FALSE(read_frame(damaged)) << i;
    EXPECT_FALSE(read_frame(std::string_view(bytes).substr(0, i)));
  }
}

TEST_F(LogTest, EventsComeBackInOrderAlsoAfterReopening) {
  {
    const auto log = open();
    EXPECT_TRUE(log->append({prediction("a:0"), prediction("a:1")}));
    EXPECT_TRUE(log->append_durably({{"a:0", 2000, 1}}));
    const auto events = read_all(*log);
    ASSERT_EQ(events.size(), 3U);
    const auto& first = std::get<Prediction>(events[0]);
    EXPECT_EQ(first.bundle, "abc");
    EXPECT_EQ(first.inputs, (std::vector<float>{1.5F, -2}));
    EXPECT_EQ(first.texts, (std::vector<std::string>{"origin=ZZZ"}));
    EXPECT_EQ(first.output, 0.25F);
    EXPECT_EQ(std::get<Outcome>(events[2]).label, 1);
  }
  const auto log = open();
  EXPECT_TRUE(log->append({prediction("b:0")}));
  log->flush();
  EXPECT_EQ(read_all(*log).size(), 4U);
  const auto joined = find(folder_.path(), "a:0");
  ASSERT_TRUE(joined);
  EXPECT_EQ(joined->outcomes.size(), 1U);
  EXPECT_EQ(find(folder_.path(), "none").error().code, Code::NotFound);
}

TEST_F(LogTest, ACursorGoesOnWhereItStoppedOverManySegments) {
  const auto log = open({1U << 16U, 500, 200});
  for (int i = 0; i < 40; ++i) {
    EXPECT_TRUE(log->append({prediction(std::to_string(i))}));
    log->flush();
  }
  EXPECT_GT(log->end().segment, 3U);
  Cursor at;
  std::vector<std::string> ids;
  for (int round = 0; round < 20; ++round) at = *log->read(at, 3, [&](Event&& event) { ids.push_back(id(event)); });
  ASSERT_EQ(ids.size(), 40U);
  for (int i = 0; i < 40; ++i) EXPECT_EQ(ids[static_cast<std::size_t>(i)], std::to_string(i));
  EXPECT_EQ(id(read_all(*log, {}, 1)[0]), "0");  // from the start again
}

TEST_F(LogTest, AFullQueueDropsWholeBatchesAndCountsThem) {
  const auto log = open({2, 1U << 20U, 200});
  EXPECT_FALSE(log->append({prediction("1"), prediction("2"), prediction("3")}));
  EXPECT_EQ(log->dropped(), 3U);
  log->flush();
  EXPECT_TRUE(read_all(*log).empty());
}

TEST_F(LogTest, ACutTailEndsTheSegmentOnly) {
  {
    EXPECT_TRUE(open()->append_durably({{"a", 1, 0}, {"b", 2, 0}}));
  }
  const auto path = folder_.path() + "/0000000000000000.events";
  const auto bytes = *os::read_file(path);
  ASSERT_TRUE(os::write_file(path, bytes.substr(0, bytes.size() - 3)));
  const auto log = open();
  EXPECT_TRUE(log->append_durably({{"c", 3, 0}}));
  std::vector<std::string> ids;
  for (const auto& event : read_all(*log)) ids.push_back(id(event));
  EXPECT_THAT(ids, testing::ElementsAre("a", "c"));
}

// A limit on file sizes stands in for a full disk: a write is cut within a frame.
class FullDisk {
 public:
  explicit FullDisk(std::uint64_t bytes) : handler_(::signal(SIGXFSZ, SIG_IGN)) {
    ::getrlimit(RLIMIT_FSIZE, &before_);
    const ::rlimit limit{bytes, before_.rlim_max};
    ::setrlimit(RLIMIT_FSIZE, &limit);
  }
  ~FullDisk() {
    ::setrlimit(RLIMIT_FSIZE, &before_);
    ::signal(SIGXFSZ, handler_);
  }

 private:
  void (*handler_)(int);
  ::rlimit before_{};
};

TEST_F(LogTest, WhatIsAcknowledgedAfterAFullDiskIsNotBehindATornFrame) {
  const auto log = open();
  ASSERT_TRUE(log->append_durably({{"before", 0, 1}}));
  {
    const FullDisk disk(log->end().offset + 10);
    EXPECT_EQ(log->append_durably({{"refused", 0, 1}}).error().code, Code::ResourceExhausted);
    // Nothing to write, so it succeeds once a sync has: which does not mend the torn frame.
    while (!log->append_durably({})) log->flush();
  }
  ASSERT_TRUE(log->append_durably({{"after", 0, 1}}));
  const auto events = read_all(*log);
  ASSERT_EQ(events.size(), 2U);
  EXPECT_EQ(id(events[0]), "before");
  EXPECT_EQ(id(events[1]), "after");
  EXPECT_EQ(log->dropped(), 1U);
}

TEST_F(LogTest, AFullDiskLeavesNoEmptySegments) {
  const auto log = open();
  {
    const FullDisk disk(log->end().offset - 1);  // not even a segment's header has room
    for (int i = 0; i < 20; ++i) EXPECT_FALSE(log->append_durably({{"refused", i, 1}}));
  }
  EXPECT_EQ(os::list_names(folder_.path())->size(), 1U);
  ASSERT_TRUE(log->append_durably({{"after", 0, 1}}));
  EXPECT_EQ(os::list_names(folder_.path())->size(), 2U);
  EXPECT_EQ(read_all(*log).size(), 1U);
}

TEST_F(LogTest, AcknowledgedOutcomesSurviveKill) {
  Rng rng(9);
  std::int64_t next = 0;
  for (int round = 0; round < 10; ++round) {
    int ends[2];
    ASSERT_EQ(::pipe(ends), 0);
    const pid_t child = ::fork();
    if (child == 0) {
      auto log = Log::open(folder_.path());
      for (auto i = next; log; ++i)
        if (!(*log)->append_durably({{std::to_string(i), i, 0}}) || ::write(ends[1], &i, sizeof i) != sizeof i) break;
      ::_exit(0);
    }
    ::close(ends[1]);
    std::int64_t last = next - 1;
    for (auto left = 1 + rng.below(40); left > 0 && ::read(ends[0], &last, sizeof last) == sizeof last; --left) {
    }
    ::kill(child, SIGKILL);
    for (std::int64_t more = 0; ::read(ends[0], &more, sizeof more) == sizeof more;) last = more;
    ::close(ends[0]);
    ::waitpid(child, nullptr, 0);
    const auto events = read_all(*open());
    ASSERT_GT(static_cast<std::int64_t>(events.size()), last);
    for (std::size_t i = 0; i < events.size(); ++i) ASSERT_EQ(id(events[i]), std::to_string(i));
    next = static_cast<std::int64_t>(events.size());
  }
}

}  // namespace
}  // namespace fettle::event
