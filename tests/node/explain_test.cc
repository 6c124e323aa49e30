// What `quorate explain` says in each situation, as a person reads it.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/node/explain_network.h"

namespace quorate::node {
namespace {

using namespace test;
using ledger::Sequence;
using pbft::Standing;
using testing::Contains;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

// -- Nothing is stuck ----------------------------------------------------------------------------

TEST(Explain, AllWellIsOneSentence) {
  const Network network;
  const Explanation told = network.explain();
  EXPECT_FALSE(told.is_stuck);
  EXPECT_EQ(told.code, "nothing-stuck");
  EXPECT_EQ(network.text(),
            "Nothing is stuck: 4 of 4 replicas answer, in view 0, executed up to sequence 42.\n");
}

TEST(Explain, WorkUnderWayIsNotStuck) {
  Network network;
  for (std::size_t i = 0; i < 4; ++i) {
    network.at(i).ready = 7;
    network.at(i).unordered = 2;
    network.at(i).oldest_unordered_ms = 30;
    network.at(i).committed_age_ms = 3;
    network.at(i).slots = {slot_at(43)};
    network.at(i).slots[0].open_ms = 20;
    network.at(i).slots[0].commits = 1;
  }
  network.at(2).executed = network.at(2).committed = {40};
  EXPECT_EQ(network.verdict(),
            "Nothing is stuck: 4 of 4 replicas answer, in view 0, executed up to sequence 42 (the "
            "last of them 40); 7 transactions under way.");
  EXPECT_THAT(network.explain().findings, IsEmpty());
}

TEST(Explain, OneDownIsNotStuckAndLeavesNoMargin) {
  Network network;
  network.stop(3);
  EXPECT_FALSE(network.explain().is_stuck);
  EXPECT_THAT(network.text(), HasSubstr("Nothing is stuck: 3 of 4 replicas answer"));
  EXPECT_THAT(network.text(), HasSubstr("Replica 3 cannot be reached: 3 of 4 are there, a quorum "
                                        "takes 3, so none more may fail."));
  EXPECT_THAT(network.text(), HasSubstr("`quorate testnet start 3`"));
}

TEST(Explain, APrimaryThatIsDownIsNamedAsOne) {
  Network network;
  network.stop(0);
  EXPECT_FALSE(network.explain().is_stuck);
  EXPECT_THAT(network.text(), HasSubstr("Replica 0 is the primary of view 0: the next ready"));
}

TEST(Explain, OneThatIsSilentAndConnectedCountsAsThere) {
  Network network;
  network.silence(1);
  network.silence(2);
  EXPECT_FALSE(network.explain().is_stuck);
  EXPECT_THAT(network.text(), HasSubstr("Replicas 1 and 2 did not answer, though others"));
}

TEST(Explain, ThoseWhoWereNotAskedAreNamed) {
  Network network;
  network.answers().resize(1);
  EXPECT_FALSE(network.explain().is_stuck);
  EXPECT_THAT(network.text(), HasSubstr("Replicas 1, 2 and 3 were not asked"));
}

TEST(Explain, CatchingUpConcernsOneReplica) {
  Network network;
  network.at(3).executed = network.at(3).committed = {10};
  network.at(3).stable = {32};
  EXPECT_FALSE(network.explain().is_stuck);
  EXPECT_THAT(network.text(),
              HasSubstr("Replica 3 is catching up: it has executed 10 of 42 sequences."));
}

TEST(Explain, ARecoveringReplicaSaysUntilWhen) {
  Network network;
  network.at(3).standing = Standing::kRecovering;
  network.at(3).ceiling = {64};
  network.report(3).standing_reason = "the vote store is older than its guard";
  EXPECT_FALSE(network.explain().is_stuck);
  EXPECT_THAT(network.text(), HasSubstr("Replica 3 is recovering, it signs nothing until a "
                                        "checkpoint at or above sequence 64 is stable; 32 is the "
                                        "last one that it knows: the vote store is older"));
}

TEST(Explain, ALearnerSaysWhy) {
  Network network;
  network.at(2).standing = Standing::kLearner;
  network.report(2).standing_reason = "the guard file is missing";
  EXPECT_FALSE(network.explain().is_stuck);
  EXPECT_THAT(network.text(), HasSubstr("Replica 2 is a learner, it follows and signs nothing: the "
                                        "guard file is missing."));
}

TEST(Explain, ANodeInTroubleIsQuoted) {
  Network network;
  network.report(1).trouble = "the disk is nearly full";
  EXPECT_THAT(network.text(), HasSubstr("Replica 1 is in trouble: the disk is nearly full"));
}

TEST(Explain, OneThatIsStillInAnEarlierViewDoesNotStopTheOthers) {
  Network network;
  for (std::size_t i = 0; i < 3; ++i) {
    network.at(i).view = {1};
    network.at(i).primary = r(1);
  }
  EXPECT_FALSE(network.explain().is_stuck);
  EXPECT_THAT(network.text(), HasSubstr("Replica 3 is in view 0."));
}

TEST(Explain, OneThatLeftTheViewAloneDoesNotStopTheOthers) {
  Network network;
  network.leave_for(1, {r(3)});
  network.at(3).view_changes_missing = {r(0), r(1), r(2)};
  EXPECT_FALSE(network.explain().is_stuck);
  EXPECT_THAT(network.text(), HasSubstr("Replica 3 waits for the NEW-VIEW of view 1 from replica "
                                        "1, for 700 ms; it lacks the VIEW-CHANGEs of replicas 0, 1 "
                                        "and 2."));
}

// -- Something is stuck --------------------------------------------------------------------------

TEST(Explain, TwoDownOfFourOrderNothing) {
  Network network;
  network.stop(0);
  network.stop(2);
  const Explanation told = network.explain();
  EXPECT_TRUE(told.is_stuck);
  EXPECT_EQ(told.code, "no-quorum");
  EXPECT_EQ(told.verdict,
            "Replicas 0 and 2 cannot be reached: 2 of 4 answer, a quorum takes 3; nothing can be "
            "ordered until one of them is back.");
  EXPECT_THAT(network.text(), HasSubstr("Replica 1 says of replica 0: connection refused"));
  EXPECT_THAT(network.text(), HasSubstr("No timeout runs"));
  EXPECT_THAT(told.next,
              Contains(HasSubstr("`quorate testnet start 0`, `quorate testnet start 2`")));
}

TEST(Explain, WithoutAQuorumNoCheckpointIsBlamedOnThePrimary) {
  Network network;
  network.stop(2);
  network.at(1).unchecked_ms = 4000;
  network.at(1).unchecked_ms_max = 2500;
  EXPECT_EQ(network.explain().code, "checkpoint-waits");
  network.stop(0);
  EXPECT_EQ(network.explain().code, "no-quorum");
  EXPECT_THAT(network.text(), Not(HasSubstr("without a checkpoint")));
}

TEST(Explain, ALearnerAndOneThatIsDownAreNoQuorum) {
  Network network;
  network.stop(1);
  network.at(3).standing = Standing::kLearner;
  network.report(3).standing_reason = "the guard file is missing";
  EXPECT_EQ(network.verdict(),
            "Replica 1 cannot be reached, and replica 3 is a learner: 2 of 4 can vote, a quorum "
            "takes 3; nothing can be ordered until one of them votes again.");
  EXPECT_THAT(network.text(), HasSubstr("Replica 3 signs nothing: the guard file is missing"));
}

TEST(Explain, WhoeverIsDownIsNotSaidTwice) {
  Network network;
  network.stop(0);
  network.stop(2);
  const std::string text = network.text();
  EXPECT_EQ(text.find("cannot be reached"), text.rfind("cannot be reached"));
}

TEST(Explain, FewerThanAQuorumConnectedIsSaidOfThoseThatAnswer) {
  Network network;
  for (const std::size_t i : {0U, 1U, 2U}) {
    for (LinkReport& link : network.report(i).links) link = {link.id, false, true, "timed out"};
  }
  const Explanation told = network.explain();
  EXPECT_EQ(told.code, "not-connected");
  EXPECT_THAT(told.verdict, HasSubstr("4 of 4 replicas are there, but replicas 0, 1 and 2 are "
                                      "connected with fewer than a quorum of 3"));
  EXPECT_THAT(network.text(),
              HasSubstr("Replica 0 is not connected both ways with: 1 (timed out)"));
}

TEST(Explain, ASequenceThatWaitsNamesTheVotesThatAreMissing) {
  Network network;
  for (const std::size_t i : {0U, 1U, 2U}) {
    network.at(i).slots = {slot_at(43), slot_at(44)};
    network.at(i).slots[0].commits = 2;
    network.at(i).slots[0].commits_missing = {r(2), r(3)};
  }
  network.at(2).slots[0].prepares = 1;
  network.at(2).slots[0].prepares_missing = {r(1), r(3)};
  const Explanation told = network.explain();
  EXPECT_EQ(told.code, "sequence-waits");
  EXPECT_EQ(told.verdict,
            "Sequence 43 waits at replicas 0 and 1 for 1 more commit (2 of 3 there; missing: "
            "replicas 2 and 3), since 2.0 s ago.");
  EXPECT_THAT(network.text(), HasSubstr("It waits at replica 2 for 1 more prepare (1 of 2 there; "
                                        "missing: replicas 1 and 3), since 2.0 s ago."));
  EXPECT_THAT(network.text(), HasSubstr("Behind it 1 sequence is already under way."));
}

TEST(Explain, ASequenceMayWaitForProposalBodiesClockOrBatch) {
  const auto awaited = [](const auto& change) {
    Network network;
    network.at(1).slots = {slot_at(43)};
    change(network.at(1).slots[0]);
    return network.verdict();
  };
  EXPECT_THAT(awaited([](auto& slot) { slot.has_proposal = false; }),
              HasSubstr("for the proposal of replica 0, the primary"));
  EXPECT_THAT(awaited([](auto& slot) { slot.bodies_missing = 2; }),
              HasSubstr("for 2 of 5 transactions that the proposal names"));
  EXPECT_THAT(awaited([](auto& slot) { slot.early_ms = 1200; }),
              HasSubstr("its clock: the proposed time is 1.2 s ahead"));
  EXPECT_THAT(awaited([](auto& slot) { slot.is_committed = slot.is_outvoted = true; }),
              HasSubstr("what a quorum committed there"));
}

TEST(Explain, APrimaryThatIsSilentIsBlamedWithTheTimeThatIsLeft) {
  Network network;
  for (const std::size_t i : {1U, 2U, 3U}) {
    network.at(i).ready = network.at(i).unordered = 3;
    network.at(i).oldest_unordered_ms = 800 + i;
    network.at(i).patience_left_ms = 200 - i;
  }
  const Explanation told = network.explain();
  EXPECT_EQ(told.code, "primary-silent");
  EXPECT_EQ(told.verdict,
            "Replica 0, the primary of view 0, proposes nothing: replicas 1, 2 and 3 hold ready "
            "transactions that no proposal names, the oldest for 803 ms.");
  EXPECT_THAT(network.text(), HasSubstr("Replica 0 itself has none of them."));
  EXPECT_THAT(network.text(), HasSubstr("Replica 3 gives up on replica 0, its primary, in 197 ms"));
}

TEST(Explain, APrimaryThatIsAwayIsSaidToBe) {
  Network network;
  network.stop(0);
  for (const std::size_t i : {1U, 2U, 3U}) {
    network.at(i).ready = network.at(i).unordered = 1;
    network.at(i).oldest_unordered_ms = 600;
  }
  EXPECT_THAT(network.verdict(),
              HasSubstr("Replica 0, the primary of view 0, cannot be reached: "));
}

TEST(Explain, AViewChangeNamesTheViewChangesThatAreMissing) {
  Network network;
  network.stop(0);
  network.leave_for(1, {r(1), r(2)});
  network.at(1).view_changes_missing = network.at(2).view_changes_missing = {r(0), r(3)};
  network.at(2).patience_left_ms = 300;
  const Explanation told = network.explain();
  EXPECT_EQ(told.code, "view-change");
  EXPECT_EQ(told.verdict,
            "A view change is under way: replicas 1 and 2 wait for the NEW-VIEW of view 1 from "
            "replica 1, for 700 ms now; replica 1 has 2 of the 3 VIEW-CHANGEs that it takes, and "
            "none of replicas 0 and 3.");
  EXPECT_THAT(network.text(), HasSubstr("Replica 3 is in view 0 and has not left it."));
  EXPECT_THAT(network.text(), HasSubstr("Replica 2 moves on to view 2 in 300 ms"));
  network.at(2).patience_left_ms.reset();
  EXPECT_THAT(network.text(), HasSubstr("No timeout runs: the one for a NEW-VIEW starts once a"));
}

TEST(Explain, AViewChangeWhosePrimaryIsAwaySaysSo) {
  Network network;
  network.stop(1);
  network.leave_for(1, {r(0), r(2), r(3)});
  for (const std::size_t i : {0U, 2U, 3U}) network.at(i).view_changes_missing = {r(1)};
  EXPECT_EQ(network.verdict(),
            "A view change is under way: replicas 0, 2 and 3 wait for the NEW-VIEW of view 1 from "
            "replica 1, which cannot be reached, for 700 ms now; the VIEW-CHANGEs that it takes "
            "have been sent.");
}

TEST(Explain, DifferingViewsAreListed) {
  Network network;
  for (const std::size_t i : {2U, 3U}) {
    network.at(i).view = {5};
    network.at(i).primary = r(1);
  }
  const Explanation told = network.explain();
  EXPECT_EQ(told.code, "views-differ");
  EXPECT_THAT(told.verdict, HasSubstr("replicas 2 and 3 in view 5, replicas 0 and 1 in view 0; no "
                                      "view has the quorum of 3"));
}

TEST(Explain, AFullWindowNamesTheCheckpointVotesThatAreMissing) {
  Network network;
  for (std::size_t i = 0; i < 4; ++i) {
    network.at(i).executed = network.at(i).committed = {64};
    network.at(i).checkpoint = Sequence{64};
    network.at(i).checkpoint_missing = {r(2), r(3)};
  }
  network.at(1).unordered = 4;
  network.at(1).oldest_unordered_ms = 9000;
  const Explanation told = network.explain();
  EXPECT_EQ(told.code, "window-full");
  EXPECT_EQ(told.verdict,
            "The window is full: sequence 64 is committed, but no checkpoint above 32 is stable, "
            "and nothing more can be proposed until one is.");
  EXPECT_THAT(network.text(), HasSubstr("Replica 0 has no vote of replicas 2 and 3 for the "
                                        "checkpoint at sequence 64."));
  EXPECT_THAT(network.text(), Not(HasSubstr("proposes nothing")));
}

TEST(Explain, ACheckpointThatStaysUnstableIsStuckBeforeTheWindowIsFull) {
  Network network;
  for (std::size_t i = 0; i < 4; ++i) {
    network.at(i).checkpoint = Sequence{42};
    network.at(i).checkpoint_missing = {r(2)};
    network.at(i).committed_age_ms = 20;
  }
  EXPECT_FALSE(network.explain().is_stuck);
  for (std::size_t i = 0; i < 4; ++i) network.at(i).committed_age_ms = 1500;
  network.at(0).checkpoint_differs = {r(3)};
  EXPECT_EQ(network.explain().code, "checkpoint-waits");
  EXPECT_THAT(network.text(), HasSubstr("Replica 3 voted for another state at sequence 42 than "
                                        "replica 0 has: ledgers differ."));
}

TEST(Explain, ExecutedBatchesThatNoCheckpointClosesAreStuck) {
  Network network;
  network.at(1).unchecked_ms = 4000;
  network.at(1).unchecked_ms_max = 2500;
  EXPECT_THAT(network.verdict(),
              HasSubstr("Sequence 42 is executed without a checkpoint for 4.0 s"));
}

}  // namespace
}  // namespace quorate::node
