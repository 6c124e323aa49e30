// One replica among peers: status reports, retransmission, blocks, and peers that lie about them.

#include <gtest/gtest.h>

#include <set>

#include "tests/support/pbft_lone.h"

namespace quorate::pbft::test {
namespace {

constexpr std::uint8_t kAll = kSlotHasProposal | kSlotPrepared | kSlotCommitted;

CertifiedBatch block(Lone& lone, std::uint64_t sequence) {
  const TransactionPtr body = lone.world.transaction();
  const PrePrepare proposal = lone.world.pre_prepare(batch_of(sequence, {body}));
  return {proposal.batch, lone.world.certificate(proposal), {body}};
}

// Lives through `ms` as a host would, with a Tick at each deadline. Returns all outputs.
std::vector<Output> live(Lone& lone, std::uint64_t ms) {
  std::vector<Output> outputs;
  const std::uint64_t end = lone.now.monotonic_ms + ms;
  while (lone.deadline_ms && *lone.deadline_ms <= end) {
    outputs.push_back(lone.tick_after(*lone.deadline_ms - lone.now.monotonic_ms));
  }
  lone.pass(end - lone.now.monotonic_ms);
  return outputs;
}

bool suspects(const std::vector<Output>& outputs) {
  return std::ranges::any_of(outputs,
                             [](const Output& out) { return !events<ViewLeft>(out).empty(); });
}

template <class T>
std::size_t count_sent(const std::vector<Output>& outputs) {
  std::size_t count = 0;
  for (const Output& out : outputs) count += sent<T>(out).size();
  return count;
}

// --- reports -------------------------------------------------------------------------------------

TEST(Status, NewConnectionIsGreetedWithAReportThatWantsAnAnswer) {
  Lone lone(4, r(1));
  (void)lone.commit_and_execute(1);
  const Output out = lone.step(PeerConnected{r(3)});
  ASSERT_EQ(out.send.size(), 1U);
  EXPECT_EQ(out.send[0].to, r(3));
  const auto reports = sent<StatusReport>(out);
  ASSERT_EQ(reports.size(), 1U);
  EXPECT_EQ(reports[0].executed, Sequence{1});
  EXPECT_TRUE(reports[0].wants_answer);
}

TEST(Status, ReportSaysWhatEachSlotHas) {
  Lone lone(4, r(1));
  const auto bodies = lone.ready(3);
  std::vector<PrePrepare> proposals;
  for (std::uint64_t i = 0; i < 3; ++i) {
    proposals.push_back(lone.world.pre_prepare(batch_of(2 + i, {bodies[i]})));
    (void)lone.receive(proposals.back());
  }
  (void)lone.receive(lone.world.prepare(proposals[1], r(2)));
  for (const std::size_t i : {0, 2, 3}) (void)lone.receive(lone.world.commit(proposals[2], r(i)));
  const auto reports = sent<StatusReport>(lone.step(PeerConnected{r(3)}));
  ASSERT_EQ(reports.size(), 1U);
  constexpr std::uint8_t kHalf = kSlotHasProposal | kSlotPrepared;
  EXPECT_EQ(reports[0].slots, (std::vector<std::uint8_t>{0, kSlotHasProposal, kHalf, kAll}));
}

TEST(Status, CommittedAndUnexecutedBlocksAreNotAskedForAgain) {
  Lone lone(4, r(1));
  (void)lone.receive(block(lone, 1));
  (void)lone.receive(block(lone, 2));
  EXPECT_EQ(lone.replica.committed(), Sequence{2});
  const auto reports = sent<StatusReport>(lone.step(PeerConnected{r(3)}));
  EXPECT_EQ(reports.at(0).slots, (std::vector<std::uint8_t>{kAll, kAll}));
}

TEST(Status, ReportBringsTheOwnVotesThatThePeerLacks) {
  Lone lone(4, r(1));
  const PrePrepare proposal = lone.world.pre_prepare(batch_of(1, lone.ready()));
  (void)lone.receive(proposal);
  (void)lone.receive(lone.world.prepare(proposal, r(2)));
  const auto answer = [&](std::uint8_t has) {
    lone.pass(100);
    return lone.step(StatusArrived{r(3), report_of(0, {has})});
  };
  Output out = answer(0);
  EXPECT_EQ(sent<PrePrepare>(out).size(), 1U);
  EXPECT_EQ(sent<Prepare>(out).size(), 1U);
  EXPECT_EQ(sent<Commit>(out).size(), 1U);
  for (const Send& send : out.send) {
    const bool is_own_report = std::holds_alternative<StatusReport>(send.message);
    EXPECT_TRUE(is_own_report || send.to == r(3));
  }
  out = answer(kSlotHasProposal);
  EXPECT_TRUE(sent<PrePrepare>(out).empty());
  EXPECT_EQ(sent<Prepare>(out).size(), 1U);
  out = answer(kSlotHasProposal | kSlotPrepared);
  EXPECT_TRUE(sent<Prepare>(out).empty());
  EXPECT_EQ(sent<Commit>(out).size(), 1U);
  EXPECT_TRUE(answer(kAll).send.empty());
}

TEST(Status, ReportOfAnotherViewOrEpochBringsNoVotes) {
  Lone lone(4, r(1));
  (void)lone.receive(lone.world.pre_prepare(batch_of(1, lone.ready())));
  StatusReport other_view = report_of(0);
  other_view.view = {1};
  const Output answer = lone.step(StatusArrived{r(2), other_view});
  EXPECT_TRUE(sent<Prepare>(answer).empty());
  EXPECT_EQ(sent<StatusReport>(answer).size(), 1U) << "so that it sends what moved it on";
  StatusReport other_epoch = report_of(0);
  other_epoch.epoch = {1};
  EXPECT_TRUE(lone.step(StatusArrived{r(3), other_epoch}).send.empty());
}

TEST(Status, PeerIsAnsweredAtMostEveryFiftyMilliseconds) {
  Lone lone(4, r(1));
  (void)lone.receive(lone.world.pre_prepare(batch_of(1, lone.ready())));
  std::size_t answers = 0;
  for (int i = 0; i < 1000; ++i) {
    lone.pass(1);
    answers += sent<StatusReport>(lone.step(StatusArrived{r(3), report_of(0, {}, true)})).size();
  }
  EXPECT_GE(answers, 19U);
  EXPECT_LE(answers, 21U + 4) << "and its own reports";
}

// In a large network not everybody sends the same large proposal, but everybody does in turn.
TEST(Status, ProposalsAreResentByFewOfManyAndByEachInTurn) {
  std::size_t at_once = 0;
  for (std::size_t self = 1; self <= 8; ++self) {
    Lone lone(13, r(self));
    (void)lone.receive(lone.world.pre_prepare(batch_of(1, lone.ready())));
    bool resent = false;
    for (int i = 0; i < 3; ++i) {
      lone.pass(100);
      const Output out = lone.step(StatusArrived{r(12), report_of(0)});
      EXPECT_EQ(sent<Prepare>(out).size(), 1U);
      at_once += i == 0 ? sent<PrePrepare>(out).size() : 0;
      resent = resent || !sent<PrePrepare>(out).empty();
    }
    EXPECT_TRUE(resent) << self;
  }
  EXPECT_GE(at_once, 2U);
  EXPECT_LE(at_once, 3U);
}

TEST(Status, IdleReplicaReportsEverMoreRarely) {
  Lone lone(4, r(1));
  (void)live(lone, 60'000);
  EXPECT_LE(count_sent<StatusReport>(live(lone, 60'000)), 6U);
  EXPECT_GE(count_sent<StatusReport>(live(lone, 60'000)), 5U);
}

TEST(Status, NewWorkAfterIdlenessIsReportedSoon) {
  Lone lone(4, r(1));
  (void)live(lone, 60'000);
  (void)lone.step(TransactionReady{lone.world.transaction()});
  EXPECT_GE(count_sent<StatusReport>(live(lone, 101)), 1U);
}

// A peer that claims to be far ahead is pending work for ever; that must not hide real work.
TEST(Status, LyingPeerDoesNotKeepNewWorkAtTheIdlePace) {
  Lone lone(4, r(1));
  (void)lone.step(StatusArrived{r(3), report_of(UINT64_MAX)});
  (void)live(lone, 60'000);
  (void)lone.receive(lone.world.prepare(lone.world.pre_prepare(batch_of(1, {})), r(2)));
  EXPECT_GE(count_sent<StatusReport>(live(lone, 101)), 1U);
}

// Nor may a transaction that no primary ever proposes.
TEST(Status, StuckTransactionDoesNotKeepNewSlotsAtTheIdlePace) {
  Lone lone(4, r(1));
  (void)lone.ready();
  (void)live(lone, 60'000);
  (void)lone.receive(lone.world.prepare(lone.world.pre_prepare(batch_of(1, {})), r(2)));
  EXPECT_GE(count_sent<StatusReport>(live(lone, 101)), 1U);
}

TEST(Status, PeerThatIsBehindIsToldEvenIfItDidNotAsk) {
  Lone lone(4, r(1));
  (void)lone.commit_and_execute(1);
  const Output behind = lone.step(StatusArrived{r(3), report_of(0)});
  ASSERT_EQ(sent<StatusReport>(behind).size(), 1U);
  EXPECT_EQ(sent<StatusReport>(behind)[0].executed, Sequence{1});
  EXPECT_TRUE(sent<StatusReport>(lone.step(StatusArrived{r(2), report_of(1)})).empty());
}

TEST(Status, VoteAboveTheWindowMakesItsSignerBeAskedHowFarItIs) {
  Lone lone(4, r(1));
  const PrePrepare far = lone.world.pre_prepare(batch_of(1000, {}));
  const Output out = lone.receive(lone.world.commit(far, r(3)));
  ASSERT_EQ(out.send.size(), 1U);
  EXPECT_EQ(out.send[0].to, r(3));
  EXPECT_TRUE(sent<StatusReport>(out).at(0).wants_answer);
  EXPECT_TRUE(lone.receive(lone.world.prepare(far, r(3))).send.empty()) << "not at every vote";
  lone.pass(100);
  EXPECT_EQ(lone.receive(lone.world.prepare(far, r(3))).send.at(0).to, r(3));
}

TEST(Status, OwnVoteOfAnEarlierLifeAboveTheWindowIsAskedOfNobody) {
  Lone lone(4, r(1));
  const PrePrepare far = lone.world.pre_prepare(batch_of(1000, {}));
  EXPECT_TRUE(lone.receive(lone.world.commit(far, r(1))).send.empty());
}

// --- lies ----------------------------------------------------------------------------------------

TEST(Lies, ReportWithAnySlotsAndNumbersIsBounded) {
  Lone lone(4, r(1));
  (void)lone.receive(lone.world.pre_prepare(batch_of(1, lone.ready())));
  for (const std::uint64_t executed : {std::uint64_t{0}, std::uint64_t{1}, std::uint64_t{31},
                                       std::uint64_t{1} << 63, UINT64_MAX - 1, UINT64_MAX}) {
    for (const std::size_t size : {0, 1, 32, 33, 100'000}) {
      for (const int fill : {0x00, 0x07, 0xff}) {
        lone.pass(60);
        StatusReport lie = report_of(
            executed, std::vector<std::uint8_t>(size, static_cast<std::uint8_t>(fill)), true);
        EXPECT_LE(lone.step(StatusArrived{r(3), lie}).send.size(), 4U);
      }
    }
  }
}

TEST(Lies, ReportsInTheNameOfNobodyAreIgnored) {
  Lone lone(4, r(1));
  for (const std::size_t id : {std::size_t{1}, 4 + kObserversMax, std::size_t{65535}}) {
    EXPECT_TRUE(lone.step(StatusArrived{r(id), report_of(99, {}, true)}).send.empty());
  }
  EXPECT_TRUE(live(lone, 300).empty() || lone.replica.executed() == Sequence{0});
  for (const Output& out : live(lone, 1000)) EXPECT_TRUE(out.fetch_blocks.empty());
}

TEST(Lies, ClaimOfEverythingCostsFewRequestsAndNoProgress) {
  Lone lone(4, r(1));
  (void)lone.step(StatusArrived{r(3), report_of(UINT64_MAX)});
  std::size_t fetches = 0;
  for (const Output& out : live(lone, 60'000)) fetches += out.fetch_blocks.size();
  EXPECT_GE(fetches, 1U);
  EXPECT_LE(fetches, 15U);
  EXPECT_EQ(sent<Prepare>(lone.receive(lone.world.pre_prepare(batch_of(1, lone.ready())))).size(),
            1U);
  (void)lone.step(BlocksEnded{r(3), 64});
}

// It says that it sent blocks, and asks to be asked again: once a pause, not once a round trip.
TEST(Lies, AnswersWithoutBlocksDoNotMakeARequestLoop) {
  Lone lone(4, r(1));
  lone.pass(1000);
  Output out = lone.step(StatusArrived{r(3), report_of(UINT64_MAX)});
  std::size_t fetches = out.fetch_blocks.size();
  ASSERT_EQ(fetches, 1U);
  for (int i = 0; i < 1000; ++i) {
    lone.pass(1);
    fetches += lone.step(BlocksEnded{r(3), 64}).fetch_blocks.size();
  }
  EXPECT_LE(fetches, 4U);
}

// And an honest peer that is ahead is asked although the liar answers fastest.
TEST(Lies, LiarThatAlwaysAnswersDoesNotHideThePeerThatHasTheBlocks) {
  Lone lone(4, r(3));
  lone.pass(1000);
  std::set<ReplicaId> asked;
  Output out = lone.step(StatusArrived{r(0), report_of(UINT64_MAX)});
  for (const BlockFetch& fetch : out.fetch_blocks) asked.insert(fetch.from);
  (void)lone.step(StatusArrived{r(1), report_of(50)});
  for (int i = 0; i < 100; ++i) {
    lone.pass(1);
    out = lone.step(BlocksEnded{r(0), 1});
    for (const BlockFetch& fetch : out.fetch_blocks) asked.insert(fetch.from);
  }
  EXPECT_TRUE(asked.contains(r(1)));
}

// Pitfall 34, slow drip: the same good block again and again is no progress.
TEST(Lies, RepeatedBlockDoesNotKeepARequestAlive) {
  Lone lone(4, r(3));
  lone.pass(1000);
  (void)lone.step(StatusArrived{r(0), report_of(UINT64_MAX)});
  (void)lone.step(StatusArrived{r(1), report_of(50)});
  const CertifiedBatch later = block(lone, 5);
  for (int i = 0; i < 20; ++i) {
    lone.pass(100);
    for (const BlockFetch& fetch : lone.receive(later).fetch_blocks) {
      if (fetch.from == r(1)) return;
    }
  }
  FAIL() << "only the dripping peer was asked in two seconds";
}

TEST(Lies, FloodOfBlocksKeepsAtMostAWindowOfThem) {
  Lone lone(4, r(1));
  std::size_t handed_out = 0;
  for (std::uint64_t sequence = 2; sequence <= 200; ++sequence) {
    handed_out += lone.receive(block(lone, sequence)).commit.size();
  }
  EXPECT_EQ(handed_out, 0U);
  EXPECT_EQ(lone.receive(block(lone, 1)).commit.size(), 64U) << "1 to 64; the rest was not kept";
}

TEST(Lies, FloodOfTheWholeHistoryDoesNotRunAwayFromExecution) {
  Lone lone(4, r(1));
  for (std::uint64_t sequence = 1; sequence <= 200; ++sequence) {
    (void)lone.receive(block(lone, sequence));
  }
  EXPECT_EQ(lone.replica.committed(), Sequence{32 + 64});
  EXPECT_EQ(lone.step(executed_batch(1)).commit.size(), 1U);
}

// Others make checkpoints stable, so votes would go on for ever without this replica's execution.
TEST(Execution, ThatFallsBehindIsHandedABoundedNumberOfBatches) {
  Lone lone(4, r(1));
  for (std::uint64_t sequence = 1; sequence <= 200; ++sequence) {
    const PrePrepare proposal = lone.world.pre_prepare(batch_of(sequence, lone.ready()));
    (void)lone.receive(proposal);
    for (std::size_t i = 0; i < 4; ++i) (void)lone.receive(lone.world.commit(proposal, r(i)));
    if (sequence % 16 == 0) (void)lone.receive(lone.world.stable(sequence));
  }
  EXPECT_EQ(lone.replica.committed(), Sequence{32 + 64});
  // What the others' checkpoint closed meanwhile comes as blocks, when execution has caught up.
  std::vector<BlockFetch> fetches;
  for (std::uint64_t sequence = 1; sequence <= 96; ++sequence) {
    const Output out = lone.step(executed_batch(sequence));
    fetches.insert(fetches.end(), out.fetch_blocks.begin(), out.fetch_blocks.end());
    lone.pass(10);
  }
  ASSERT_FALSE(fetches.empty());
  EXPECT_EQ(fetches[0].first, Sequence{97});
}

TEST(Execution, ThatFallsBehindIsNotThePrimarysFault) {
  Lone lone(4, r(1));
  for (std::uint64_t sequence = 1; sequence <= 96; ++sequence) {
    (void)lone.receive(block(lone, sequence));  // of transactions that were never ready here
  }
  (void)lone.ready();
  EXPECT_FALSE(suspects(live(lone, 5000)));
  for (std::uint64_t sequence = 1; sequence <= 96; ++sequence) {
    (void)lone.step(executed_batch(sequence));
  }
  EXPECT_TRUE(suspects(live(lone, 5000))) << "now it waits for the primary alone";
}

// --- blocks --------------------------------------------------------------------------------------

TEST(Blocks, LaggingReplicaAsksAPeerThatIsAheadAfterAGrace) {
  Lone lone(4, r(1));
  (void)lone.commit_and_execute(1);
  EXPECT_TRUE(lone.step(StatusArrived{r(3), report_of(5)}).fetch_blocks.empty());
  const auto outputs = live(lone, 101);
  std::vector<BlockFetch> fetches;
  for (const Output& out : outputs) {
    fetches.insert(fetches.end(), out.fetch_blocks.begin(), out.fetch_blocks.end());
  }
  ASSERT_EQ(fetches.size(), 1U);
  EXPECT_EQ(fetches[0].from, r(3));
  EXPECT_EQ(fetches[0].first, Sequence{2});
  EXPECT_EQ(fetches[0].count, 4U);
}

TEST(Blocks, ComeInAnyOrderAndAreHandedOutInTheirs) {
  Lone lone(4, r(1));
  std::vector<std::uint64_t> order;
  for (const std::uint64_t sequence : {3, 5, 1, 2, 4}) {
    for (const CertifiedBatch& batch : lone.receive(block(lone, sequence)).commit) {
      order.push_back(batch.certificate.sequence.value);
    }
  }
  EXPECT_EQ(order, (std::vector<std::uint64_t>{1, 2, 3, 4, 5}));
}

// Pitfall 25: by block and by votes, once.
// Pitfall 25: votes and block of one sequence that both wait for the one before it.
TEST(Blocks, BatchThatWaitsBothWaysIsHandedOutOnce) {
  Lone lone(4, r(1));
  const CertifiedBatch first = block(lone, 1);
  const TransactionPtr body = lone.ready()[0];
  const PrePrepare second = lone.world.pre_prepare(batch_of(2, {body}));
  (void)lone.receive(second);
  for (const std::size_t i : {0, 2, 3}) (void)lone.receive(lone.world.commit(second, r(i)));
  (void)lone.receive(CertifiedBatch{second.batch, lone.world.certificate(second), {body}});
  const Output out = lone.receive(first);
  ASSERT_EQ(out.commit.size(), 2U);
  EXPECT_EQ(out.commit[0].certificate.sequence, Sequence{1});
  EXPECT_EQ(out.commit[1].certificate.sequence, Sequence{2});
}

TEST(Blocks, BatchThatComesBothWaysIsHandedOutOnce) {
  Lone lone(4, r(1));
  const TransactionPtr body = lone.ready()[0];
  const PrePrepare proposal = lone.world.pre_prepare(batch_of(1, {body}));
  const CertifiedBatch whole{proposal.batch, lone.world.certificate(proposal), {body}};
  (void)lone.receive(proposal);
  EXPECT_EQ(lone.receive(whole).commit.size(), 1U);
  for (const std::size_t i : {0, 2, 3}) {
    EXPECT_TRUE(lone.receive(lone.world.commit(proposal, r(i))).commit.empty());
  }
  EXPECT_TRUE(lone.receive(whole).commit.empty());
  (void)lone.step(executed_batch(1, {body->id}));
  EXPECT_TRUE(lone.receive(whole).commit.empty());
}

TEST(Blocks, NoMoreAreAskedForWhileExecutionIsAWindowBehind) {
  Lone lone(4, r(1));
  for (std::uint64_t sequence = 1; sequence <= 32; ++sequence) {
    (void)lone.receive(block(lone, sequence));
  }
  lone.pass(1000);
  EXPECT_TRUE(lone.step(StatusArrived{r(3), report_of(1000)}).fetch_blocks.empty());
  for (const Output& out : live(lone, 10'000)) EXPECT_TRUE(out.fetch_blocks.empty());
  EXPECT_EQ(lone.step(executed_batch(1)).fetch_blocks.size(), 1U);
}

TEST(Blocks, VotesAreNotCastForWhatABlockSettled) {
  Lone lone(4, r(1));
  const TransactionPtr body = lone.ready()[0];
  const PrePrepare proposal = lone.world.pre_prepare(batch_of(1, {body}));
  (void)lone.receive(CertifiedBatch{proposal.batch, lone.world.certificate(proposal), {body}});
  const PrePrepare other = lone.world.pre_prepare(batch_of(1, {}));
  EXPECT_TRUE(sent<Prepare>(lone.receive(other)).empty());
}

// --- the host is not kept busy -------------------------------------------------------------------

// Whatever state a replica is in, its deadlines must not make the host spin.
TEST(Deadlines, AreRareInEveryWaitingState) {
  const auto ticks = [](Lone& lone) { return live(lone, 10'000).size(); };
  {
    Lone lone(4, r(1));  // blocks fetched, execution stands still, a peer is ahead
    for (std::uint64_t s = 1; s <= 32; ++s) (void)lone.receive(block(lone, s));
    (void)lone.step(StatusArrived{r(3), report_of(1000)});
    EXPECT_LE(ticks(lone), 30U);
  }
  {
    Lone lone(4, r(1));  // a proposal without bodies that a block settled, execution stands still
    const PrePrepare proposal = lone.world.pre_prepare(batch_of(1, {lone.world.transaction()}));
    (void)lone.receive(proposal);
    (void)lone.receive(block(lone, 1));
    EXPECT_LE(ticks(lone), 30U);
  }
  {
    Lone lone(4, r(1));  // a proposal from the future
    (void)lone.receive(lone.world.pre_prepare(batch_of(1, {}, {UINT64_MAX})));
    EXPECT_LE(ticks(lone), 30U);
  }
  {
    Lone lone(4, r(1));  // just committed, and a peer claims more
    (void)lone.commit_and_execute(1);
    (void)lone.step(StatusArrived{r(3), report_of(UINT64_MAX)});
    EXPECT_LE(ticks(lone), 40U);
  }
  {
    Lone lone(4, r(1));  // committed elsewhere, accepted something else, without bodies
    const PrePrepare mine = lone.world.pre_prepare(batch_of(1, {lone.world.transaction()}));
    const PrePrepare theirs = lone.world.pre_prepare(batch_of(1, {}));
    (void)lone.receive(mine);
    for (const std::size_t i : {0, 2, 3}) (void)lone.receive(lone.world.commit(theirs, r(i)));
    EXPECT_LE(ticks(lone), 30U);
  }
  {
    Lone lone(1, r(0));
    EXPECT_LE(ticks(lone), 3U);
  }
}

}  // namespace
}  // namespace quorate::pbft::test
