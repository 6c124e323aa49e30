// Castro & Liskov, "Practical Byzantine Fault Tolerance" (OSDI '99), §4.3 and §4.4 sentence by
// sentence, as paper_test.cc does for §4.2. "2f+1" reads quorum, "2f" quorum - 1.

#include <gtest/gtest.h>

#include "ledger/quorum.h"
#include "tests/support/pbft_lone.h"

namespace quorate::pbft::test {
namespace {

using Why = MessageIgnored::Why;

// -- §4.3, garbage collection --------------------------------------------------------------------

// Executes `sequence`, at which a checkpoint is due, as everybody else does.
Output reach_checkpoint(Lone& lone, std::uint64_t sequence, std::string_view state = "state") {
  const PrePrepare proposal = lone.world.pre_prepare(batch_of(sequence, lone.ready()));
  (void)lone.receive(proposal);
  for (std::size_t i = 0; i < lone.world.size(); ++i) {
    (void)lone.receive(lone.world.commit(proposal, r(i)));
  }
  BatchExecuted report = executed_batch(sequence, proposal.batch.ids);
  report.checkpoint = lone.world.checkpoint(sequence, state);
  return lone.step(report);
}

// "When a replica i produces a checkpoint, it multicasts a message <CHECKPOINT, n, d, i> to the
// other replicas", n the last sequence in the state and d its digest.
TEST(PaperCheckpoint, ReplicaThatProducesOneMulticastsItsSequenceAndDigest) {
  Lone lone(4, r(1));
  const Output out = reach_checkpoint(lone, 1);
  ASSERT_EQ(sent<CheckpointVote>(out).size(), 1U);
  const CheckpointVote vote = sent<CheckpointVote>(out)[0];
  EXPECT_EQ(vote.note.sequence, Sequence{1});
  EXPECT_EQ(vote.note, lone.world.checkpoint(1).note);
  EXPECT_EQ(vote.replica, r(1));
  for (const Send& send : out.send) {
    if (std::holds_alternative<CheckpointVote>(send.message)) {
      EXPECT_EQ(send.to, std::nullopt);
    }
  }
}

// "Each replica collects checkpoint messages in its log until it has 2f+1 of them for sequence
// number n with the same digest d signed by different replicas (including possibly its own such
// message)."
TEST(PaperCheckpoint, QuorumOfEqualOnesIsStableOwnIncluded) {
  Lone lone(4, r(1));
  (void)reach_checkpoint(lone, 1);
  (void)lone.receive(lone.world.checkpoint_vote(1, r(2)));
  EXPECT_FALSE(lone.replica.stable());
  (void)lone.receive(lone.world.checkpoint_vote(1, r(2)));
  EXPECT_FALSE(lone.replica.stable()) << "different replicas";
  (void)lone.receive(lone.world.checkpoint_vote(1, r(3), "another"));
  EXPECT_FALSE(lone.replica.stable()) << "the same digest";
  const Output out = lone.receive(lone.world.checkpoint_vote(1, r(0)));
  ASSERT_TRUE(lone.replica.stable());
  EXPECT_EQ(lone.replica.stable()->cosignatures.size(), ledger::quorum(4));
}

// "These 2f+1 messages are the proof of correctness for the checkpoint." A proof convinces whoever
// was not there.
TEST(PaperCheckpoint, ProofIsTheQuorumOfThem) {
  Lone lone(4, r(1));
  Output out;
  for (const std::size_t i : {0, 2, 3}) out = lone.receive(lone.world.checkpoint_vote(8, r(i)));
  ASSERT_TRUE(out.stable);
  EXPECT_TRUE(lone.world.verifier().check(*out.stable));
  Lone stranger(4, r(2));
  (void)stranger.receive(*out.stable);
  EXPECT_EQ(stranger.replica.low_watermark(), Sequence{8});
}

// "A checkpoint with a proof becomes stable and the replica discards all pre-prepare, prepare, and
// commit messages with sequence number less than or equal to n from its log; it also discards all
// earlier checkpoints and checkpoint messages."
TEST(PaperCheckpoint, StableOneDiscardsWhatItCovers) {
  Lone lone(4, r(1));
  for (const std::uint64_t sequence : {15, 16, 17}) {
    (void)lone.receive(lone.world.pre_prepare(batch_of(sequence, {})));
  }
  (void)lone.receive(lone.world.checkpoint_vote(8, r(0)));
  (void)lone.receive(lone.world.stable(16));
  EXPECT_EQ(lone.replica.open_slots(), 1U);
  EXPECT_TRUE(lone.replica.slots().contains({17}));
  EXPECT_EQ(lone.replica.checkpoints().find(r(0), {8}), nullptr);
  (void)lone.receive(lone.world.checkpoint_vote(8, r(2)));
  EXPECT_EQ(lone.replica.checkpoints().find(r(2), {8}), nullptr);
}

// "The low-water mark h is equal to the sequence number of the last stable checkpoint. The high
// water mark H = h + k, where k is big enough so that replicas do not stall waiting for a
// checkpoint to become stable." Here k is 4W, and K at most half of it.
TEST(PaperCheckpoint, WatermarksFollowTheLastStableOne) {
  Lone lone(4, r(1));
  EXPECT_EQ(lone.replica.low_watermark(), Sequence{0});
  const std::uint64_t window = 4 * lone.world.parameters().window_batches;
  EXPECT_EQ(lone.replica.high_watermark(), Sequence{window});
  (void)lone.receive(lone.world.stable(16));
  EXPECT_EQ(lone.replica.low_watermark(), Sequence{16});
  EXPECT_EQ(lone.replica.high_watermark(), Sequence{16 + window});
  (void)lone.receive(lone.world.stable(8));
  EXPECT_EQ(lone.replica.low_watermark(), Sequence{16}) << "the last one";
  EXPECT_LE(2 * lone.world.parameters().checkpoint_interval, window);
}

// "... messages must be kept in a replica's log until it knows that the requests they concern have
// been executed by at least f+1 non-faulty replicas": its own execution is not enough.
TEST(PaperCheckpoint, ExecutedMessagesAreKeptUntilOneIsStable) {
  Lone lone(4, r(1));
  (void)lone.commit_and_execute(1);
  EXPECT_EQ(lone.replica.executed(), Sequence{1});
  EXPECT_TRUE(lone.replica.slots().contains({1}));
}

// -- §4.4, the backup that gives up on its primary -----------------------------------------------

// Calls the replica at its deadlines until it left its view, for so long at most.
Output wait_until_it_leaves(Lone& lone, std::uint64_t ms) {
  Output out;
  for (std::uint64_t i = 0; i < ms / 25 && lone.replica.in_view(); ++i) out = lone.tick_after(25);
  return out;
}

// A primary does not give up on itself, so its host is not called every millisecond for it.
TEST(PaperViewChange, PrimaryThatIsStuckHasNoTimer) {
  Lone lone(4, r(0));
  (void)lone.ready();
  EXPECT_EQ(lone.replica.patience_ends_ms(), std::nullopt);
  std::size_t ticks = 0;
  for (const std::uint64_t end_ms = lone.now.monotonic_ms + 20'000;
       lone.deadline_ms.value_or(end_ms) < end_ms; ++ticks) {
    (void)lone.tick_after(*lone.deadline_ms - lone.now.monotonic_ms);
  }
  EXPECT_LT(ticks, 20U) << "a report each, at a growing distance";
}

// "A backup is waiting for a request if it received a valid request and has not executed it. A
// backup starts a timer when it receives a request and the timer is not already running."
TEST(PaperViewChange, TimerRunsWhileTheBackupWaitsForARequest) {
  Lone lone(4, r(2));
  EXPECT_EQ(lone.replica.patience_ends_ms(), std::nullopt);
  (void)lone.ready();
  const auto first = lone.replica.patience_ends_ms();
  ASSERT_TRUE(first);
  EXPECT_EQ(*first, lone.now.monotonic_ms + lone.replica.timeout_ms());
  (void)lone.tick_after(100);
  (void)lone.ready();
  EXPECT_EQ(lone.replica.patience_ends_ms(), first) << "it runs already";
}

// "It stops the timer when it is no longer waiting to execute the request, but restarts it if at
// that point it is waiting to execute some other request."
TEST(PaperViewChange, TimerStopsWithTheRequestAndRestartsForAnother) {
  Lone lone(4, r(2));
  const std::vector<TransactionPtr> both = lone.ready(2);
  for (std::uint64_t sequence = 1; sequence <= 2; ++sequence) {
    (void)lone.tick_after(200);
    const PrePrepare proposal = lone.world.pre_prepare(batch_of(sequence, {both[sequence - 1]}));
    (void)lone.receive(proposal);
    for (std::size_t i = 0; i < 4; ++i) (void)lone.receive(lone.world.commit(proposal, r(i)));
    (void)lone.step(executed_batch(sequence, proposal.batch.ids));
    if (sequence == 1) {
      EXPECT_EQ(lone.replica.patience_ends_ms(),
                lone.now.monotonic_ms + lone.replica.timeout_ms());
    }
  }
  // What runs now waits for the checkpoint, and is longer.
  EXPECT_GT(lone.replica.patience_ends_ms().value_or(UINT64_MAX),
            lone.now.monotonic_ms + lone.replica.timeout_ms());
}

// "If the timer of backup i expires in view v, the backup starts a view change to move the system
// to view v+1." It "multicasts a <VIEW-CHANGE, v+1, n, C, P, i> message to all replicas".
TEST(PaperViewChange, ExpiryMovesTheBackupToTheNextView) {
  Lone lone(4, r(2));
  (void)lone.ready();
  EXPECT_TRUE(sent<ViewChange>(wait_until_it_leaves(lone, 900)).empty());
  const Output out = wait_until_it_leaves(lone, 200);
  ASSERT_EQ(sent<ViewChange>(out).size(), 1U);
  const ViewChange message = sent<ViewChange>(out)[0];
  EXPECT_EQ(message.body.view, View{1});
  EXPECT_EQ(message.body.replica, r(2));
  EXPECT_EQ(records<ViewChangeRecord>(out).size(), 1U);
  EXPECT_TRUE(lone.world.verifier().check(message));
}

// "It stops accepting messages (other than checkpoint, view-change, and new-view messages)". What
// may still come is evidence and a quorum's decision; nothing of it is voted for.
TEST(PaperViewChange, WhoMovesTakesCheckpointsAndVotesForNothing) {
  Lone lone(4, r(2));
  const std::vector<TransactionPtr> bodies = lone.ready();
  (void)wait_until_it_leaves(lone, 1100);
  ASSERT_FALSE(lone.replica.in_view());
  const Output late = lone.receive(lone.world.pre_prepare(batch_of(1, bodies)));
  EXPECT_TRUE(ignored_because(late, Why::kNotInView));
  EXPECT_TRUE(sent<Prepare>(late).empty());
  (void)lone.receive(lone.world.stable(16));
  EXPECT_EQ(lone.replica.low_watermark(), Sequence{16});
}

// "Here n is the sequence number of the last stable checkpoint s known to i, C is a set of 2f+1
// valid checkpoint messages proving the correctness of s, and P is a set containing a set Pm for
// each request m that prepared at i with a sequence number higher than n. Each set Pm contains a
// valid pre-prepare message (without the corresponding client message) and 2f matching, valid
// prepare messages signed by different backups".
TEST(PaperViewChange, ItCarriesTheCheckpointsProofAndWhatPreparedAboveIt) {
  Lone lone(4, r(2));
  const auto propose = [&](std::uint64_t sequence, bool prepares) {
    const PrePrepare proposal = lone.world.pre_prepare(batch_of(sequence, lone.ready()));
    (void)lone.receive(proposal);
    if (prepares) (void)lone.receive(lone.world.prepare(proposal, r(3)));
    return proposal.vote;
  };
  (void)propose(16, true);
  const Vote prepared = propose(17, true);
  (void)propose(18, false);
  (void)lone.receive(lone.world.stable(16));
  const auto messages = sent<ViewChange>(wait_until_it_leaves(lone, 1100));
  ASSERT_EQ(messages.size(), 1U);
  const ViewChangeBody& body = messages[0].body;
  ASSERT_TRUE(body.stable);
  EXPECT_EQ(body.stable->note.sequence, Sequence{16});
  EXPECT_EQ(body.stable->cosignatures.size(), ledger::quorum(4));
  ASSERT_EQ(body.prepared.size(), 1U);
  EXPECT_EQ(body.prepared[0].pre_prepare, prepared);
  EXPECT_EQ(body.prepared[0].prepares.size(), ledger::quorum(4) - 1);
}

// -- §4.4, the new primary -----------------------------------------------------------------------

// A network in which everybody but `lone` moves to a view, with what each has prepared.
struct Movers {
  explicit Movers(ReplicaId self) : lone(4, self) {}

