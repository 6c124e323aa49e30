// One replica in the normal case: agreed time, bodies, batching and pipelining, evidence, restart.

#include "pbft/replica.h"

#include <gtest/gtest.h>

#include <set>

#include "ledger/quorum.h"
#include "tests/support/pbft_lone.h"

namespace quorate::pbft::test {
namespace {

using Why = MessageIgnored::Why;

constexpr std::uint64_t kSlack = ledger::Parameters{}.time_slack_ms;
constexpr std::uint64_t kYear = 365ull * 86'400'000;

PrePrepare proposal_at(Lone& lone, TimeMs time) {
  return lone.world.pre_prepare(batch_of(1, lone.ready(), time));
}

// --- agreed time (pitfall 38) --------------------------------------------------------------------

TEST(AgreedTime, ProposalWithinSlackOfTheOwnClockIsPreparedAtOnce) {
  Lone lone(4, r(1));
  EXPECT_EQ(sent<Prepare>(lone.receive(proposal_at(lone, {kStartTime.value + kSlack}))).size(), 1U);
}

TEST(AgreedTime, ProposalAheadIsHeldUntilItIsTimely) {
  Lone lone(4, r(1));
  const Output out = lone.receive(proposal_at(lone, {kStartTime.value + kSlack + 30}));
  EXPECT_TRUE(sent<Prepare>(out).empty());
  EXPECT_TRUE(out.persist.empty());
  EXPECT_EQ(out.deadline_ms, lone.now.monotonic_ms + 30);
  EXPECT_TRUE(sent<Prepare>(lone.tick_after(29)).empty());
  EXPECT_EQ(sent<Prepare>(lone.tick_after(1)).size(), 1U);
}

TEST(AgreedTime, ProposalAYearAheadIsNeverPrepared) {
  Lone lone(4, r(1));
  EXPECT_TRUE(sent<Prepare>(lone.receive(proposal_at(lone, {kStartTime.value + kYear}))).empty());
  for (int minute = 0; minute < 10; ++minute) {
    EXPECT_TRUE(sent<Prepare>(lone.tick_after(60'000)).empty());
  }
}

TEST(AgreedTime, ProposalAYearBehindIsPreparedSinceTheEffectiveTimeNeverGoesBack) {
  Lone lone(4, r(1));
  EXPECT_EQ(sent<Prepare>(lone.receive(proposal_at(lone, {kStartTime.value - kYear}))).size(), 1U);
}

TEST(AgreedTime, LastMomentOfTimeOverflowsNothing) {
  Lone lone(4, r(1));
  const Output out = lone.receive(proposal_at(lone, {UINT64_MAX}));
  EXPECT_TRUE(sent<Prepare>(out).empty());
  EXPECT_GT(out.deadline_ms, lone.now.monotonic_ms);
  EXPECT_LE(out.deadline_ms, lone.now.monotonic_ms + 10'000);
}

TEST(AgreedTime, ClockThatJumpsForwardReleasesTheProposalAtTheNextInput) {
  Lone lone(4, r(1));
  (void)lone.receive(proposal_at(lone, {kStartTime.value + kYear}));
  lone.now.wall.value += kYear;
  EXPECT_EQ(sent<Prepare>(lone.step(Tick{})).size(), 1U);
}

// A backup whose clock is behind does not stop the others, and vouches with its commit for the
// bodies.
TEST(AgreedTime, QuorumThatPreparedWithoutUsIsJoinedWithTheBodiesStored) {
  Lone lone(4, r(1));
  const PrePrepare proposal = proposal_at(lone, {kStartTime.value + kYear});
  (void)lone.receive(proposal);
  (void)lone.receive(lone.world.prepare(proposal, r(2)));
  const Output out = lone.receive(lone.world.prepare(proposal, r(3)));
  EXPECT_TRUE(sent<Prepare>(out).empty());
  ASSERT_EQ(sent<Commit>(out).size(), 1U);
  EXPECT_EQ(records<BodyRecord>(out).size(), 1U);
  ASSERT_EQ(records<ProposalRecord>(out).size(), 1U);
  EXPECT_FALSE(records<ProposalRecord>(out)[0].prepare);
  EXPECT_EQ(records<CommitRecord>(out).size(), 1U);
}

// --- bodies --------------------------------------------------------------------------------------

TEST(Bodies, MissingOnesAreFetchedFromThePrimaryAndOnlyThenPrepared) {
  Lone lone(4, r(1));
  const TransactionPtr here = lone.ready()[0];
  const TransactionPtr missing = lone.world.transaction();
  const Output out = lone.receive(lone.world.pre_prepare(batch_of(1, {here, missing})));
  EXPECT_TRUE(out.send.empty());
  EXPECT_TRUE(out.persist.empty());
  ASSERT_EQ(out.fetch_bodies.size(), 1U);
  EXPECT_EQ(out.fetch_bodies[0].from, r(0));
  EXPECT_EQ(out.fetch_bodies[0].ids, std::vector<TxId>{missing->id});
  const Output arrived = lone.step(BodyArrived{missing});
  EXPECT_EQ(sent<Prepare>(arrived).size(), 1U);
  EXPECT_EQ(records<BodyRecord>(arrived).size(), 2U);
}

TEST(Bodies, BodyThatBecomesReadyNeedsNoFetchAnswer) {
  Lone lone(4, r(1));
  const TransactionPtr body = lone.world.transaction();
  (void)lone.receive(lone.world.pre_prepare(batch_of(1, {body})));
  EXPECT_EQ(sent<Prepare>(lone.step(TransactionReady{body})).size(), 1U);
}

TEST(Bodies, BodyOfNoBatchIsNotKept) {
  Lone lone(4, r(1));
  const TransactionPtr body = lone.world.transaction();
  EXPECT_TRUE(lone.step(BodyArrived{body}).send.empty());
  EXPECT_EQ(lone.receive(lone.world.pre_prepare(batch_of(1, {body}))).fetch_bodies.size(), 1U);
}

TEST(Bodies, FetchIsRetriedAtEveryOtherPeer) {
  Lone lone(4, r(1));
  std::set<ReplicaId> asked;
  Output out = lone.receive(lone.world.pre_prepare(batch_of(1, {lone.world.transaction()})));
  for (int i = 0; i < 4; ++i) {
    ASSERT_EQ(out.fetch_bodies.size(), 1U) << i;
    asked.insert(out.fetch_bodies[0].from);
    EXPECT_TRUE(lone.tick_after(299).fetch_bodies.empty());
    out = lone.tick_after(1);
  }
  EXPECT_EQ(asked, (std::set<ReplicaId>{r(0), r(2), r(3)}));
}

// Found by a scenario whose primary died: whoever prepared the batch has its bodies.
TEST(Bodies, SecondIsAskedWhoPreparedTheBatch) {
  for (const std::size_t other : {2, 3}) {
    Lone lone(4, r(1));
    const PrePrepare proposal = lone.world.pre_prepare(batch_of(1, {lone.world.transaction()}));
    (void)lone.receive(proposal);
    (void)lone.receive(lone.world.prepare(proposal, r(other)));
    const Output out = lone.tick_after(300);
    ASSERT_EQ(out.fetch_bodies.size(), 1U);
    EXPECT_EQ(out.fetch_bodies[0].from, r(other));
  }
}

TEST(Bodies, EveryoneIsAskedThoughTheOnesThatPreparedGiveNone) {
  for (const std::size_t replicas : {4, 5, 6, 7, 10}) {
    Lone lone(replicas, r(1));
    const PrePrepare proposal = lone.world.pre_prepare(batch_of(1, {lone.world.transaction()}));
    (void)lone.receive(proposal);
    (void)lone.receive(lone.world.prepare(proposal, r(2)));
    std::set<ReplicaId> asked;
    for (int i = 0; i < 3000 && asked.size() + 2 < replicas; ++i) {
      for (const BodyFetch& fetch : lone.tick_after(100).fetch_bodies) {
        if (fetch.from != r(0)) asked.insert(fetch.from);
      }
    }
    EXPECT_EQ(asked.size() + 2, replicas);
  }
}

// A primary may name ids that nobody has: asking for them must not become a load.
TEST(Bodies, FetchOfWhatNobodyHasBacksOff) {
  Lone lone(4, r(1));
  (void)lone.receive(lone.world.pre_prepare(batch_of(1, {lone.world.transaction()})));
  std::size_t fetches = 0;
  for (int i = 0; i < 600; ++i) fetches += lone.tick_after(100).fetch_bodies.size();
  EXPECT_GT(fetches, 6U);
  EXPECT_LT(fetches, 40U) << "in a minute";
}

// The retry must not wait for the next status report, even if the batch is committed already.
TEST(Bodies, FetchForACommittedBatchIsRetriedInTime) {
  Lone lone(4, r(1));
  const PrePrepare proposal = lone.world.pre_prepare(batch_of(1, {lone.world.transaction()}));
  (void)lone.receive(proposal);
  for (const std::size_t i : {0, 2, 3}) (void)lone.receive(lone.world.commit(proposal, r(i)));
  std::vector<std::uint64_t> fetched_ms;
  while (lone.now.monotonic_ms < 2000) {
    const Output out = lone.tick_after(*lone.deadline_ms - lone.now.monotonic_ms);
    if (!out.fetch_bodies.empty()) fetched_ms.push_back(lone.now.monotonic_ms - 1000);
  }
  EXPECT_EQ(fetched_ms, (std::vector<std::uint64_t>{300, 600, 900, 1500}));
}

TEST(Bodies, BatchOfTooManyBytesIsNotPrepared) {
  ledger::Parameters parameters;
  parameters.batch_bytes_max = 5000;
  parameters.transaction_bytes_max = 5000;
  Lone lone(4, r(1), parameters);
  std::vector<TransactionPtr> bodies;
  for (int i = 0; i < 2; ++i) {
    bodies.push_back(lone.world.transaction(3000));
    (void)lone.step(TransactionReady{bodies.back()});
  }
  const Output out = lone.receive(lone.world.pre_prepare(batch_of(1, bodies)));
  EXPECT_TRUE(ignored_because(out, Why::kBatchTooLarge));
  EXPECT_TRUE(out.send.empty());
  EXPECT_TRUE(events<MessageIgnored>(lone.tick_after(1)).empty()) << "said once";
  EXPECT_EQ(sent<Prepare>(lone.receive(lone.world.pre_prepare(batch_of(2, {bodies[0]})))).size(),
            1U);
}

// --- batching and the window ---------------------------------------------------------------------

// Commits sequence at the primary with the votes of replicas 1 and 2.
Output commit_at_primary(Lone& lone, const PrePrepare& proposal) {
  for (const std::size_t i : {1, 2}) (void)lone.receive(lone.world.prepare(proposal, r(i)));
  (void)lone.receive(lone.world.commit(proposal, r(1)));
  return lone.receive(lone.world.commit(proposal, r(2)));
}

TEST(Batching, AtMostWBatchesAreInFlightAndThenTheBatchGrows) {
  Lone lone(4, r(0));
  std::vector<PrePrepare> proposals;
  for (int i = 0; i < 8; ++i) {
    const Output out = lone.step(TransactionReady{lone.world.transaction()});
    ASSERT_EQ(sent<PrePrepare>(out).size(), 1U) << "proposed at once: " << i;
    proposals.push_back(sent<PrePrepare>(out)[0]);
  }
  for (int i = 0; i < 20; ++i) {
    EXPECT_TRUE(lone.step(TransactionReady{lone.world.transaction()}).send.empty());
  }
  const Output out = commit_at_primary(lone, proposals[0]);
  ASSERT_EQ(sent<PrePrepare>(out).size(), 1U);
  EXPECT_EQ(sent<PrePrepare>(out)[0].batch.ids.size(), 20U);
  EXPECT_EQ(sent<PrePrepare>(out)[0].vote.sequence, Sequence{9});
}

TEST(Batching, BatchHoldsAtMostTheAllowedTransactions) {
  ledger::Parameters parameters;
  parameters.window_batches = 1;
  parameters.batch_transactions_max = 5;
  Lone lone(4, r(0), parameters);
  const Output first = lone.step(TransactionReady{lone.world.transaction()});
  const auto waiting = lone.ready(12);
  const Output out = commit_at_primary(lone, sent<PrePrepare>(first).at(0));
  ASSERT_EQ(sent<PrePrepare>(out).size(), 1U);
  ASSERT_EQ(sent<PrePrepare>(out)[0].batch.ids.size(), 5U);
  for (std::size_t i = 0; i < 5; ++i) {
    EXPECT_EQ(sent<PrePrepare>(out)[0].batch.ids[i], waiting[i]->id) << "oldest first";
  }
}

TEST(Batching, BatchHoldsAtMostTheAllowedBytes) {
  ledger::Parameters parameters;
  parameters.window_batches = 1;
  parameters.transaction_bytes_max = 10'000;
  parameters.batch_bytes_max = 10'000;
  Lone lone(4, r(0), parameters);
  const Output first = lone.step(TransactionReady{lone.world.transaction()});
  for (int i = 0; i < 6; ++i) (void)lone.step(TransactionReady{lone.world.transaction(3000)});
  const Output out = commit_at_primary(lone, sent<PrePrepare>(first).at(0));
  EXPECT_EQ(sent<PrePrepare>(out).at(0).batch.ids.size(), 3U);
}

TEST(Batching, PrimaryProposesNothingAboveTheHighWatermark) {
  Lone lone(4, r(0));
  std::uint64_t highest = 0;
  for (int i = 0; i < 60; ++i) {
    const Output out = lone.step(TransactionReady{lone.world.transaction()});
    for (const PrePrepare& proposal : sent<PrePrepare>(out)) {
      highest = proposal.vote.sequence.value;
      (void)commit_at_primary(lone, proposal);  // committed, never executed
    }
  }
  EXPECT_EQ(highest, 32U);
  EXPECT_EQ(lone.replica.committed(), Sequence{32});
  EXPECT_TRUE(sent<PrePrepare>(lone.step(executed_batch(1))).empty()) << "nothing is stable yet";
  const Output out = lone.receive(lone.world.stable(16));
  EXPECT_EQ(sent<PrePrepare>(out).at(0).vote.sequence, Sequence{33});
}

TEST(Batching, PrimaryWithoutReadyTransactionsProposesNothing) {
  Lone lone(4, r(0));
  for (int i = 0; i < 100; ++i) EXPECT_TRUE(sent<PrePrepare>(lone.tick_after(100)).empty());
}

TEST(Batching, TransactionThatIsGoneIsNotProposed) {
  ledger::Parameters parameters;
  parameters.window_batches = 1;
  Lone lone(4, r(0), parameters);
  const Output first = lone.step(TransactionReady{lone.world.transaction()});
  const auto waiting = lone.ready(2);
  (void)lone.step(TransactionGone{waiting[0]->id});
  const Output out = commit_at_primary(lone, sent<PrePrepare>(first).at(0));
  EXPECT_EQ(sent<PrePrepare>(out).at(0).batch.ids, std::vector<TxId>{waiting[1]->id});
}

// DESIGN §4: what is committed and awaits execution is not ready.
TEST(Batching, CommittedTransactionIsNotProposedAgainBeforeItIsExecuted) {
  Lone lone(4, r(0));
  const TransactionPtr transaction = lone.world.transaction();
  const Output out = lone.step(TransactionReady{transaction});
  ASSERT_EQ(commit_at_primary(lone, sent<PrePrepare>(out).at(0)).commit.size(), 1U);
  EXPECT_EQ(lone.replica.ready_transactions(), 0U);
  EXPECT_TRUE(sent<PrePrepare>(lone.step(TransactionReady{transaction})).empty());
}

// The same for one that came as a block, without a slot of its own.
TEST(Batching, TransactionOfAFetchedBlockIsNotProposedAgainBeforeItIsExecuted) {
  Lone lone(4, r(0));
  const TransactionPtr transaction = lone.world.transaction();
  const PrePrepare proposal = lone.world.pre_prepare(batch_of(1, {transaction}));
  (void)lone.receive(
      CertifiedBatch{proposal.batch, lone.world.certificate(proposal), {transaction}});
  EXPECT_TRUE(sent<PrePrepare>(lone.step(TransactionReady{transaction})).empty());
}

TEST(Batching, ReplicaAloneCommitsInTheSameStep) {
  Lone lone(1, r(0));
  const Output out = lone.step(TransactionReady{lone.world.transaction()});
  EXPECT_EQ(records<ProposalRecord>(out).size(), 1U);
  EXPECT_EQ(records<CommitRecord>(out).size(), 1U);
  ASSERT_EQ(out.commit.size(), 1U);
  EXPECT_TRUE(lone.world.verifier().check(out.commit[0]));
}

TEST(Batching, ReplicaAloneUsesTheWholeWindowWithoutWaitingForAnInput) {
  ledger::Parameters parameters;
  parameters.batch_transactions_max = 1;
  Lone lone(1, r(0), parameters);
  std::size_t committed = 0;
  for (int i = 0; i < 40; ++i) {
    committed += lone.step(TransactionReady{lone.world.transaction()}).commit.size();
  }
  EXPECT_EQ(committed, 32U);
  for (std::uint64_t executed = 1; executed <= 16; ++executed) {
    BatchExecuted report = executed_batch(executed);
    if (executed == 16) report.checkpoint = lone.world.checkpoint(16);
    committed += lone.step(report).commit.size();
  }
  EXPECT_EQ(committed, 40U);
}

// --- evidence ------------------------------------------------------------------------------------

TEST(Evidence, TwoPrePreparesForOnePlaceConvictThePrimary) {
  Lone lone(4, r(1));
  const auto bodies = lone.ready(2);
  const PrePrepare first = lone.world.pre_prepare(batch_of(1, {bodies[0]}));
  const PrePrepare second = lone.world.pre_prepare(batch_of(1, {bodies[1]}));
  EXPECT_TRUE(lone.receive(first).evidence.empty());
  EXPECT_TRUE(lone.receive(first).evidence.empty());
  const Output out = lone.receive(second);
  ASSERT_EQ(out.evidence.size(), 1U);
  EXPECT_EQ(std::get<Contradiction>(out.evidence[0]).phase, VotePhase::kPrePrepare);
  EXPECT_EQ(std::get<Contradiction>(out.evidence[0]).first, first.vote);
  EXPECT_EQ(std::get<Contradiction>(out.evidence[0]).second, second.vote);
  EXPECT_EQ(std::get<Contradiction>(out.evidence[0]).second_signature, second.signature);
}

TEST(Evidence, PrepareOfAnotherProposalConvictsThePrimary) {
  Lone lone(4, r(1));
  const auto bodies = lone.ready(2);
  (void)lone.receive(lone.world.pre_prepare(batch_of(1, {bodies[0]})));
  const PrePrepare other = lone.world.pre_prepare(batch_of(1, {bodies[1]}));
  const Output out = lone.receive(lone.world.prepare(other, r(2)));
  ASSERT_EQ(out.evidence.size(), 1U);
  EXPECT_EQ(std::get<Contradiction>(out.evidence[0]).phase, VotePhase::kPrePrepare);
  EXPECT_EQ(std::get<Contradiction>(out.evidence[0]).second, other.vote);
  EXPECT_EQ(std::get<Contradiction>(out.evidence[0]).second_signature, other.signature);
}

TEST(Evidence, TwoPreparesConvictThePrimaryInTheHandsOfOneWithoutProposal) {
  Lone lone(4, r(1));
  const PrePrepare a = lone.world.pre_prepare(batch_of(1, {lone.world.transaction()}));
  const PrePrepare b = lone.world.pre_prepare(batch_of(1, {lone.world.transaction()}));
  EXPECT_TRUE(lone.receive(lone.world.prepare(a, r(2))).evidence.empty());
  EXPECT_EQ(lone.receive(lone.world.prepare(b, r(3))).evidence.size(), 1U);
}

TEST(Evidence, ProposalAfterAPrepareOfAnotherConvictsThePrimary) {
  Lone lone(4, r(1));
  const PrePrepare a = lone.world.pre_prepare(batch_of(1, {lone.world.transaction()}));
  const PrePrepare b = lone.world.pre_prepare(batch_of(1, {lone.world.transaction()}));
  (void)lone.receive(lone.world.prepare(a, r(2)));
  EXPECT_EQ(lone.receive(b).evidence.size(), 1U);
}

TEST(Evidence, TwoPreparesOfOneBackupConvictItAndThePrimary) {
  Lone lone(4, r(1));
  const PrePrepare a = lone.world.pre_prepare(batch_of(1, {lone.world.transaction()}));
  const PrePrepare b = lone.world.pre_prepare(batch_of(1, {lone.world.transaction()}));
  (void)lone.receive(lone.world.prepare(a, r(2)));
  const Output out = lone.receive(lone.world.prepare(b, r(2)));
  std::set<ReplicaId> convicted;
  for (const ledger::Evidence& found : out.evidence) convicted.insert(ledger::accused(found));
  EXPECT_EQ(convicted, (std::set<ReplicaId>{r(0), r(2)}));
}

TEST(Evidence, TwoCommitsOfOneReplicaConvictIt) {
  Lone lone(4, r(1));
  const PrePrepare a = lone.world.pre_prepare(batch_of(1, {lone.world.transaction()}));
  const PrePrepare b = lone.world.pre_prepare(batch_of(1, {lone.world.transaction()}));
  (void)lone.receive(lone.world.commit(a, r(3)));
  const Output out = lone.receive(lone.world.commit(b, r(3)));
  ASSERT_EQ(out.evidence.size(), 1U);
  EXPECT_EQ(std::get<Contradiction>(out.evidence[0]).phase, VotePhase::kCommit);
  EXPECT_EQ(std::get<Contradiction>(out.evidence[0]).first.replica, r(3));
}

// One proof is enough; a liar that repeats itself must not fill the host's disk.
TEST(Evidence, EachOffenceIsReportedOnce) {
  Lone lone(7, r(1));
  std::size_t reported = 0;
  for (int i = 0; i < 10; ++i) {
    const PrePrepare proposal =
        lone.world.pre_prepare(batch_of(1, {}, {kStartTime.value + static_cast<unsigned>(i)}));
    reported += lone.receive(proposal).evidence.size();
    reported += lone.receive(lone.world.prepare(proposal, r(2))).evidence.size();
    reported += lone.receive(lone.world.prepare(proposal, r(3))).evidence.size();
    reported += lone.receive(lone.world.commit(proposal, r(4))).evidence.size();
  }
  EXPECT_EQ(reported, 4U) << "the primary, two backups and one committer";
}

// The accepted proposal is not the committed one: no vote changes, and the right batch is handed
// out once it is here.
TEST(Evidence, ReplicaThatAcceptedTheOtherProposalStillHandsOutTheCommittedOne) {
  Lone lone(4, r(1));
  const auto bodies = lone.ready(2);
  const PrePrepare mine = lone.world.pre_prepare(batch_of(1, {bodies[0]}));
  const PrePrepare theirs = lone.world.pre_prepare(batch_of(1, {bodies[1]}));
  (void)lone.receive(mine);
  for (const std::size_t i : {0, 2, 3}) {
    EXPECT_TRUE(lone.receive(lone.world.commit(theirs, r(i))).commit.empty());
  }
  const Output out = lone.receive(theirs);
  EXPECT_TRUE(records<ProposalRecord>(out).empty() && records<CommitRecord>(out).empty());
  EXPECT_TRUE(sent<Prepare>(out).empty() && sent<Commit>(out).empty());
  ASSERT_EQ(out.commit.size(), 1U);
  EXPECT_EQ(out.commit[0].certificate.batch, theirs.vote.batch);
  EXPECT_EQ(out.commit[0].transactions.at(0)->id, bodies[1]->id);
}

// What it lacks of the committed batch it says in its report, so that the others send it.
TEST(Evidence, ReportAsksForTheProposalThatWasCommittedInsteadOfTheAcceptedOne) {
  Lone lone(4, r(1));
  const auto bodies = lone.ready(2);
  const PrePrepare mine = lone.world.pre_prepare(batch_of(1, {bodies[0]}));
  const PrePrepare theirs = lone.world.pre_prepare(batch_of(1, {bodies[1]}));
  (void)lone.receive(mine);
  for (const std::size_t i : {0, 2, 3}) (void)lone.receive(lone.world.commit(theirs, r(i)));
  const auto reports = sent<StatusReport>(lone.step(PeerConnected{r(2)}));
  ASSERT_EQ(reports.size(), 1U);
  ASSERT_EQ(reports[0].slots.size(), 1U);
  EXPECT_EQ(reports[0].slots[0], kSlotPrepared);
}

TEST(Evidence, BlockReplacesTheProposalThatWasNotCommitted) {
  Lone lone(4, r(1));
  const auto bodies = lone.ready(2);
  const PrePrepare theirs = lone.world.pre_prepare(batch_of(1, {bodies[1]}));
  (void)lone.receive(lone.world.pre_prepare(batch_of(1, {bodies[0]})));
  const Output out = lone.receive(
      CertifiedBatch{theirs.batch, lone.world.certificate(theirs), {bodies[1]}});
  ASSERT_EQ(out.commit.size(), 1U);
  EXPECT_EQ(out.commit[0].certificate.batch, theirs.vote.batch);
}

// What lost must be proposed again: it was never ordered.
TEST(Evidence, TransactionOfTheLosingProposalIsReadyAgainOnceTheSlotIsDone) {
  Lone lone(4, r(1));
  const auto bodies = lone.ready(2);
  const PrePrepare theirs = lone.world.pre_prepare(batch_of(1, {bodies[1]}));
  (void)lone.receive(lone.world.pre_prepare(batch_of(1, {bodies[0]})));
  (void)lone.receive(CertifiedBatch{theirs.batch, lone.world.certificate(theirs), {bodies[1]}});
  (void)lone.step(executed_batch(1, {bodies[1]->id}));
  EXPECT_EQ(lone.replica.ready_transactions(), 1U);
  EXPECT_EQ(lone.replica.unordered_transactions(), 1U);
}

TEST(Evidence, OwnVotesThatComeBackProveNothing) {
  Lone lone(4, r(1));
  const PrePrepare proposal = lone.world.pre_prepare(batch_of(1, lone.ready()));
  const Prepare own = sent<Prepare>(lone.receive(proposal)).at(0);
  const Commit commit =
      sent<Commit>(lone.receive(lone.world.prepare(proposal, r(2)))).at(0);
  EXPECT_TRUE(lone.receive(own).evidence.empty());
  EXPECT_TRUE(lone.receive(commit).evidence.empty());
  EXPECT_TRUE(lone.receive(own).commit.empty());
}

// --- learner, refusal, and what is said about it -------------------------------------------------

TEST(Learner, CollectsCertificatesAndSignsNothing) {
  Lone lone(4, r(1), {}, start_at_genesis(), true);
  const PrePrepare proposal = lone.world.pre_prepare(batch_of(1, lone.ready()));
  Output out = lone.receive(proposal);
  EXPECT_TRUE(out.send.empty() && out.persist.empty());
  for (const std::size_t i : {0, 2, 3}) out = lone.receive(lone.world.commit(proposal, r(i)));
  EXPECT_EQ(out.commit.size(), 1U);
  EXPECT_TRUE(out.send.empty() && out.persist.empty());
}

TEST(Learner, PrimaryThatMayNotVoteProposesNothing) {
  Lone lone(4, r(0), {}, start_at_genesis(), true);
  const Output out = lone.step(TransactionReady{lone.world.transaction()});
  EXPECT_TRUE(out.send.empty() && out.persist.empty());
}

TEST(Refusal, VoteThatTheVoterRefusesIsReportedOnceAndNotAskedForAgain) {
  Lone lone(4, r(1));
  const PrePrepare before = lone.world.pre_prepare(batch_of(1, {}));
  lone.voter.remember_prepare(lone.world.prepare(before, r(1)).vote);
  const PrePrepare proposal = lone.world.pre_prepare(batch_of(1, lone.ready()));
  const Output out = lone.receive(proposal);
  EXPECT_TRUE(out.send.empty() && out.persist.empty());
  ASSERT_EQ(events<VoteWasRefused>(out).size(), 1U);
  EXPECT_EQ(events<VoteWasRefused>(out)[0].refused.refusal, Refusal::kSecondDigest);
  EXPECT_TRUE(events<VoteWasRefused>(lone.tick_after(50)).empty());
}

TEST(Ignored, DuplicateIsSaidToBeOne) {
  Lone lone(4, r(1));
  const PrePrepare proposal = lone.world.pre_prepare(batch_of(1, lone.ready()));
  (void)lone.receive(proposal);
  EXPECT_TRUE(ignored_because(lone.receive(proposal), Why::kDuplicate));
  (void)lone.receive(lone.world.prepare(proposal, r(2)));
  EXPECT_TRUE(ignored_because(lone.receive(lone.world.prepare(proposal, r(2))), Why::kDuplicate));
  (void)lone.receive(lone.world.commit(proposal, r(0)));
  EXPECT_TRUE(ignored_because(lone.receive(lone.world.commit(proposal, r(0))), Why::kDuplicate));
}

}  // namespace
}  // namespace quorate::pbft::test
