#include "control/windows.h"

#include <gtest/gtest.h>

#include "base/clock.h"

namespace fettle::control {
namespace {

std::int64_t at(std::string_view time) { return *text::parse_time(time); }

TEST(Windows, WeeksStartOnMondayBeforeAndAfterTheEpoch) {
  EXPECT_EQ(week_start(at("2001-01-01")), at("2001-01-01"));
  EXPECT_EQ(week_start(at("2001-01-07T23:59:59Z")), at("2001-01-01"));
  EXPECT_EQ(week_start(at("1970-01-01")), at("1969-12-29"));
  EXPECT_EQ(week_start(-1), at("1969-12-29"));
  EXPECT_EQ(day_start(-1), -kDayMs);
  EXPECT_EQ(day_start(at("2001-05-21T23:10:00Z")), at("2001-05-21"));
}

TEST(Watermark, FollowsTrafficAndNeverStepsBackForLateRows) {
  Watermark mark;
  EXPECT_EQ(mark.ms(), 0);
  mark.see(at("2001-04-01"));
  mark.see(at("2001-04-02"));
  mark.see(at("2001-04-01"));
  EXPECT_EQ(mark.ms(), at("2001-04-02"));
}

TEST(Watermark, AFewStrayRowsDoNotMoveItButTrafficThatHasMovedDoes) {
  for (const auto* elsewhere : {"2026-11-24", "1999-01-01"}) {
    Watermark mark(at("2001-04-02"));
    for (int i = 0; i < Watermark::kConfirm - 1; ++i) mark.see(at(elsewhere));
    EXPECT_EQ(mark.ms(), at("2001-04-02")) << elsewhere;
    mark.see(at("2001-04-02"));  // the old traffic goes on: start counting again
    for (int i = 0; i < Watermark::kConfirm - 1; ++i) mark.see(at(elsewhere));
    EXPECT_EQ(mark.ms(), at("2001-04-02")) << elsewhere;
    mark.see(at(elsewhere));
    EXPECT_EQ(mark.ms(), at(elsewhere));
  }
}

TEST(Phase, AWindowClosesWithItsLastOutcomeOrWhenTheyAreOverdue) {
  const WindowFacts some{.end_ms = 1000, .predictions = 10, .outcomes = 9};
  const WindowFacts all{.end_ms = 1000, .predictions = 10, .outcomes = 10};
  EXPECT_EQ(phase(all, 999, 300), Phase::Open);
  EXPECT_EQ(phase(all, 1000, 300), Phase::Closed);
  EXPECT_EQ(phase(some, 1000, 300), Phase::Ended);
  EXPECT_EQ(phase(some, 1299, 300), Phase::Ended);
  EXPECT_EQ(phase(some, 1300, 300), Phase::Closed);
}

}  // namespace
}  // namespace fettle::control
