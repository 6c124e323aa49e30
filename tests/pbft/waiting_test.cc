// What a replica says that it waits for.

#include "pbft/waiting.h"

#include <gtest/gtest.h>

#include <vector>

#include "tests/support/pbft_lone.h"

namespace quorate::pbft {
namespace {

using namespace test;

using Ids = std::vector<ReplicaId>;

Waiting waiting(const Lone& lone, std::uint64_t later_ms = 0) {
  return waiting_of(lone.replica, lone.now.monotonic_ms + later_ms);
}

TEST(Waiting, AnIdleReplicaWaitsForNothing) {
  Lone lone(4, r(1));
  const Waiting told = waiting(lone);
  EXPECT_EQ(told.self, r(1));
  EXPECT_EQ(told.replicas, 4U);
  EXPECT_EQ(told.quorum, 3U);
  EXPECT_TRUE(told.in_view);
  EXPECT_TRUE(told.slots.empty());
  EXPECT_TRUE(told.view_changes_missing.empty());
  EXPECT_FALSE(told.checkpoint);
  EXPECT_FALSE(told.patience_left_ms);
  EXPECT_FALSE(told.oldest_unordered_ms);
}

TEST(Waiting, ReadyWorkThatNobodyProposesHasItsAgeAndAnEnd) {
  Lone lone(4, r(1));
  (void)lone.ready(2);
  (void)lone.tick_after(300);
  const Waiting told = waiting(lone, 50);
  EXPECT_EQ(told.unordered, 2U);
  EXPECT_EQ(told.oldest_unordered_ms, 350U);
  ASSERT_TRUE(told.patience_left_ms);
  EXPECT_EQ(*told.patience_left_ms, told.timeout_ms - 350);
}

TEST(Waiting, APrimaryHasNoPatienceToLoseWithItself) {
  Lone lone(4, r(0));
  (void)lone.ready();
  EXPECT_FALSE(waiting(lone).patience_left_ms);
}

TEST(Waiting, ASlotNamesThoseWhoseVotesAreNotHere) {
  Lone lone(4, r(1));
  const PrePrepare proposal = lone.world.pre_prepare(batch_of(1, lone.ready()));
  (void)lone.receive(proposal);
  lone.pass(40);
  WaitingSlot slot = waiting(lone).slots.at(0);
  EXPECT_EQ(slot.sequence, Sequence{1});
  EXPECT_EQ(slot.open_ms, 40U);
  EXPECT_TRUE(slot.has_proposal);
  EXPECT_EQ(slot.transactions, 1U);
  EXPECT_EQ(slot.prepares, 1U);
  EXPECT_EQ(slot.prepares_missing, (Ids{r(2), r(3)}));
  EXPECT_EQ(slot.commits_missing, (Ids{r(0), r(1), r(2), r(3)}));
  (void)lone.receive(lone.world.prepare(proposal, r(3)));
  (void)lone.receive(lone.world.commit(proposal, r(0)));
  slot = waiting(lone).slots.at(0);
  EXPECT_EQ(slot.prepares_missing, Ids{r(2)});
  EXPECT_EQ(slot.commits, 2U);
  EXPECT_EQ(slot.commits_missing, (Ids{r(2), r(3)}));
  (void)lone.receive(lone.world.commit(proposal, r(2)));
  EXPECT_TRUE(waiting(lone).slots.empty());
}

TEST(Waiting, AVoteForAnotherBatchIsAMissingVote) {
  Lone lone(4, r(1));
  (void)lone.receive(lone.world.pre_prepare(batch_of(1, lone.ready())));
  const PrePrepare other = lone.world.pre_prepare(batch_of(1, {lone.world.transaction()}));
  (void)lone.receive(lone.world.commit(other, r(2)));
  EXPECT_EQ(waiting(lone).slots.at(0).commits, 0U);
}

TEST(Waiting, BodiesThatAreNotHereAreCounted) {
  Lone lone(4, r(1));
  std::vector<TransactionPtr> bodies = lone.ready(1);
  bodies.push_back(lone.world.transaction());
  (void)lone.receive(lone.world.pre_prepare(batch_of(1, bodies)));
  const WaitingSlot slot = waiting(lone).slots.at(0);
  EXPECT_EQ(slot.transactions, 2U);
  EXPECT_EQ(slot.bodies_missing, 1U);
  EXPECT_EQ(slot.prepares, 0U);
}

TEST(Waiting, AProposalFromTheFutureIsHeldForAsLongAsItIsEarly) {
  Lone lone(4, r(1));
  const std::uint64_t slack_ms = lone.world.parameters().time_slack_ms;
  const TimeMs time{kStartTime.value + slack_ms + 70};
  (void)lone.receive(lone.world.pre_prepare(batch_of(1, lone.ready(), time)));
  EXPECT_EQ(waiting(lone).slots.at(0).early_ms, 70U);
}

TEST(Waiting, AProposalThatNeverCameIsAGapBeforeTheNext) {
  Lone lone(4, r(1));
  (void)lone.receive(lone.world.pre_prepare(batch_of(2, lone.ready())));
  const Waiting told = waiting(lone);
  ASSERT_EQ(told.slots.size(), 2U);
  EXPECT_EQ(told.slots[0].sequence, Sequence{1});
  EXPECT_FALSE(told.slots[0].has_proposal);
  EXPECT_FALSE(told.slots[0].open_ms);
  EXPECT_TRUE(told.slots[1].has_proposal);
}

TEST(Waiting, BetweenViewsItNamesThoseThatHaveNotMoved) {
  Lone lone(4, r(2));
  (void)lone.ready();
  // At its deadlines: one that stood still blames nobody.
  while (lone.replica.in_view()) (void)lone.tick_after(25);
  lone.pass(25);
  Waiting told = waiting(lone);
  EXPECT_FALSE(told.in_view);
  EXPECT_EQ(told.view, View{1});
  EXPECT_EQ(told.view_age_ms, 25U);
  EXPECT_EQ(told.primary, r(1));
  EXPECT_EQ(told.view_changes_missing, (Ids{r(0), r(1), r(3)}));
  EXPECT_FALSE(told.patience_left_ms);  // only once a quorum moves
  (void)lone.receive(lone.world.view_change(View{1}, r(1)));
  (void)lone.receive(lone.world.view_change(View{1}, r(3)));
  told = waiting(lone);
  EXPECT_EQ(told.view_changes_missing, Ids{r(0)});
  EXPECT_EQ(told.patience_left_ms, told.timeout_ms);
}

TEST(Waiting, WhatAnEarlierViewLeftBehindIsNothingToWaitFor) {
  Lone lone(4, r(2));
  (void)lone.receive(lone.world.pre_prepare(batch_of(1, lone.ready())));
  ASSERT_EQ(waiting(lone).slots.size(), 1U);
  std::vector<ViewChange> moved;
  for (const std::size_t i : {0U, 1U, 3U}) moved.push_back(lone.world.view_change(View{1}, r(i)));
  for (const ViewChange& message : moved) (void)lone.receive(message);
  (void)lone.receive(lone.world.new_view(moved));
  const Waiting told = waiting(lone);
  EXPECT_EQ(told.view, View{1});
  EXPECT_TRUE(told.in_view);
  EXPECT_TRUE(told.slots.empty());
  EXPECT_EQ(told.unordered, 1U);
}

TEST(Waiting, AnExecutedCheckpointNamesThoseThatHaveNotVotedForIt) {
  Lone lone(4, r(1));
  const PrePrepare proposal = lone.world.pre_prepare(batch_of(1, lone.ready()));
  (void)lone.receive(proposal);
  for (std::size_t i = 0; i < 4; ++i) (void)lone.receive(lone.world.commit(proposal, r(i)));
  BatchExecuted executed = executed_batch(1, proposal.batch.ids);
  executed.checkpoint = lone.world.checkpoint(1);
  (void)lone.step(executed);
  (void)lone.receive(lone.world.checkpoint_vote(1, r(3), "another state"));
  Waiting told = waiting(lone);
  EXPECT_EQ(told.checkpoint, Sequence{1});
  EXPECT_EQ(told.checkpoint_missing, (Ids{r(0), r(2)}));
  EXPECT_EQ(told.checkpoint_differs, Ids{r(3)});
  (void)lone.receive(lone.world.checkpoint_vote(1, r(0)));
  (void)lone.receive(lone.world.checkpoint_vote(1, r(2)));
  told = waiting(lone);
  EXPECT_FALSE(told.checkpoint);
  EXPECT_EQ(told.stable, Sequence{1});
}

TEST(Waiting, WhatPeersExecutedIsTheirOwnWord) {
  Lone lone(4, r(1));
  (void)lone.step(StatusArrived{r(3), report_of(17)});
  EXPECT_EQ(waiting(lone).furthest, Sequence{17});
  EXPECT_EQ(waiting(lone).executed, Sequence{0});
}

}  // namespace
}  // namespace quorate::pbft
