// Checkpoint votes and how they become a stable checkpoint.

#include "pbft/checkpoints.h"

#include <gtest/gtest.h>

#include "tests/support/pbft_lone.h"

namespace quorate::pbft::test {
namespace {

class CheckpointsTest : public testing::Test {
 protected:
  void vote(std::uint64_t sequence, std::size_t replica, std::string_view state = "state") {
    last = world.checkpoint_vote(sequence, r(replica), state);
    (void)checkpoints.add(last);
  }
  [[nodiscard]] std::optional<StableCheckpoint> stable() const {
    return checkpoints.quorum_like(last);
  }
  World world{4};
  Checkpoints checkpoints{4, 32};
  CheckpointVote last;
};

TEST_F(CheckpointsTest, QuorumOfEqualVotesIsStable) {
  vote(16, 0);
  vote(16, 3);
  EXPECT_FALSE(stable());
  vote(16, 1);
  const auto found = stable();
  ASSERT_TRUE(found);
  EXPECT_EQ(found->note.sequence, Sequence{16});
  EXPECT_TRUE(world.verifier().check(*found));
}

TEST_F(CheckpointsTest, VotesForAnotherStateDoNotCount) {
  vote(16, 0);
  vote(16, 1);
  vote(16, 2, "another");
  EXPECT_FALSE(stable());
  vote(16, 3);
  EXPECT_TRUE(stable());
}

TEST_F(CheckpointsTest, OneReplicaCountsOnce) {
  for (int i = 0; i < 5; ++i) vote(16, 0);
  EXPECT_FALSE(stable());
}

TEST_F(CheckpointsTest, SecondNoteAtOneSequenceIsEvidenceAndNotCounted) {
  vote(16, 0);
  const auto found = checkpoints.add(world.checkpoint_vote(16, r(0), "another"));
  ASSERT_TRUE(found);
  const ledger::EvidenceVerifier verifier(world.chain_id(), world.cache());
  EXPECT_TRUE(verifier.check(*found, world.replicas()));
  EXPECT_EQ(checkpoints.find(r(0), {16})->note, world.checkpoint(16).note);
}

TEST_F(CheckpointsTest, EachStableOneIsFoundByItsLastVote) {
  for (const std::size_t i : {0, 1}) vote(16, i);
  for (const std::size_t i : {1, 2, 3}) vote(32, i);
  EXPECT_EQ(stable()->note.sequence, Sequence{32});
  vote(16, 2);
  EXPECT_EQ(stable()->note.sequence, Sequence{16});
  checkpoints.set_stable({32});
  vote(16, 3);
  EXPECT_FALSE(stable());
}

// A replica that is a window behind still learns how far the others are; a liar's high numbers
// take one place.
TEST_F(CheckpointsTest, BeyondTheWindowTheHighestOfEachReplicaIsKept) {
  for (std::uint64_t sequence = 16; sequence <= 1600; sequence += 16) vote(sequence, 3);
  EXPECT_EQ(checkpoints.latest(r(3))->note.sequence, Sequence{1600});
  EXPECT_TRUE(checkpoints.find(r(3), {16}));
  EXPECT_TRUE(checkpoints.find(r(3), {32}));
  EXPECT_FALSE(checkpoints.find(r(3), {48}));
  for (const std::size_t i : {0, 1, 2}) vote(1600, i);
  EXPECT_EQ(stable()->note.sequence, Sequence{1600});
}

TEST_F(CheckpointsTest, VotesAtOrBelowTheStableOneAreSettled) {
  checkpoints.set_stable({16});
  vote(16, 0);
  vote(8, 1);
  EXPECT_FALSE(checkpoints.latest(r(0)));
  EXPECT_FALSE(checkpoints.latest(r(1)));
}

// --- in the replica ------------------------------------------------------------------------------

TEST(ReplicaCheckpoint, VotesWhenItExecutedOneAndStoresTheVoteFirst) {
  Lone lone(4, r(1));
  (void)lone.commit_and_execute(1);
  const PrePrepare proposal = lone.world.pre_prepare(batch_of(2, lone.ready()));
  (void)lone.receive(proposal);
  for (const std::size_t i : {0, 2, 3}) (void)lone.receive(lone.world.commit(proposal, r(i)));
  BatchExecuted report = executed_batch(2);
  report.checkpoint = lone.world.checkpoint(2);
  const Output out = lone.step(report);
  ASSERT_EQ(sent<CheckpointVote>(out).size(), 1U);
  EXPECT_EQ(sent<CheckpointVote>(out)[0].signature,
            lone.world.checkpoint_vote(2, r(1)).signature);
  EXPECT_EQ(records<CheckpointRecord>(out).size(), 1U);
}

TEST(ReplicaCheckpoint, StableOneMovesTheWatermarksAndClosesSlots) {
  Lone lone(4, r(1));
  (void)lone.receive(lone.world.pre_prepare(batch_of(3, {})));
  (void)lone.receive(lone.world.pre_prepare(batch_of(17, {})));
  Output out;
  for (const std::size_t i : {0, 2, 3}) out = lone.receive(lone.world.checkpoint_vote(16, r(i)));
  EXPECT_EQ(lone.replica.low_watermark(), Sequence{16});
  EXPECT_EQ(lone.replica.high_watermark(), Sequence{48});
  EXPECT_EQ(lone.replica.open_slots(), 1U);
  ASSERT_TRUE(out.stable);
  EXPECT_EQ(records<StableRecord>(out).size(), 1U);
}

// A crash between the ledger's sync and the vote: the vote is cast after the restart. Twice
// forgotten by all, the window would be full for good.
// A vote may be lost on the way, and nobody asks for it by name.
TEST(ReplicaCheckpoint, VoteIsSentAgainToWhoeverHasNoneStableThere) {
  Lone lone(4, r(1));
  (void)lone.commit_and_execute(1);
  const PrePrepare proposal = lone.world.pre_prepare(batch_of(2, lone.ready()));
  (void)lone.receive(proposal);
  for (const std::size_t i : {0, 2, 3}) (void)lone.receive(lone.world.commit(proposal, r(i)));
  BatchExecuted executed = executed_batch(2);
  executed.checkpoint = lone.world.checkpoint(2);
  (void)lone.step(executed);
  lone.pass(1000);
  StatusReport report = report_of(2);
  EXPECT_EQ(sent<CheckpointVote>(lone.step(StatusArrived{r(3), report})).size(), 1U);
  report.stable = {2};
  EXPECT_TRUE(sent<CheckpointVote>(lone.step(StatusArrived{r(2), report})).empty());
}

TEST(ReplicaCheckpoint, VoteThatACrashSwallowedIsCastAfterTheRestart) {
  World world(4);
  ReplicaStart start = start_at_genesis();
  start.executed = {16};
  start.checkpoint = {16};
  start.last_checkpoint = world.checkpoint(16);
  Voter voter(world.signer(r(1)), world.chain_id(), r(1), world.replicas(), Standing::kVoter);
  ReplicaConfig config;
  config.self = r(1);
  config.replicas = world.replicas();
  Replica replica(config, voter, start);
  const Output out = replica.step({{1000, kStartTime}, Tick{}});
  ASSERT_EQ(sent<CheckpointVote>(out).size(), 1U);
  EXPECT_EQ(records<CheckpointRecord>(out).size(), 1U);
}

// Pitfall 24: a replica whose state is not the certified one must not go on voting.
// Found by simulation: nobody else may be left to make it stable.
TEST(ReplicaCheckpoint, ExecutedWhileItSignedNothingIsVotedForAtTheEndOfTheRecovery) {
  const World world(4);
  ReplicaStart start = start_at_genesis();
  start.executed = {17};
  start.checkpoint = {17};
  start.last_checkpoint = world.checkpoint(17);
  Voter voter(world.signer(r(3)), world.chain_id(), r(3), world.replicas(), Standing::kRecovering,
              {{}, {}, {16}});
  ReplicaConfig config;
  config.self = r(3);
  config.replicas = world.replicas();
  Replica replica(config, voter, std::move(start));
  const Now now{1000, kStartTime};
  EXPECT_TRUE(sent<CheckpointVote>(replica.step({now, Tick{}})).empty());
  const Output out = replica.step({now, world.verified(world.stable(16))});
  EXPECT_TRUE(out.recovered);
  ASSERT_EQ(sent<CheckpointVote>(out).size(), 1U);
  EXPECT_EQ(sent<CheckpointVote>(out)[0].note.sequence, Sequence{17});
  EXPECT_EQ(records<CheckpointRecord>(out).size(), 1U);
}

TEST(ReplicaCheckpoint, ReplicaWhoseStateIsNotTheCertifiedOneStopsSigning) {
  Lone lone(4, r(1));
  const PrePrepare proposal = lone.world.pre_prepare(batch_of(1, {}));
  for (const std::size_t i : {0, 2, 3}) (void)lone.receive(lone.world.commit(proposal, r(i)));
  (void)lone.receive(proposal);
  BatchExecuted report = executed_batch(1);
  report.checkpoint = lone.world.checkpoint(1, "mine, damaged");
  (void)lone.step(report);
  const Output out = lone.receive(lone.world.stable(1));
  EXPECT_EQ(events<StateDiverged>(out).size(), 1U);
  EXPECT_EQ(lone.replica.voter().standing(), Standing::kLearner);
  EXPECT_TRUE(sent<Prepare>(lone.receive(lone.world.pre_prepare(batch_of(2, {})))).empty());
}

TEST(ReplicaCheckpoint, TheSameWhenTheOthersWereFirst) {
  Lone lone(4, r(1));
  const PrePrepare proposal = lone.world.pre_prepare(batch_of(1, {}));
  (void)lone.receive(proposal);
  for (const std::size_t i : {0, 2, 3}) (void)lone.receive(lone.world.commit(proposal, r(i)));
  (void)lone.receive(lone.world.stable(1));
  BatchExecuted report = executed_batch(1);
  report.checkpoint = lone.world.checkpoint(1, "mine, damaged");
  EXPECT_EQ(events<StateDiverged>(lone.step(report)).size(), 1U);
}

}  // namespace
}  // namespace quorate::pbft::test
