// One replica at the edge of a view: what a new primary must bring together, and what a backup
// demands of it. The test plays everybody else.

#include <gtest/gtest.h>

#include <set>

#include "tests/support/pbft_lone.h"

namespace quorate::pbft::test {
namespace {

using Why = MessageIgnored::Why;

// The primary stays silent for T, and the replica is called at its deadlines.
Output wait_for_the_primary(Lone& lone) {
  Output out;
  for (int i = 0; i < 40 && lone.replica.in_view(); ++i) out = lone.tick_after(25);
  EXPECT_FALSE(lone.replica.in_view());
  return out;
}

// Replicas 2 and 3 move to view 1 with `prepared`; the lone replica 1 joins them and opens it.
Output open_view_one(Lone& lone, const std::vector<PreparedCertificate>& prepared) {
  (void)lone.receive(lone.world.view_change({1}, r(2), prepared));
  return lone.receive(lone.world.view_change({1}, r(3), prepared));
}

TEST(NewPrimary, JoinsFPlusOneOthersAndOpensItsView) {
  Lone lone(4, r(1));
  EXPECT_TRUE(sent<ViewChange>(lone.receive(lone.world.view_change({1}, r(2)))).empty())
      << "one alone moves nobody";
  const Output out = lone.receive(lone.world.view_change({1}, r(3)));
  EXPECT_EQ(sent<ViewChange>(out).size(), 1U);
  ASSERT_EQ(sent<NewView>(out).size(), 1U);
  EXPECT_EQ(sent<NewView>(out)[0].body.view_changes.size(), 3U);
  EXPECT_EQ(records<ViewChangeRecord>(out).size(), 1U);
  EXPECT_EQ(records<TranscriptRecord>(out).size(), 1U);
  EXPECT_TRUE(lone.replica.in_view());
  EXPECT_EQ(lone.replica.view(), View{1});
}

// Pitfall 36: the request of a chosen digest is missing after NEW-VIEW.
TEST(NewPrimary, AsksForTheBatchAndTheBodiesThatItMustProposeAgain) {
  Lone lone(4, r(1));
  const TransactionPtr body = lone.world.transaction();
  const PrePrepare prepared = lone.world.pre_prepare(batch_of(1, {body}));
  Output out = open_view_one(lone, {lone.world.prepared(prepared)});
  EXPECT_TRUE(sent<PrePrepare>(out).empty());
  ASSERT_EQ(sent<Ask>(out).size(), 1U);
  EXPECT_EQ(sent<Ask>(out)[0].batches,
            (std::vector<BatchName>{{{1}, prepared.vote.batch}}));
  out = lone.step(BatchArrived{r(2), prepared.batch});
  ASSERT_EQ(out.fetch_bodies.size(), 1U);
  out = lone.step(BodyArrived{body});
  ASSERT_EQ(sent<PrePrepare>(out).size(), 1U);
  EXPECT_EQ(sent<PrePrepare>(out)[0].vote.batch, prepared.vote.batch);
  EXPECT_EQ(sent<PrePrepare>(out)[0].vote.view, View{1});
  EXPECT_EQ(records<BodyRecord>(out).size(), 1U) << "its pre-prepare vouches for the body";
}

TEST(NewPrimary, TakesNoOtherBatchForTheOneItAskedFor) {
  Lone lone(4, r(1));
  const PrePrepare prepared = lone.world.pre_prepare(batch_of(1, {lone.world.transaction()}));
  (void)open_view_one(lone, {lone.world.prepared(prepared)});
  const Output out = lone.step(BatchArrived{r(2), batch_of(1, {lone.world.transaction()})});
  EXPECT_TRUE(ignored_because(out, Why::kNotAsked));
  EXPECT_TRUE(out.fetch_bodies.empty());
}

TEST(NewPrimary, ProposesNothingFreshBeforeWhatItMustProposeAgain) {
  Lone lone(4, r(1));
  const PrePrepare prepared = lone.world.pre_prepare(batch_of(2, {lone.world.transaction()}));
  (void)open_view_one(lone, {lone.world.prepared(prepared)});
  const Output out = lone.step(TransactionReady{lone.world.transaction()});
  EXPECT_TRUE(sent<PrePrepare>(out).empty());
  EXPECT_TRUE(lone.replica.slots().at({1}).proposal) << "but the null batch before it";
}

// What waited for the view change would take long to commit in one batch.
TEST(NewPrimary, FirstNewBatchIsSmallAndAlone) {
  Lone lone(4, r(1));
  (void)lone.ready(100);
  const auto first = sent<PrePrepare>(open_view_one(lone, {}));
  ASSERT_EQ(first.size(), 1U);
  EXPECT_EQ(first[0].batch.ids.size(), 32U);

  Output out;
  for (const std::size_t i : {2, 3}) out = lone.receive(lone.world.prepare(first[0], r(i)));
  EXPECT_TRUE(sent<PrePrepare>(out).empty());
  for (const std::size_t i : {2, 3}) out = lone.receive(lone.world.commit(first[0], r(i)));
  const auto second = sent<PrePrepare>(out);
  ASSERT_EQ(second.size(), 1U);
  EXPECT_EQ(second[0].batch.ids.size(), 68U);
}

// --- what a backup demands -----------------------------------------------------------------------

struct Backup {
  Backup() : lone(4, r(3)), body(lone.ready()[0]) {}

