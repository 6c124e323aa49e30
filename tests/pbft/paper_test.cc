// Walks the normal case of Castro & Liskov, "Practical Byzantine Fault Tolerance" (OSDI '99),
// sentence by sentence. "2f" reads quorum - 1 and "2f+1" quorum (DESIGN §1); n = 4, so f = 1 and
// the quorum is 3.

#include <gtest/gtest.h>

#include "ledger/quorum.h"
#include "tests/support/pbft_lone.h"

namespace quorate::pbft::test {
namespace {

using Why = MessageIgnored::Why;

// §4: "The primary of a view is replica p such that p = v mod |R|."
TEST(Paper, PrimaryIsTheViewModuloTheReplicas) {
  EXPECT_EQ(primary_of({0}, 4), r(0));
  EXPECT_EQ(primary_of({5}, 4), r(1));
  EXPECT_EQ(primary_of({UINT64_MAX}, 4), r(3));
  EXPECT_TRUE(Lone(4, r(0)).replica.is_primary());
  EXPECT_FALSE(Lone(4, r(1)).replica.is_primary());
}

// §4.2: "In the pre-prepare phase, the primary assigns a sequence number, n, to the request,
// multicasts a pre-prepare message ... to all the backups, and appends the message to its log."
TEST(Paper, PrimaryAssignsTheNextSequenceNumberMulticastsAndLogs) {
  Lone lone(4, r(0));
  const TransactionPtr first = lone.world.transaction();
  const Output out = lone.step(TransactionReady{first});
  ASSERT_EQ(out.send.size(), 1U);
  EXPECT_EQ(out.send[0].to, std::nullopt);
  const auto proposals = sent<PrePrepare>(out);
  ASSERT_EQ(proposals.size(), 1U);
  EXPECT_EQ(proposals[0].vote.sequence, Sequence{1});
  EXPECT_EQ(proposals[0].vote.view, View{0});
  EXPECT_EQ(proposals[0].batch.ids, std::vector<TxId>{first->id});
  EXPECT_EQ(records<ProposalRecord>(out).size(), 1U);
  EXPECT_EQ(records<BodyRecord>(out).size(), 1U);
  const Output more = lone.step(TransactionReady{lone.world.transaction()});
  ASSERT_EQ(sent<PrePrepare>(more).size(), 1U);
  EXPECT_EQ(sent<PrePrepare>(more)[0].vote.sequence, Sequence{2});
}

// §4.2: requests stay out of the pre-prepare, which keeps it small: it names ids, and the signature
// covers the digest of the batch only.
TEST(Paper, PrePrepareNamesTransactionsByIdAndIsSmall) {
  Lone lone(4, r(0));
  const TransactionPtr large = lone.world.transaction(100'000);
  const Output out = lone.step(TransactionReady{large});
  EXPECT_LT(crypto::encode(sent<PrePrepare>(out).at(0)).size(), 400U);
}

// §4.2: "A backup accepts a pre-prepare message provided: ..." and then "it enters the prepare
// phase by multicasting a <PREPARE, v, n, d, i> message to all other replicas and adds both
// messages to its log."
TEST(Paper, BackupThatAcceptsMulticastsAPrepareAndLogsBoth) {
  Lone lone(4, r(1));
  const PrePrepare proposal = lone.world.pre_prepare(batch_of(1, lone.ready()));
  const Output out = lone.receive(proposal);
  ASSERT_EQ(out.send.size(), 1U);
  EXPECT_EQ(out.send[0].to, std::nullopt);
  const auto prepares = sent<Prepare>(out);
  ASSERT_EQ(prepares.size(), 1U);
  EXPECT_EQ(prepares[0].vote, lone.world.prepare(proposal, r(1)).vote);
  EXPECT_EQ(prepares[0].signature, lone.world.prepare(proposal, r(1)).signature);
  EXPECT_EQ(prepares[0].pre_prepare, proposal.signature);
  const auto logged = records<ProposalRecord>(out);
  ASSERT_EQ(logged.size(), 1U);
  EXPECT_EQ(logged[0].pre_prepare.vote, proposal.vote);
  ASSERT_TRUE(logged[0].prepare);
  EXPECT_EQ(logged[0].prepare->vote, prepares[0].vote);
}

// "... it is in view v"
TEST(Paper, BackupIgnoresAPrePrepareOfAnotherView) {
  Lone lone(4, r(2));
  const Digest other = crypto::sha256(as_bytes("NEW-VIEW"));
  const Output out = lone.receive(lone.world.pre_prepare(batch_of(1, lone.ready()), {5}, other));
  EXPECT_TRUE(ignored_because(out, Why::kOtherView));
  EXPECT_TRUE(out.send.empty());
  EXPECT_EQ(lone.replica.open_slots(), 0U);
}

// "... it has not accepted a pre-prepare message for view v and sequence number n containing a
// different digest"
TEST(Paper, BackupAcceptsNoSecondDigestForOneSequenceNumber) {
  Lone lone(4, r(1));
  const auto bodies = lone.ready(2);
  (void)lone.receive(lone.world.pre_prepare(batch_of(1, {bodies[0]})));
  const Output out = lone.receive(lone.world.pre_prepare(batch_of(1, {bodies[1]})));
  EXPECT_TRUE(sent<Prepare>(out).empty());
  EXPECT_TRUE(records<ProposalRecord>(out).empty());
  EXPECT_EQ(lone.replica.slots().at({1}).proposal->batch.ids[0], bodies[0]->id);
}

// "... the sequence number in the pre-prepare message is between a low water mark, h, and a high
// water mark, H." Here h < n <= H.
TEST(Paper, BackupAcceptsSequenceNumbersBetweenTheWatermarksOnly) {
  Lone lone(4, r(1));
  (void)lone.receive(lone.world.stable(16));
  ASSERT_EQ(lone.replica.low_watermark(), Sequence{16});
  ASSERT_EQ(lone.replica.high_watermark(), Sequence{16 + 32});
  const auto try_at = [&](std::uint64_t sequence) {
    return lone.receive(lone.world.pre_prepare(batch_of(sequence, {})));
  };
  EXPECT_TRUE(ignored_because(try_at(16), Why::kBelowWatermark));
  EXPECT_TRUE(ignored_because(try_at(49), Why::kAboveWatermark));
  EXPECT_TRUE(ignored_because(try_at(UINT64_MAX), Why::kAboveWatermark));
  EXPECT_EQ(lone.replica.open_slots(), 0U);
  EXPECT_EQ(sent<Prepare>(try_at(17)).size(), 1U);
  EXPECT_EQ(sent<Prepare>(try_at(48)).size(), 1U);
}

// §4.2: "A replica (including the primary) accepts prepare messages and adds them to its log
// provided their signatures are correct, their view number equals the replica's current view, and
// their sequence number is between h and H."
TEST(Paper, PreparesAreAcceptedInTheViewAndBetweenTheWatermarksOnly) {
  Lone lone(4, r(0));
  const auto prepare_at = [&](std::uint64_t sequence, View view) {
    const Digest opened = view.value == 0 ? Digest{} : crypto::sha256(as_bytes("NEW-VIEW"));
    const PrePrepare proposal = lone.world.pre_prepare(batch_of(sequence, {}), view, opened);
    return lone.receive(lone.world.prepare(proposal, r(3)));
  };
  EXPECT_TRUE(ignored_because(prepare_at(1, {5}), Why::kOtherView));
  EXPECT_TRUE(ignored_because(prepare_at(33, {0}), Why::kAboveWatermark));
  EXPECT_EQ(lone.replica.open_slots(), 0U);
  EXPECT_TRUE(prepare_at(32, {0}).events.empty());
  EXPECT_EQ(lone.replica.slots().at({32}).prepares.count(r(3)), 1U);
}

// §4.2: "We define the predicate prepared(m,v,n,i) to be true if and only if replica i has inserted
// in its log: the request m, a pre-prepare for m in view v with sequence number n, and 2f prepares
// from different backups that match the pre-prepare." Then it "multicasts a <COMMIT, v, n, D(m),
// i>".
TEST(Paper, ReplicaCommitsWhenQuorumLessOneBackupsPrepared) {
  Lone lone(4, r(1));
  const PrePrepare proposal = lone.world.pre_prepare(batch_of(1, lone.ready()));
  EXPECT_TRUE(sent<Commit>(lone.receive(proposal)).empty());  // own prepare is one
  const Output out = lone.receive(lone.world.prepare(proposal, r(2)));
  ASSERT_EQ(sent<Commit>(out).size(), 1U);
  EXPECT_EQ(out.send.back().to, std::nullopt);
  EXPECT_EQ(sent<Commit>(out)[0].vote, lone.world.commit(proposal, r(1)).vote);
  EXPECT_EQ(events<BatchPrepared>(out).size(), 1U);
  const auto logged = records<CommitRecord>(out);
  ASSERT_EQ(logged.size(), 1U);
  EXPECT_EQ(logged[0].prepared.prepares.size(), 2U);
}

TEST(Paper, PrimaryCommitsOnPreparesOfQuorumLessOneBackups) {
  Lone lone(4, r(0));
  const PrePrepare proposal =
      sent<PrePrepare>(lone.step(TransactionReady{lone.world.transaction()})).at(0);
  EXPECT_TRUE(sent<Commit>(lone.receive(lone.world.prepare(proposal, r(2)))).empty());
  EXPECT_EQ(sent<Commit>(lone.receive(lone.world.prepare(proposal, r(3)))).size(), 1U);
}

// "prepared" needs the request itself: the order of arrival does not matter, its presence does.
TEST(Paper, ReplicaWithoutTheRequestIsNotPrepared) {
  Lone lone(4, r(1));
  const TransactionPtr body = lone.world.transaction();
  const PrePrepare proposal = lone.world.pre_prepare(batch_of(1, {body}));
  (void)lone.receive(proposal);
  (void)lone.receive(lone.world.prepare(proposal, r(2)));
  const Output waiting = lone.receive(lone.world.prepare(proposal, r(3)));
  EXPECT_TRUE(sent<Prepare>(waiting).empty());
  EXPECT_TRUE(sent<Commit>(waiting).empty());
  const Output out = lone.step(BodyArrived{body});
  EXPECT_EQ(sent<Prepare>(out).size(), 1U);
  EXPECT_EQ(sent<Commit>(out).size(), 1U);
}

TEST(Paper, PreparesBeforeTheProposalCount) {
  Lone lone(4, r(1));
  const PrePrepare proposal = lone.world.pre_prepare(batch_of(1, lone.ready()));
  EXPECT_TRUE(lone.receive(lone.world.prepare(proposal, r(2))).send.empty());
  EXPECT_TRUE(lone.receive(lone.world.prepare(proposal, r(3))).send.empty());
  EXPECT_EQ(sent<Commit>(lone.receive(proposal)).size(), 1U);
}

// "... from different backups"
TEST(Paper, OneBackupsPrepareCountsOnceHoweverOftenItComes) {
  Lone lone(4, r(0));
  const PrePrepare proposal =
      sent<PrePrepare>(lone.step(TransactionReady{lone.world.transaction()})).at(0);
  for (int i = 0; i < 5; ++i) {
    EXPECT_TRUE(sent<Commit>(lone.receive(lone.world.prepare(proposal, r(3)))).empty());
  }
  EXPECT_EQ(lone.replica.slots().at({1}).prepares.size(), 1U);
}

// "... that match the pre-prepare. The replicas verify whether the prepares match the pre-prepare
// by checking that they have the same view, sequence number, and digest."
TEST(Paper, PreparesForAnotherDigestAreNotCounted) {
  Lone lone(4, r(1));
  const auto bodies = lone.ready(2);
  const PrePrepare accepted = lone.world.pre_prepare(batch_of(1, {bodies[0]}));
  const PrePrepare other = lone.world.pre_prepare(batch_of(1, {bodies[1]}));
  (void)lone.receive(accepted);
  EXPECT_TRUE(sent<Commit>(lone.receive(lone.world.prepare(other, r(2)))).empty());
  EXPECT_TRUE(sent<Commit>(lone.receive(lone.world.prepare(other, r(3)))).empty());
}

// §4.2: "Replicas accept commit messages and insert them in their log provided they are properly
// signed, the view number in the message is equal to the replica's current view, and the sequence
// number is between h and H."
TEST(Paper, CommitsAreAcceptedInTheViewAndBetweenTheWatermarksOnly) {
  Lone lone(4, r(1));
  const auto commit_at = [&](std::uint64_t sequence, View view) {
    const Digest opened = view.value == 0 ? Digest{} : crypto::sha256(as_bytes("NEW-VIEW"));
    const PrePrepare proposal = lone.world.pre_prepare(batch_of(sequence, {}), view, opened);
    return lone.receive(lone.world.commit(proposal, r(3)));
  };
  EXPECT_TRUE(ignored_because(commit_at(1, {4}), Why::kOtherView));
  EXPECT_TRUE(ignored_because(commit_at(33, {0}), Why::kAboveWatermark));
  EXPECT_EQ(lone.replica.open_slots(), 0U);
  EXPECT_TRUE(commit_at(32, {0}).events.empty());
  EXPECT_EQ(lone.replica.slots().at({32}).commits.count(r(3)), 1U);
}

// §4.2: committed-local is true "if and only if prepared(m,v,n,i) is true and i has accepted 2f+1
// commits (possibly including its own) from different replicas that match the pre-prepare for m".
TEST(Paper, BatchCommitsOnAQuorumOfCommitsOwnIncluded) {
  Lone lone(4, r(1));
  const PrePrepare proposal = lone.world.pre_prepare(batch_of(1, lone.ready()));
  (void)lone.receive(proposal);
  (void)lone.receive(lone.world.prepare(proposal, r(2)));
  EXPECT_TRUE(lone.receive(lone.world.commit(proposal, r(0))).commit.empty());
  const Output out = lone.receive(lone.world.commit(proposal, r(2)));
  ASSERT_EQ(out.commit.size(), 1U);
  EXPECT_EQ(out.commit[0].certificate.commits.size(), 3U);
  EXPECT_TRUE(lone.world.verifier().check(out.commit[0]));
  EXPECT_EQ(events<BatchCommitted>(out).size(), 1U);
}

TEST(Paper, OneReplicasCommitCountsOnceHoweverOftenItComes) {
  Lone lone(4, r(1));
  const PrePrepare proposal = lone.world.pre_prepare(batch_of(1, lone.ready()));
  (void)lone.receive(proposal);
  (void)lone.receive(lone.world.prepare(proposal, r(2)));
  for (int i = 0; i < 5; ++i) {
    EXPECT_TRUE(lone.receive(lone.world.commit(proposal, r(0))).commit.empty());
  }
}

TEST(Paper, CommitsForAnotherDigestAreNotCounted) {
  Lone lone(4, r(1));
  const auto bodies = lone.ready(2);
  const PrePrepare accepted = lone.world.pre_prepare(batch_of(1, {bodies[0]}));
  const PrePrepare other = lone.world.pre_prepare(batch_of(1, {bodies[1]}));
  (void)lone.receive(accepted);
  (void)lone.receive(lone.world.prepare(accepted, r(2)));
  (void)lone.receive(lone.world.commit(accepted, r(2)));
  EXPECT_TRUE(lone.receive(lone.world.commit(other, r(0))).commit.empty());
  EXPECT_TRUE(lone.receive(lone.world.commit(other, r(3))).commit.empty());
}

// Commits come before the proposal, and before the replica prepared: they wait for it.
TEST(Paper, CommitsBeforeTheProposalCount) {
  Lone lone(4, r(1));
  const PrePrepare proposal = lone.world.pre_prepare(batch_of(1, lone.ready()));
  for (const std::size_t i : {0, 2, 3}) {
    EXPECT_TRUE(lone.receive(lone.world.commit(proposal, r(i))).commit.empty());
  }
  EXPECT_EQ(lone.receive(proposal).commit.size(), 1U);
}

// §4.2: "Each replica i executes the operation requested by m after committed-local(m,v,n,i) is
// true and i's state reflects the sequential execution of all requests with lower sequence
// numbers." and "it is possible for a replica to commit requests out of order".
TEST(Paper, BatchesAreHandedOutInSequenceHoweverTheyCommit) {
  Lone lone(4, r(1));
  std::vector<PrePrepare> proposals;
  for (std::uint64_t sequence = 1; sequence <= 3; ++sequence) {
    proposals.push_back(lone.world.pre_prepare(batch_of(sequence, lone.ready())));
    (void)lone.receive(proposals.back());
  }
  const auto commit = [&](std::size_t which) {
    std::vector<Sequence> out;
    for (const std::size_t i : {0, 2, 3}) {
      for (const auto& batch : lone.receive(lone.world.commit(proposals[which], r(i))).commit) {
        out.push_back(batch.certificate.sequence);
      }
    }
    return out;
  };
  EXPECT_EQ(commit(2), std::vector<Sequence>{});
  EXPECT_EQ(commit(0), std::vector<Sequence>{{1}});
  EXPECT_EQ(commit(1), (std::vector<Sequence>{{2}, {3}}));
}

// §4.6, non-determinism: the primary picks the value and the backups judge it. The time of a batch
// is the primary's clock.
TEST(Paper, PrimaryProposesItsClockAsTheTimeOfTheBatch) {
  Lone lone(4, r(0));
  lone.now.wall = {kStartTime.value + 77};
  const Output out = lone.step(TransactionReady{lone.world.transaction()});
  EXPECT_EQ(sent<PrePrepare>(out).at(0).batch.header.time, (TimeMs{kStartTime.value + 77}));
}

// §4.2: the request is ordered once, however often the client sends it.
TEST(Paper, TransactionThatABatchNamesIsNotProposedAgain) {
  Lone lone(4, r(0));
  const TransactionPtr transaction = lone.world.transaction();
  EXPECT_EQ(sent<PrePrepare>(lone.step(TransactionReady{transaction})).size(), 1U);
  EXPECT_TRUE(sent<PrePrepare>(lone.step(TransactionReady{transaction})).empty());
  (void)lone.step(TransactionGone{transaction->id});
  EXPECT_TRUE(sent<PrePrepare>(lone.step(TransactionReady{transaction})).empty());
}

// §4: any two quorums intersect in at least one correct replica, and the correct ones form one.
TEST(Paper, QuorumsIntersectInACorrectReplicaForEveryNumberOfReplicas) {
  for (std::size_t n = 1; n <= 400; ++n) {
    const std::size_t f = ledger::faults_tolerated(n);
    const std::size_t q = ledger::quorum(n);
    EXPECT_GE(2 * q, n + f + 1) << n;
    EXPECT_LE(q, n - f) << n;
    EXPECT_LT(2 * (q - 1), n + f + 1) << "smaller would do for " << n;
    EXPECT_EQ(ledger::weak_quorum(n), f + 1) << n;
  }
  EXPECT_EQ(ledger::quorum(4), 3U);
  EXPECT_EQ(ledger::quorum(5), 4U);
  EXPECT_EQ(ledger::quorum(6), 4U);
  EXPECT_EQ(ledger::quorum(7), 5U);
}

}  // namespace
}  // namespace quorate::pbft::test
