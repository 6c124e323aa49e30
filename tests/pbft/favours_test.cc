// What peers get, and how often.

#include "pbft/favours.h"

#include <gtest/gtest.h>

#include "tests/support/pbft_world.h"

namespace quorate::pbft::test {
namespace {

constexpr FillLimits kLimits{{8}, {24}, 8};

TEST(Favours, PeerIsAnsweredOnceInAPauseAndOthersAreNotHeldBack) {
  Favours favours;
  EXPECT_TRUE(favours.answer(r(1), 1'000));
  EXPECT_FALSE(favours.answer(r(1), 1'000 + Favours::kAnswerPauseMs - 1));
  EXPECT_TRUE(favours.answer(r(2), 1'001));
  EXPECT_TRUE(favours.answer(r(1), 1'000 + Favours::kAnswerPauseMs));
  EXPECT_EQ(favours.answers(r(1)), 2U);
  EXPECT_EQ(favours.answers(r(3)), 0U);
}

TEST(Favours, PeerIsAskedOnceInAPause) {
  Favours favours;
  EXPECT_TRUE(favours.ask(r(1), 1'000, 100));
  EXPECT_FALSE(favours.ask(r(1), 1'099, 100));
  EXPECT_TRUE(favours.ask(r(1), 1'100, 100));
}

TEST(Favours, FillingEndsAtAWholeIntervalWithinTheWindow) {
  Favours favours;
  favours.ask_to_fill(r(1), {8}, kLimits, 1'000);
  EXPECT_EQ(favours.fill_to(), Sequence{}) << "settled already";
  favours.ask_to_fill(r(1), {9}, kLimits, 1'000);
  EXPECT_EQ(favours.fill_to(), Sequence{16});
  favours.ask_to_fill(r(2), {~std::uint64_t{0} - 8}, kLimits, 1'000);
  EXPECT_EQ(favours.fill_to(), Sequence{24}) << "the window's end";
  favours.ask_to_fill(r(3), {~std::uint64_t{0}}, kLimits, 1'000);
  EXPECT_EQ(favours.fill_to(), Sequence{24}) << "no number that high";
}

TEST(Favours, WhoAsksForEverIsNotFilledForEver) {
  Favours favours;
  favours.ask_to_fill(r(1), {16}, kLimits, 1'000);
  favours.ask_to_fill(r(1), {24}, kLimits, 1'000 + Favours::kFillPauseMs - 1);
  EXPECT_EQ(favours.fill_to(), Sequence{16});
  favours.ask_to_fill(r(1), {24}, kLimits, 1'000 + Favours::kFillPauseMs);
  EXPECT_EQ(favours.fill_to(), Sequence{24});
  favours.ask_to_fill(r(1), {}, kLimits, 1'000 + Favours::kFillPauseMs);
  EXPECT_EQ(favours.fill_to(), Sequence{});
}

TEST(ReportPace, PausesDoubleUpToTheLongestAndNewWorkHastens) {
  ReportPace pace(100, 400);
  EXPECT_FALSE(pace.is_due(0, 1'000)) << "the first call sets the first time";
  EXPECT_EQ(pace.next_ms(), 1'100U);
  EXPECT_FALSE(pace.is_due(0, 1'099));
  EXPECT_TRUE(pace.is_due(0, 1'100));
  EXPECT_TRUE(pace.is_due(0, 1'300));
  EXPECT_TRUE(pace.is_due(0, 1'700));
  EXPECT_EQ(pace.next_ms(), 2'100U);
  pace.hasten(1'710);
  EXPECT_EQ(pace.next_ms(), 1'810U);
}

TEST(ReportPace, ProgressPutsTheReportOff) {
  ReportPace pace(100, 400);
  EXPECT_FALSE(pace.is_due(0, 1'000));
  EXPECT_FALSE(pace.is_due(1'090, 1'100)) << "something moved";
  EXPECT_EQ(pace.next_ms(), 1'200U);
  EXPECT_TRUE(pace.is_due(1'090, 1'200));
}

}  // namespace
}  // namespace quorate::pbft::test