  // The view begins as a NEW-VIEW of replicas 0, 1 and 2 says.
  Output enter(std::uint64_t view, const std::vector<PreparedCertificate>& prepared) {
    std::vector<ViewChange> v;
    for (std::size_t i = 0; i < 3; ++i) v.push_back(lone.world.view_change({view}, r(i), prepared));
    for (const ViewChange& message : v) (void)lone.receive(message);
    const NewView message = lone.world.new_view(v);
    opened = view_vote(message.body).content;
    return lone.receive(message);
  }

  Lone lone;
  TransactionPtr body;
  Digest opened;
};

TEST(NewView, BackupPreparesNothingButThePlan) {
  Backup backup;
  World& world = backup.lone.world;
  const PrePrepare old = world.pre_prepare(batch_of(1, {backup.body}));
  (void)backup.enter(1, {world.prepared(old)});
  ASSERT_EQ(backup.lone.replica.view(), View{1});
  const Output refused =
      backup.lone.receive(world.pre_prepare(batch_of(1, {}), {1}, backup.opened));
  EXPECT_TRUE(ignored_because(refused, Why::kNotTheReproposal));
  EXPECT_TRUE(sent<Prepare>(refused).empty());
  const Output good = backup.lone.receive(world.pre_prepare(old.batch, {1}, backup.opened));
  EXPECT_EQ(sent<Prepare>(good).size(), 1U);
}

TEST(NewView, VotesUnderAnotherNewViewDoNotCount) {
  Backup backup;
  (void)backup.enter(1, {});
  const Digest other = crypto::sha256(as_bytes("another NEW-VIEW"));
  const Output out =
      backup.lone.receive(backup.lone.world.pre_prepare(batch_of(1, {backup.body}), {1}, other));
  EXPECT_TRUE(ignored_because(out, Why::kOtherNewView));
}

// Pitfall 3 and OSDI '99 §4.4: without the VIEW-CHANGEs that it names, a NEW-VIEW moves nobody.
TEST(NewView, MovesNobodyBeforeWhatItNamesIsHere) {
  Backup backup;
  World& world = backup.lone.world;
  std::vector<ViewChange> v;
  for (std::size_t i = 0; i < 3; ++i) v.push_back(world.view_change({1}, r(i)));
  const Output out = backup.lone.receive(world.new_view(v));
  EXPECT_EQ(backup.lone.replica.view(), View{0});
  ASSERT_EQ(sent<Ask>(out).size(), 1U);
  EXPECT_EQ(sent<Ask>(out)[0].view_changes.size(), 3U);
}

// An answer may be lost, and who was asked may be down.
TEST(NewView, WhatItNamesIsAskedOfEachPeerInTurn) {
  Backup backup;
  World& world = backup.lone.world;
  std::vector<ViewChange> v;
  for (std::size_t i = 0; i < 3; ++i) v.push_back(world.view_change({1}, r(i)));
  (void)backup.lone.receive(world.new_view(v));
  std::set<ReplicaId> asked;
  for (int i = 0; i < 60; ++i) {
    for (const Send& send : backup.lone.tick_after(25).send) {
      if (std::holds_alternative<Ask>(send.message)) asked.insert(send.to.value_or(r(3)));
    }
  }
  EXPECT_EQ(asked, (std::set<ReplicaId>{r(0), r(1), r(2)}));
}

// Who cannot move by a VIEW-CHANGE of its own follows the others' NEW-VIEW all the same.
TEST(NewView, LearnerFollowsIt) {
  Lone lone(4, r(3), {}, start_at_genesis(), true);
  std::vector<ViewChange> v;
  for (std::size_t i = 0; i < 3; ++i) v.push_back(lone.world.view_change({1}, r(i)));
  for (const ViewChange& message : v) (void)lone.receive(message);
  EXPECT_EQ(lone.replica.view(), View{0});
  (void)lone.receive(lone.world.new_view(v));
  EXPECT_EQ(lone.replica.view(), View{1});
  EXPECT_TRUE(lone.replica.in_view());
}

TEST(NewView, ProposalThatOvertakesItWaits) {
  Backup backup;
  World& world = backup.lone.world;
  std::vector<ViewChange> v;
  for (std::size_t i = 0; i < 3; ++i) v.push_back(world.view_change({1}, r(i)));
  const NewView message = world.new_view(v);
  const PrePrepare early =
      world.pre_prepare(batch_of(1, {backup.body}), {1}, view_vote(message.body).content);
  EXPECT_TRUE(sent<Prepare>(backup.lone.receive(early)).empty());
  for (const ViewChange& named : v) (void)backup.lone.receive(named);
  EXPECT_EQ(sent<Prepare>(backup.lone.receive(message)).size(), 1U);
}

// A backup is in a view whose plan has a batch that was prepared under an earlier NEW-VIEW.
struct BehindAPEntry : Backup {
  // `behind` names the VIEW-CHANGEs `first`; then comes `next_view`, and its primary proposes the
  // batch again.
  BehindAPEntry(std::vector<ViewChange> named, std::uint64_t next_view)
      : first(std::move(named)), behind(lone.world.new_view(first)) {
    const PrePrepare old = lone.world.pre_prepare(
        batch_of(1, {body}), behind.body.view, view_vote(behind.body).content);
    entered = enter(next_view, {lone.world.prepared(old)});
    proposed = lone.receive(lone.world.pre_prepare(old.batch, {next_view}, opened));
  }

