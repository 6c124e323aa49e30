// The rules by which a primary is given up, one at a time and without a protocol around them.

#include "pbft/suspicion.h"

#include <gtest/gtest.h>

namespace quorate::pbft::test {
namespace {

constexpr std::uint64_t kT = 1000;

Situation ready_since(std::uint64_t ms) {
  Situation result;
  result.oldest_ready_ms = ms;
  return result;
}

TEST(Suspicion, ReadyWorkWithoutProgressForT) {
  const Suspicion suspicion(kT, 4 * kT);
  EXPECT_FALSE(suspicion.judge({}, 1'000'000)) << "no work, no timer";
  EXPECT_FALSE(suspicion.judge(ready_since(500), 1499));
  EXPECT_EQ(suspicion.deadline_ms(ready_since(500)), 1500U);
  EXPECT_EQ(suspicion.judge(ready_since(500), 1500), Suspected::kSilence);
}

TEST(Suspicion, ProgressStartsTheTimerAgain) {
  Suspicion suspicion(kT, 4 * kT);
  suspicion.progressed(1, 1400);
  EXPECT_FALSE(suspicion.judge(ready_since(500), 2399));
  EXPECT_TRUE(suspicion.judge(ready_since(500), 2400));
}

TEST(Suspicion, NobodyIsBlamedWhileNoQuorumIsConnected) {
  const Suspicion suspicion(kT, 4 * kT);
  Situation situation = ready_since(0);
  situation.is_connected = false;
  EXPECT_FALSE(suspicion.judge(situation, 100'000));
  EXPECT_FALSE(suspicion.deadline_ms(situation));
}

TEST(Suspicion, ReplicaThatStoodStillBlamesNobodyForIt) {
  Suspicion suspicion(kT, 4 * kT);
  suspicion.woke_up(60'000);
  EXPECT_FALSE(suspicion.judge(ready_since(0), 60'999));
  EXPECT_TRUE(suspicion.judge(ready_since(0), 61'000));
}

TEST(Suspicion, TimeoutDoublesWithEachViewThatBringsNothingUpToItsCap) {
  Suspicion suspicion(kT, 4 * kT);
  suspicion.leave_view();  // the first one had worked
  EXPECT_EQ(suspicion.timeout_ms(), 1000U);
  std::vector<std::uint64_t> timeouts;
  for (int i = 0; i < 10; ++i) {
    suspicion.leave_view();
    timeouts.push_back(suspicion.timeout_ms());
  }
  EXPECT_EQ(timeouts[0], 2000U);
  EXPECT_EQ(timeouts[1], 4000U);
  EXPECT_EQ(timeouts.back(), 4000U) << "pitfall 31: without a cap, hours";
  suspicion.enter_view(0);
  suspicion.progressed(1, 1);
  EXPECT_EQ(suspicion.timeout_ms(), 1000U) << "and comes back";
}

TEST(Suspicion, CapIsNeverBelowFourTimesWhatANewViewCosts) {
  Suspicion suspicion(kT, 4 * kT);
  suspicion.leave_view();
  suspicion.quorum_moves(10'000);
  suspicion.enter_view(13'000);
  for (int i = 0; i < 10; ++i) suspicion.leave_view();
  EXPECT_EQ(suspicion.timeout_ms(), 12'000U);
}

// OSDI '99 §4.5.2: the timer of a view that is not there yet starts when a quorum moves to it.
TEST(Suspicion, NewViewIsDueTAfterAQuorumMoved) {
  Suspicion suspicion(kT, 4 * kT);
  suspicion.leave_view();
  EXPECT_FALSE(suspicion.new_view_deadline_ms());
  suspicion.quorum_moves(5000);
  suspicion.quorum_moves(5500);
  EXPECT_EQ(suspicion.new_view_deadline_ms(), 6000U);
}

TEST(Suspicion, ManyThatOvertakeOneReadyTransaction) {
  Suspicion suspicion(kT, 4 * kT);
  const TxId oldest{crypto::sha256(as_bytes("oldest"))};
  suspicion.overtook(oldest, 31);
  EXPECT_FALSE(suspicion.judge({}, 0));
  suspicion.overtook(oldest, 1);
  EXPECT_EQ(suspicion.judge({}, 0), Suspected::kCensorship);
  suspicion.overtook(TxId{}, 1);
  EXPECT_FALSE(suspicion.judge({}, 0)) << "it was another one";
}

TEST(Suspicion, ProposalThatDoesNotCommitEvenWhereNothingIsReady) {
  const Suspicion suspicion(kT, 4 * kT);
  Situation situation;
  situation.undecided_since_ms = 100;
  EXPECT_EQ(suspicion.deadline_ms(situation), std::uint64_t{1100});
  EXPECT_FALSE(suspicion.judge(situation, 1099));
  EXPECT_EQ(suspicion.judge(situation, 1100), Suspected::kUndecided);
  situation.is_connected = false;
  EXPECT_FALSE(suspicion.judge(situation, 1100));
}

TEST(Suspicion, ExecutedBatchesThatStayWithoutCheckpoint) {
  const Suspicion suspicion(kT, 4 * kT);
  Situation situation;
  situation.unchecked_since_ms = 100;
  situation.checkpoint_due_ms = 1500;
  EXPECT_FALSE(suspicion.judge(situation, 2599));
  EXPECT_EQ(suspicion.judge(situation, 2600), Suspected::kNoCheckpoint);
}

TEST(Suspicion, ProposalsThatLagForLongerThanT) {
  Suspicion suspicion(kT, 4 * kT);
  for (const std::uint64_t now : {0, 400, 800}) suspicion.fresh_proposal(true, now);
  EXPECT_FALSE(suspicion.judge({}, 900));
  suspicion.fresh_proposal(true, 1001);
  EXPECT_EQ(suspicion.judge({}, 1001), Suspected::kLateProposals);
  suspicion.fresh_proposal(false, 1100);
  EXPECT_FALSE(suspicion.judge({}, 1100));
}

TEST(Suspicion, EquivocationAtOnce) {
  Suspicion suspicion(kT, 4 * kT);
  suspicion.equivocated();
  EXPECT_EQ(suspicion.judge({}, 0), Suspected::kEquivocation);
  suspicion.leave_view();
  EXPECT_FALSE(suspicion.judge({}, 0));
}

// Aardvark's rule: half of what recent views reached, for two windows, and only under load.
TEST(Pace, CrawlingPrimaryIsComparedWithRecentViews) {
  Pace pace(1000);
  const auto window = [&](std::uint64_t begin_ms, std::uint64_t transactions) {
    pace.observe(true, begin_ms);
    pace.executed(transactions);
    pace.observe(true, begin_ms + 1000);
  };
  window(0, 1000);
  pace.enter_view();
  window(2000, 400);
  EXPECT_FALSE(pace.crawls()) << "one bad window may be the machine";
  window(3000, 400);
  EXPECT_TRUE(pace.crawls());
}

TEST(Pace, SaysNothingWithoutAFullBatchWaiting) {
  Pace pace(1000);
  pace.observe(true, 0);
  pace.executed(1000);
  pace.observe(true, 1000);
  pace.enter_view();
  for (std::uint64_t now = 2000; now < 20'000; now += 500) pace.observe(now % 1000 == 0, now);
  EXPECT_FALSE(pace.crawls());
}

TEST(Pace, FirstPrimaryHasNobodyToBeComparedWith) {
  Pace pace(1000);
  for (std::uint64_t now = 0; now < 20'000; now += 1000) {
    pace.observe(true, now);
    pace.executed(1);
  }
  EXPECT_FALSE(pace.crawls());
}

}  // namespace
}  // namespace quorate::pbft::test
