#include "node/bench/flight.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace quorate::node {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::Pair;

constexpr std::uint64_t kSpan = 1000;
constexpr std::uint64_t kSecond = 1'000'000;

TEST(Flight, HandsOutInTheOrderOfArrival) {
  Flight flight(2, kSpan);
  for (int i = 0; i < 3; ++i) flight.arrive(0);
  EXPECT_THAT(flight.take(0, 2, 0), ElementsAre(0, 1));
  EXPECT_THAT(flight.take(1, 2, 0), ElementsAre(2));
  EXPECT_THAT(flight.take(1, 2, 0), IsEmpty());
}

TEST(Flight, AcknowledgesOnce) {
  Flight flight(1, kSpan);
  flight.arrive(0);
  (void)flight.take(0, 1, 0);
  EXPECT_TRUE(flight.on_applied(0));
  EXPECT_FALSE(flight.on_applied(0));
  flight.on_taken(0, 5);  // the answer to the submission may come after the block
  EXPECT_TRUE(flight.is_acknowledged(0));
  EXPECT_EQ(flight.counts().acknowledged, 1U);
  EXPECT_EQ(flight.counts().in_flight(), 0U);
}

TEST(Flight, SendsABusyOneAgainBeforeThoseBehindIt) {
  Flight flight(2, kSpan);
  for (int i = 0; i < 3; ++i) flight.arrive(0);
  ASSERT_THAT(flight.take(0, 1, 0), ElementsAre(0));
  flight.on_busy(0);
  EXPECT_THAT(flight.take(1, 2, 0), ElementsAre(0, 1));
  EXPECT_EQ(flight.counts().busy_answers, 1U);
}

TEST(Flight, RejectsByCodeWhatWasRefusedAtOnce) {
  Flight flight(1, kSpan);
  flight.arrive(0);
  (void)flight.take(0, 1, 0);
  flight.on_refused(0, "tx-too-large", 0);
  EXPECT_THAT(flight.counts().rejected_by_code, ElementsAre(Pair("tx-too-large", 1)));
  EXPECT_EQ(flight.counts().in_flight(), 0U);
}

TEST(Flight, DoesNotRejectWhileACopyMayBeSomewhere) {
  Flight flight(2, kSpan);
  flight.arrive(0);
  (void)flight.take(0, 1, 0);
  flight.on_no_answer(0, true);
  ASSERT_THAT(flight.take(1, 1, 0), ElementsAre(0));
  flight.on_refused(0, "tx-nonce-used", 0);
  EXPECT_EQ(flight.counts().in_flight(), 1U);
  EXPECT_TRUE(flight.on_applied(0));
}

TEST(Flight, RejectsWhatCertainlyNeverArrivedAnywhere) {
  Flight flight(2, kSpan);
  flight.arrive(0);
  (void)flight.take(0, 1, 0);
  flight.on_no_answer(0, false);
  (void)flight.take(1, 1, 0);
  flight.on_refused(0, "tx-nonce-used", 0);
  EXPECT_EQ(flight.counts().rejected, 1U);
}

TEST(Flight, MovesWhatADeadNodeHadToOthersInOrder) {
  Flight flight(2, kSpan);
  for (int i = 0; i < 4; ++i) flight.arrive(0);
  ASSERT_THAT(flight.take(0, 3, 0), ElementsAre(0, 1, 2));
  for (Flight::Tx i = 0; i < 3; ++i) flight.on_taken(i, 0);
  ASSERT_TRUE(flight.on_applied(1));
  flight.on_node_down(0);
  EXPECT_THAT(flight.take(1, 9, 0), ElementsAre(0, 2, 3));
  EXPECT_EQ(flight.counts().sent_again, 2U);
}

TEST(Flight, SendsWhatATakerForgotToTheNextNodeThatIsUp) {
  Flight flight(3, kSpan);
  flight.arrive(0);
  (void)flight.take(0, 1, 0);
  flight.on_taken(0, 0);
  flight.on_node_down(1);
  flight.send_overdue_again(4 * kSecond);
  EXPECT_THAT(flight.take(2, 1, 4 * kSecond), IsEmpty());
  flight.send_overdue_again(5 * kSecond);
  EXPECT_THAT(flight.take(0, 1, 5 * kSecond), IsEmpty());
  EXPECT_THAT(flight.take(2, 1, 5 * kSecond), ElementsAre(0));
}

TEST(Flight, WaitsTwiceAsLongEachTimeBeforeItSendsAgain) {
  Flight flight(1, kSpan);
  flight.arrive(0);
  (void)flight.take(0, 1, 0);
  flight.on_taken(0, 0);
  flight.send_overdue_again(5 * kSecond);
  ASSERT_THAT(flight.take(0, 1, 5 * kSecond), ElementsAre(0));
  flight.on_taken(0, 5 * kSecond);
  flight.send_overdue_again(14 * kSecond);
  EXPECT_THAT(flight.take(0, 1, 14 * kSecond), IsEmpty());
  flight.send_overdue_again(15 * kSecond);
  EXPECT_THAT(flight.take(0, 1, 15 * kSecond), ElementsAre(0));
}

TEST(Flight, HoldsBackWhatLiesTooFarBeyondTheOldestOpenOne) {
  Flight flight(1, 2);
  for (int i = 0; i < 3; ++i) flight.arrive(0);
  ASSERT_THAT(flight.take(0, 9, 0), ElementsAre(0, 1));
  ASSERT_TRUE(flight.on_applied(1));
  EXPECT_THAT(flight.take(0, 9, 0), IsEmpty());
  ASSERT_TRUE(flight.on_applied(0));
  EXPECT_THAT(flight.take(0, 9, 0), ElementsAre(2));
}

TEST(Flight, TellsHowLateItSentFirst) {
  Flight flight(1, kSpan);
  flight.arrive(100);
  (void)flight.take(0, 1, 350);
  flight.on_busy(0);
  (void)flight.take(0, 1, 9000);
  EXPECT_EQ(flight.counts().sent_late_max_us, 250U);
}

TEST(Flight, LeavesASkippedCopyOfAnAcknowledgedOneAlone) {
  Flight flight(1, kSpan);
  flight.arrive(0);
  (void)flight.take(0, 1, 0);
  ASSERT_TRUE(flight.on_applied(0));
  flight.on_rejected(0, "tx-nonce-used");
  EXPECT_EQ(flight.counts().rejected, 0U);
}

}  // namespace
}  // namespace quorate::node