  // The NEW-VIEW behind the entry arrives, with all that it names. What the last message causes.
  Output receive_transcript() {
    (void)lone.receive(behind);
    Output out;
    for (const ViewChange& named : first) out = lone.receive(named);
    return out;
  }

  std::vector<ViewChange> first;
  NewView behind;
  Output entered;
  Output proposed;
};

std::vector<ViewChange> view_changes(const World& world, std::uint64_t view,
                                     std::initializer_list<std::size_t> replicas) {
  std::vector<ViewChange> result;
  for (const std::size_t i : replicas) result.push_back(world.view_change({view}, r(i)));
  return result;
}

// DESIGN §4, Accountability: what stands behind a P entry is stored before anyone relies on it.
TEST(NewView, TranscriptBehindAPEntryIsStoredBeforeTheBackupPrepares) {
  BehindAPEntry backup(view_changes(World(4), 1, {0, 1, 2}), 2);
  ASSERT_EQ(sent<Ask>(backup.entered).size(), 1U);
  EXPECT_EQ(sent<Ask>(backup.entered)[0].new_views,
            std::vector<Digest>{view_vote(backup.behind.body).content});
  EXPECT_TRUE(sent<Prepare>(backup.proposed).empty());
  const Output out = backup.receive_transcript();
  EXPECT_EQ(records<TranscriptRecord>(out).size(), 1U);
  EXPECT_EQ(sent<Prepare>(out).size(), 1U);
}

// Found by simulation: among it may be what this replica signed itself, in a life whose votes it
// lost. Whoever threw that away asked for it for ever, and never prepared.
TEST(NewView, TranscriptBehindAPEntryMayNameOurOwnForgottenViewChange) {
  BehindAPEntry backup(view_changes(World(4), 1, {1, 2, 3}), 2);
  const Output out = backup.receive_transcript();
  EXPECT_EQ(records<TranscriptRecord>(out).size(), 1U);
  EXPECT_EQ(sent<Prepare>(out).size(), 1U);
}

TEST(NewView, BehindAPEntryMayBeOurOwnForgottenOne) {
  // Replica 3, the backup, was the primary of view 3.
  BehindAPEntry backup(view_changes(World(4), 3, {0, 1, 2}), 4);
  const Output out = backup.receive_transcript();
  EXPECT_EQ(records<TranscriptRecord>(out).size(), 1U);
  EXPECT_EQ(sent<Prepare>(out).size(), 1U);
}

// OSDI '99 §4.4: "the replica stops accepting messages (other than checkpoint, view-change, and
// new-view messages)".
// Pitfall 5: P survives a view in which nothing was prepared.
TEST(ViewLeft, PreparedCertificateSurvivesAViewThatBroughtNothing) {
  Backup backup;
  Lone& lone = backup.lone;
  const PrePrepare proposal = lone.world.pre_prepare(batch_of(1, {backup.body}));
  (void)lone.receive(proposal);
  (void)lone.receive(lone.world.prepare(proposal, r(1)));
  (void)backup.enter(1, {});
  ASSERT_EQ(lone.replica.view(), View{1});
  const auto moves = sent<ViewChange>(wait_for_the_primary(lone));
  ASSERT_EQ(moves.size(), 1U);
  EXPECT_EQ(moves[0].body.view, View{2});
  ASSERT_EQ(moves[0].body.prepared.size(), 1U);
  EXPECT_EQ(moves[0].body.prepared[0].pre_prepare, proposal.vote);
}

// Found by simulation: the null batches that a recovering replica asks for need a quorum too, and
// nothing is ready on an idle network.
TEST(ViewLeft, WhenTheBatchInTurnFindsNoQuorumThoughNothingIsReady) {
  Lone lone(4, r(3));
  (void)lone.receive(lone.world.pre_prepare(batch_of(1, {})));
  EXPECT_EQ(sent<ViewChange>(wait_for_the_primary(lone)).size(), 1U);
}

TEST(ViewLeft, NotForABodyThatOnlyThisReplicaLacks) {
  Lone lone(4, r(3));
  const PrePrepare proposal = lone.world.pre_prepare(batch_of(1, {lone.world.transaction()}));
  (void)lone.receive(proposal);
  for (const std::size_t i : {0, 1, 2}) (void)lone.receive(lone.world.commit(proposal, r(i)));
  for (int i = 0; i < 40; ++i) (void)lone.tick_after(25);
  EXPECT_TRUE(lone.replica.in_view());
}

TEST(ViewLeft, NothingOfItIsVotedForAnyMore) {
  Lone lone(4, r(3));
  const auto bodies = lone.ready(1);
  (void)wait_for_the_primary(lone);
  const PrePrepare late = lone.world.pre_prepare(batch_of(1, bodies));
  EXPECT_TRUE(sent<Prepare>(lone.receive(late)).empty());
}

// ... but a quorum of its commits still decides (pitfall 8).
TEST(ViewLeft, QuorumOfItsCommitsIsStillHandedOut) {
  Lone lone(4, r(3));
  const auto bodies = lone.ready(1);
  const PrePrepare proposal = lone.world.pre_prepare(batch_of(1, bodies));
  (void)lone.receive(proposal);
  (void)wait_for_the_primary(lone);
  Output out;
  for (const std::size_t i : {0, 1, 2}) out = lone.receive(lone.world.commit(proposal, r(i)));
  EXPECT_EQ(out.commit.size(), 1U);
}

TEST(ViewLeft, ViewChangeCarriesCheckpointAndPreparedCertificates) {
  Lone lone(4, r(3));
  (void)lone.receive(lone.world.stable(16));
  const PrePrepare proposal = lone.world.pre_prepare(batch_of(17, lone.ready(2)));
  (void)lone.receive(proposal);
  (void)lone.receive(lone.world.prepare(proposal, r(1)));
  (void)lone.receive(lone.world.prepare(proposal, r(2)));
  const auto moves = sent<ViewChange>(wait_for_the_primary(lone));
  ASSERT_EQ(moves.size(), 1U);
  EXPECT_TRUE(lone.world.verifier().check(moves[0]));
  EXPECT_EQ(moves[0].body.stable->note.sequence, Sequence{16});
  ASSERT_EQ(moves[0].body.prepared.size(), 1U);
  EXPECT_EQ(moves[0].body.prepared[0].pre_prepare.batch, proposal.vote.batch);
}

}  // namespace
}  // namespace quorate::pbft::test