  ViewChange moves(std::size_t replica, std::uint64_t view,
                   std::vector<PreparedCertificate> prepared = {},
                   std::optional<StableCheckpoint> stable = {}) {
    return lone.world.view_change({view}, r(replica), std::move(prepared), std::move(stable));
  }
  PrePrepare propose(std::uint64_t sequence, std::uint64_t view = 0, const Digest& opened = {}) {
    return lone.world.pre_prepare(batch_of(sequence, lone.ready()), {view}, opened);
  }

  Lone lone;
};

// "When the primary p of view v+1 receives 2f valid view-change messages for view v+1 from other
// replicas, it multicasts a <NEW-VIEW, v+1, V, O> message to all other replicas", V with its own.
// Here V names them by digest, and O follows from V.
TEST(PaperViewChange, NewPrimaryOpensTheViewOnQuorumLessOneOthers) {
  Movers net(r(1));
  EXPECT_TRUE(sent<NewView>(net.lone.receive(net.moves(0, 1))).empty());
  const Output out = net.lone.receive(net.moves(3, 1));
  ASSERT_EQ(sent<NewView>(out).size(), 1U);
  const NewView message = sent<NewView>(out)[0];
  EXPECT_EQ(message.body.view, View{1});
  ASSERT_EQ(message.body.view_changes.size(), ledger::quorum(4));
  EXPECT_EQ(message.body.view_changes[1].replica, r(1)) << "its own";
  EXPECT_TRUE(net.lone.world.verifier().check(message));
}

TEST(PaperViewChange, NobodyElseOpensIt) {
  Movers net(r(2));
  Output out = net.lone.receive(net.moves(0, 1));
  EXPECT_TRUE(sent<NewView>(out).empty());
  out = net.lone.receive(net.moves(3, 1));
  EXPECT_EQ(sent<ViewChange>(out).size(), 1U);
  EXPECT_TRUE(sent<NewView>(out).empty());
}

// "The primary determines the sequence number min-s of the latest stable checkpoint in V and the
// highest sequence number max-s in a prepare message in V." Between them, it proposes "the request
// digest in the pre-prepare message for sequence number n with the highest view number in V", or
// else a null request.
TEST(PaperViewChange, OHasWhatPreparedLastAndNullRequestsBetweenMinSAndMaxS) {
  World world(4);
  const Digest opened = crypto::sha256(as_bytes("NEW-VIEW"));
  const auto prepared_at = [&](std::uint64_t sequence, std::uint64_t view) {
    return world.prepared(world.pre_prepare(batch_of(sequence, {world.transaction()}), {view},
                                            view == 0 ? Digest{} : opened));
  };
  const PreparedCertificate settled = prepared_at(16, 0);
  const PreparedCertificate older = prepared_at(18, 0);
  const PreparedCertificate newer = prepared_at(18, 1);
  const std::vector<ViewChange> v{
      world.view_change({2}, r(0), {older}, world.stable(8)),
      world.view_change({2}, r(1), {newer}, world.stable(16)),
      world.view_change({2}, r(2), {settled}, world.stable(8))};
  const NewViewPlan plan = plan_new_view(v);
  EXPECT_EQ(plan.low, Sequence{16});
  EXPECT_EQ(plan.high, Sequence{18});
  ASSERT_EQ(plan.slots.size(), 2U);
  EXPECT_TRUE(plan.slots[0].is_null);
  EXPECT_EQ(plan.slots[0].batch, ledger::digest_of_batch(ledger::null_batch({17}).header));
  EXPECT_FALSE(plan.slots[1].is_null);
  EXPECT_EQ(plan.slots[1].batch, newer.pre_prepare.batch);
}

// "Next the primary appends the messages in O to its log."
TEST(PaperViewChange, NewPrimaryLogsAndMulticastsWhatItProposesAgain) {
  Movers net(r(1));
  const PrePrepare old = net.propose(2);
  (void)net.lone.receive(old);
  (void)net.lone.receive(net.moves(0, 1, {net.lone.world.prepared(old)}));
  const Output out = net.lone.receive(net.moves(3, 1));
  const auto again = sent<PrePrepare>(out);
  ASSERT_EQ(again.size(), 2U);
  EXPECT_EQ(again[0].vote.batch, ledger::digest_of_batch(ledger::null_batch({1}).header));
  EXPECT_EQ(again[1].vote.batch, old.vote.batch);
  EXPECT_EQ(again[1].vote.view, View{1});
  EXPECT_EQ(records<ProposalRecord>(out).size(), 2U);
  EXPECT_EQ(records<TranscriptRecord>(out).size(), 1U);
}

// "If min-s is greater than the sequence number of its latest stable checkpoint, the primary also
// inserts the proof of stability for the checkpoint with sequence number min-s in its log, and
// discards information from the log as discussed in Section 4.3."
TEST(PaperViewChange, NewPrimaryTakesOverTheLatestCheckpointInV) {
  Movers net(r(1));
  (void)net.lone.receive(net.propose(3));
  (void)net.lone.receive(net.moves(0, 1, {}, net.lone.world.stable(16)));
  const Output out = net.lone.receive(net.moves(3, 1));
  EXPECT_EQ(net.lone.replica.low_watermark(), Sequence{16});
  EXPECT_EQ(records<StableRecord>(out).size(), 1U);
  EXPECT_EQ(net.lone.replica.open_slots(), 0U);
}

// "Then it enters view v+1: at this point it is able to accept messages for view v+1."
TEST(PaperViewChange, NewPrimaryIsInItsView) {
  Movers net(r(1));
  (void)net.lone.receive(net.moves(0, 1));
  const Output out = net.lone.receive(net.moves(3, 1));
  EXPECT_TRUE(net.lone.replica.in_view());
  EXPECT_EQ(net.lone.replica.view(), View{1});
  EXPECT_EQ(events<ViewEntered>(out).size(), 1U);
  const Output fresh = net.lone.step(TransactionReady{net.lone.world.transaction()});
  EXPECT_EQ(sent<PrePrepare>(fresh).size(), 1U);
}

// -- §4.4, the other backups ---------------------------------------------------------------------

// "A backup accepts a new-view message for view v+1 if it is signed properly, if the view-change
// messages it contains are valid for view v+1, and if the set O is correct".
TEST(PaperViewChange, BackupEntersOnlyWithTheViewChangesOfThatView) {
  Movers net(r(3));
  World& world = net.lone.world;
  const std::vector<ViewChange> v{net.moves(0, 1), net.moves(1, 1), net.moves(2, 1)};
  const NewView message = world.new_view(v);
  NewView forged = message;
  forged.signature = world.view_change({1}, r(0)).signature;
  EXPECT_FALSE(world.verifier().check(forged));
  (void)net.lone.receive(message);
  EXPECT_EQ(net.lone.replica.view(), View{0});
  // Of another view, they are not what it names.
  for (std::size_t i = 0; i < 3; ++i) (void)net.lone.receive(net.moves(i, 2));
  EXPECT_FALSE(net.lone.replica.in_view() && net.lone.replica.view() == View{1});
  Lone other(4, r(3));
  (void)other.receive(message);
  for (const ViewChange& named : v) (void)other.receive(named);
  EXPECT_TRUE(other.replica.in_view());
  EXPECT_EQ(other.replica.view(), View{1});
}

// It "multicasts a prepare for each message in O to all the other replicas, adds these prepares to
// its log, and enters view v+1".
TEST(PaperViewChange, BackupPreparesWhatIsProposedAgain) {
  Movers net(r(3));
  World& world = net.lone.world;
  const PrePrepare old = net.propose(2);
  const std::vector<ViewChange> v{net.moves(0, 1, {world.prepared(old)}), net.moves(1, 1),
                                  net.moves(2, 1)};
  for (const ViewChange& message : v) (void)net.lone.receive(message);
  const NewView message = world.new_view(v);
  (void)net.lone.receive(message);
  ASSERT_EQ(net.lone.replica.reproposed_up_to(), Sequence{2});
  const Digest opened = view_vote(message.body).content;
  const std::vector<Batch> o{ledger::null_batch({1}), old.batch};
  for (const Batch& batch : o) {
    const Output out = net.lone.receive(world.pre_prepare(batch, {1}, opened));
    ASSERT_EQ(sent<Prepare>(out).size(), 1U);
    EXPECT_EQ(sent<Prepare>(out)[0].vote.new_view, opened);
    EXPECT_EQ(records<ProposalRecord>(out).size(), 1U);
  }
}

// "Replicas redo the protocol for messages between min-s and max-s but they avoid re-executing
// client requests".
TEST(PaperViewChange, WhatWasExecutedIsVotedForAgainAndNotHandedOutAgain) {
  Movers net(r(3));
  Lone& lone = net.lone;
  const PrePrepare old = net.propose(1);
  (void)lone.receive(old);
  for (std::size_t i = 0; i < 3; ++i) (void)lone.receive(lone.world.commit(old, r(i)));
  (void)lone.step(executed_batch(1, old.batch.ids));
  const std::vector<ViewChange> v{net.moves(0, 1, {lone.world.prepared(old)}), net.moves(1, 1),
                                  net.moves(2, 1)};
  for (const ViewChange& message : v) (void)lone.receive(message);
  const NewView opens = lone.world.new_view(v);
  (void)lone.receive(opens);
  const PrePrepare again =
      lone.world.pre_prepare(old.batch, {1}, view_vote(opens.body).content);
  EXPECT_EQ(sent<Prepare>(lone.receive(again)).size(), 1U);
  for (std::size_t i = 0; i < 3; ++i) {
    EXPECT_TRUE(lone.receive(lone.world.commit(again, r(i))).commit.empty());
  }
}

// "A replica may be missing some request message m or a stable checkpoint (since these are not sent
// in new-view messages.) It can obtain missing information from another replica": the checkpoint
// from those who certified it.
TEST(PaperViewChange, MissingCheckpointIsAskedOfThoseWhoCertifiedIt) {
  Movers net(r(3));
  const std::vector<ViewChange> v{net.moves(0, 1, {}, net.lone.world.stable(16)),
                                  net.moves(1, 1), net.moves(2, 1)};
  for (const ViewChange& message : v) (void)net.lone.receive(message);
  Output out = net.lone.receive(net.lone.world.new_view(v));
  EXPECT_EQ(net.lone.replica.low_watermark(), Sequence{16});
  for (int i = 0; i < 10 && out.fetch_blocks.empty(); ++i) out = net.lone.tick_after(25);
  ASSERT_EQ(out.fetch_blocks.size(), 1U);
  EXPECT_EQ(out.fetch_blocks[0].first, Sequence{1});
  EXPECT_LT(out.fetch_blocks[0].from.value, ledger::quorum(4)) << "its cosigners";
}

// §4.5.2: "to avoid starting a view change too soon, a replica that multicasts a view-change
// message for view v+1 waits for 2f+1 view-change messages for view v+1 and then starts its timer
// to expire after some time T. If the timer expires before it receives a valid new-view message
// for v+1 or before it executes a request in the new view that it had not executed previously, it
// starts the view change for view v+2 but this time it will wait 2T".
TEST(PaperViewChange, TimerOfTheNextViewWaitsForAQuorumAndDoubles) {
  Movers net(r(3));
  Lone& lone = net.lone;
  (void)lone.ready();
  (void)wait_until_it_leaves(lone, 1100);
  ASSERT_FALSE(lone.replica.in_view());
  EXPECT_EQ(lone.replica.patience_ends_ms(), std::nullopt) << "it waits for the others";
  (void)lone.receive(net.moves(0, 1));
  EXPECT_EQ(lone.replica.patience_ends_ms(), std::nullopt);
  (void)lone.receive(net.moves(2, 1));
  EXPECT_EQ(lone.replica.patience_ends_ms(), lone.now.monotonic_ms + 1000);
  Output out;
  for (int i = 0; i < 200 && lone.replica.view() == View{1}; ++i) out = lone.tick_after(25);
  EXPECT_EQ(lone.replica.view(), View{2});
  ASSERT_EQ(sent<ViewChange>(out).size(), 1U);
  EXPECT_EQ(lone.replica.timeout_ms(), 2000U);
}

// §4.5.2: "if a replica receives a set of f+1 valid view-change messages from other replicas for
// views greater than its current view, it sends a view-change message for the smallest view in the
// set, even if its timer has not expired".
TEST(PaperViewChange, WeakQuorumPullsAReplicaToTheSmallestView) {
  Movers net(r(3));
  EXPECT_TRUE(sent<ViewChange>(net.lone.receive(net.moves(0, 7))).empty());
  const auto joined = sent<ViewChange>(net.lone.receive(net.moves(2, 5)));
  ASSERT_EQ(joined.size(), 1U);
  EXPECT_EQ(joined[0].body.view, View{5});
}

// §4.5.2: "faulty replicas are unable to impede progress by forcing frequent view changes", being
// fewer than f+1.
TEST(PaperViewChange, FaultyOnesAloneMoveNobody) {
  Movers net(r(3));
  for (std::uint64_t view = 1; view < 50; ++view) {
    EXPECT_TRUE(sent<ViewChange>(net.lone.receive(net.moves(0, view))).empty());
  }
  EXPECT_EQ(net.lone.replica.view(), View{0});
  EXPECT_TRUE(net.lone.replica.in_view());
}

}  // namespace
}  // namespace quorate::pbft::test
