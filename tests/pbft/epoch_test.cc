// Where an epoch ends and the next one begins, in one replica of one epoch (DESIGN §4, Membership).

#include <gtest/gtest.h>

#include "pbft/block_sources.h"
#include "tests/support/pbft_lone.h"

namespace quorate::pbft::test {
namespace {

// W = 2, L = 8, K = 4: a change that is executed at 3 takes effect after 11.
constexpr std::uint64_t kBoundary = 11;

ledger::Parameters small() {
  ledger::Parameters parameters;
  parameters.window_batches = 2;
  parameters.checkpoint_interval = 4;
  return parameters;
}

ReplicaStart start_before(std::uint64_t boundary) {
  ReplicaStart start = start_at_genesis();
  start.boundary = {boundary};
  return start;
}

// Whose epoch ends at kBoundary, as it knows from its ledger.
struct Ending : Lone {
  explicit Ending(ReplicaId self, std::size_t replicas = 4)
      : Lone(replicas, self, small(), start_before(kBoundary)) {
    world.boundary = {kBoundary};
  }
  // Everybody else commits what stands in these null batches, and it is executed.
  Output fill(std::uint64_t first, std::uint64_t last) {
    Output out;
    for (std::uint64_t sequence = first; sequence <= last; ++sequence) {
      const PrePrepare proposal = world.pre_prepare(ledger::null_batch({sequence}));
      (void)receive(proposal);
      for (std::size_t i = 0; i < world.size(); ++i) {
        if (r(i) != replica.config().self) (void)receive(world.commit(proposal, r(i)));
      }
      out = execute(sequence);
    }
    return out;
  }
  Output execute(std::uint64_t sequence) {
    BatchExecuted report = executed_batch(sequence);
    report.boundary = {kBoundary};
    if (sequence % 4 == 0 || sequence == kBoundary) report.checkpoint = world.checkpoint(sequence);
    return step(report);
  }
  // The others' votes for the checkpoint there.
  Output make_stable(std::uint64_t sequence) {
    Output out;
    for (std::size_t i = 0; i < world.size(); ++i) {
      if (r(i) == replica.config().self || replica.low_watermark() >= Sequence{sequence}) continue;
      out = receive(world.checkpoint_vote(sequence, r(i)));
    }
    return out;
  }
};

bool signs_anything(const Output& out) {
  for (const Send& send : out.send) {
    const bool is_signed = !std::holds_alternative<StatusReport>(send.message) &&
                           !std::holds_alternative<StableCheckpoint>(send.message);
    if (is_signed) return true;
  }
  return false;
}

// --- the voter -----------------------------------------------------------------------------------

class EpochVoter : public testing::Test {
 protected:
  [[nodiscard]] Voter voter(std::size_t self) const {
    Voter result(world.signer(r(self % 4)), world.chain_id(), r(self), world.replicas(),
                 Standing::kVoter);
    result.set_boundary({kBoundary});
    return result;
  }
  template <class T>
  static std::string_view refusal(const Signed<T>& result) {
    return result ? "signed" : refusal_code(result.error().refusal);
  }
  [[nodiscard]] static Vote by(std::size_t self, Vote vote) {
    vote.replica = r(self);
    return vote;
  }

  World world{4};
  PrePrepare last = world.pre_prepare(batch_of(kBoundary, {}));
  PrePrepare above = world.pre_prepare(batch_of(kBoundary + 1, {}));
};

TEST_F(EpochVoter, RefusesEveryVoteAboveTheBoundary) {
  Voter primary = voter(0);
  Voter backup = voter(1);
  EXPECT_EQ(refusal(primary.pre_prepare(last.vote)), "signed");
  EXPECT_EQ(refusal(primary.pre_prepare(above.vote)), "vote-above-boundary");
  EXPECT_EQ(refusal(backup.prepare(by(1, last.vote))), "signed");
  EXPECT_EQ(refusal(backup.prepare(by(1, above.vote))), "vote-above-boundary");
  EXPECT_EQ(refusal(backup.commit(by(1, last.vote), world.prepared(last))), "signed");
  EXPECT_EQ(refusal(backup.commit(by(1, above.vote), world.prepared(above))),
            "vote-above-boundary");
  EXPECT_EQ(refusal(backup.checkpoint(world.checkpoint(kBoundary).note, 1)), "signed");
  EXPECT_EQ(refusal(backup.checkpoint(world.checkpoint(kBoundary + 1).note, 1)),
            "vote-above-boundary");
}

TEST_F(EpochVoter, SignsNothingOnceTheEndIsStable) {
  Voter replica = voter(1);
  EXPECT_EQ(refusal(replica.view_change(world.view_change({1}, r(1)).body)), "signed");
  EXPECT_FALSE(replica.set_stable({kBoundary}));
  EXPECT_FALSE(replica.may_vote());
  EXPECT_FALSE(replica.view_to_move_to({2}));
  EXPECT_EQ(refusal(replica.view_change(world.view_change({2}, r(1)).body)), "vote-epoch-ended");
  NewViewBody opening{{}, {5}, r(1), {}};
  EXPECT_EQ(refusal(replica.new_view(opening)), "vote-epoch-ended");
  EXPECT_EQ(refusal(replica.prepare(by(1, above.vote))), "vote-epoch-ended");
}

TEST_F(EpochVoter, SignsNothingForASetThatItIsNotIn) {
  Voter observer = voter(4);
  EXPECT_FALSE(observer.may_vote());
  EXPECT_EQ(refusal(observer.prepare(by(4, last.vote))), "vote-not-a-member");
  EXPECT_EQ(refusal(observer.checkpoint(world.checkpoint(4).note, 1)), "vote-not-a-member");
}

TEST_F(EpochVoter, SignsForNoOtherEpoch) {
  Voter replica = voter(1);
  Vote other = by(1, last.vote);
  other.epoch = {1};
  EXPECT_EQ(refusal(replica.prepare(other)), "vote-not-our-turn");
  ViewChangeBody move = world.view_change({1}, r(1)).body;
  move.epoch = {1};
  EXPECT_EQ(refusal(replica.view_change(move)), "vote-not-our-turn");
  NewViewBody opening{{1}, {5}, r(1), {}};
  EXPECT_EQ(refusal(replica.new_view(opening)), "vote-not-our-turn");
  CheckpointNote note = world.checkpoint(4).note;
  note.epoch = {1};
  EXPECT_EQ(refusal(replica.checkpoint(note, 1)), "vote-not-our-turn");
}

// Views are compared as (epoch, view): what was said in the views of an epoch binds in that one.
TEST_F(EpochVoter, CeilingOfAnEarlierEpochSaysNothingOfTheViewsOfThis) {
  ReplicaSet next = world.replicas();
  next.epoch = {1};
  Voter later(world.signer(r(1)), world.chain_id(), r(1), next, Standing::kRecovering,
              {{0}, {7}, {8}});
  EXPECT_TRUE(later.set_stable({8}));
  EXPECT_TRUE(later.may_vote_in({0}));
  Voter same(world.signer(r(1)), world.chain_id(), r(1), next, Standing::kRecovering,
             {{1}, {7}, {8}});
  EXPECT_TRUE(same.set_stable({8}));
  EXPECT_FALSE(same.may_vote_in({6}));
}

// --- what is true for ever -----------------------------------------------------------------------

TEST(EpochVerifier, NothingAtOrBelowItsStartIsOfAnEpoch) {
  World world(4, small(), {1}, {kBoundary});
  const auto verdict = [&](const auto& message) {
    const auto checked = world.verifier().check(message);
    return checked ? "accepted" : reject_code(checked.error());
  };
  const PrePrepare before = world.pre_prepare(batch_of(kBoundary, {}));
  EXPECT_EQ(verdict(before), "before-epoch");
  EXPECT_EQ(verdict(world.prepare(before, r(1))), "before-epoch");
  EXPECT_EQ(verdict(world.commit(before, r(1))), "before-epoch");
  EXPECT_EQ(verdict(CertifiedBatch{before.batch, world.certificate(before), {}}), "before-epoch");
  EXPECT_EQ(verdict(world.checkpoint_vote(kBoundary, r(1))), "before-epoch");
  EXPECT_EQ(verdict(world.stable(kBoundary)), "before-epoch");
  EXPECT_EQ(verdict(world.view_change({1}, r(1), {}, world.stable(kBoundary))), "before-epoch");
  EXPECT_EQ(verdict(world.pre_prepare(batch_of(kBoundary + 1, {}))), "accepted");
}

TEST(EpochVerifier, ViewChangeWithoutCheckpointBeginsWhereTheEpochDoes) {
  World world(4, small(), {1}, {kBoundary});
  const auto verdict = [&](std::uint64_t sequence) {
    const PrePrepare proposal = world.pre_prepare(batch_of(sequence, {}));
    const auto checked =
        world.verifier().check(world.view_change({1}, r(1), {world.prepared(proposal)}));
    return checked ? "accepted" : reject_code(checked.error());
  };
  EXPECT_EQ(verdict(kBoundary + 1), "accepted");
  EXPECT_EQ(verdict(kBoundary + 8), "accepted");
  EXPECT_EQ(verdict(kBoundary + 9), "malformed-view-change");
}

TEST(EpochVerifier, PlanBeginsWhereTheEpochDoes) {
  World world(4, small(), {1}, {kBoundary});
  const PrePrepare proposal = world.pre_prepare(batch_of(kBoundary + 2, {}));
  const std::vector<ViewChange> messages{world.view_change({1}, r(0)),
                                         world.view_change({1}, r(1), {world.prepared(proposal)}),
                                         world.view_change({1}, r(2))};
  const NewViewPlan plan = plan_new_view(messages, {kBoundary});
  EXPECT_FALSE(plan.stable);
  EXPECT_EQ(plan.low, Sequence{kBoundary});
  EXPECT_EQ(plan.high, Sequence{kBoundary + 2});
  ASSERT_EQ(plan.slots.size(), 2U);
  EXPECT_TRUE(plan.slots[0].is_null);
  EXPECT_EQ(plan.slots[1].batch, proposal.vote.batch);
}

// --- the window ----------------------------------------------------------------------------------

TEST(Epoch, WindowEndsAtTheBoundary) {
  Lone lone(4, r(1), small());
  EXPECT_EQ(lone.replica.high_watermark(), Sequence{8});
  BatchExecuted report = executed_batch(1);
  const PrePrepare proposal = lone.world.pre_prepare(batch_of(1, lone.ready()));
  (void)lone.receive(proposal);
  for (const std::size_t i : {0, 2, 3}) (void)lone.receive(lone.world.commit(proposal, r(i)));
  report.boundary = {6};
  const Output out = lone.step(report);
  EXPECT_EQ(lone.replica.high_watermark(), Sequence{6});
  ASSERT_EQ(events<BoundaryKnown>(out).size(), 1U);
  EXPECT_EQ(events<BoundaryKnown>(out)[0].boundary, Sequence{6});
  EXPECT_TRUE(ignored_because(lone.receive(lone.world.pre_prepare(batch_of(7, {}))),
                              MessageIgnored::Why::kAboveWatermark));
}

// One that executed nothing of it learns from the checkpoint, so that its window, which that moves,
// does not pass the boundary either.
TEST(Epoch, StableCheckpointNamesTheBoundary) {
  Lone lone(4, r(1), small());
  lone.world.boundary = {kBoundary};
  const Output out = lone.receive(lone.world.stable(4));
  EXPECT_EQ(lone.replica.low_watermark(), Sequence{4});
  EXPECT_EQ(lone.replica.high_watermark(), Sequence{kBoundary});
  EXPECT_EQ(events<BoundaryKnown>(out).size(), 1U);
  EXPECT_EQ(lone.voter.prepare(lone.world.prepare(
                lone.world.pre_prepare(batch_of(kBoundary + 1, {})), r(1)).vote).error().refusal,
            Refusal::kAboveBoundary);
}

TEST(Epoch, RestartRemembersTheBoundary) {
  EXPECT_EQ(Ending(r(1)).replica.boundary(), Sequence{kBoundary});
  ReplicaStart start = start_at_genesis();
  World world(4, small());
  world.boundary = {kBoundary};
  start.votes.stable = world.stable(4);
  Lone lone(4, r(1), small(), start);
  EXPECT_EQ(lone.replica.high_watermark(), Sequence{kBoundary});
}

// --- filling -------------------------------------------------------------------------------------

TEST(Epoch, PrimaryFillsUpToTheBoundaryThoughNothingIsReady) {
  Ending primary(r(0));
  // W in flight.
  EXPECT_EQ(primary.replica.open_slots(), 2U);
  for (std::uint64_t sequence = 1; sequence <= kBoundary; ++sequence) {
    if (sequence > 4 && primary.replica.low_watermark() < Sequence{4}) {
      (void)primary.make_stable(4);
    }
    const auto& slot = primary.replica.slots().at({sequence});
    ASSERT_TRUE(slot.proposal) << sequence;
    EXPECT_EQ(slot.proposal->vote.batch,
              ledger::digest_of_batch(ledger::null_batch({sequence}).header));
    const PrePrepare proposal = *slot.proposal;
    for (const std::size_t i : {1, 2, 3}) {
      (void)primary.receive(primary.world.prepare(proposal, r(i)));
      (void)primary.receive(primary.world.commit(proposal, r(i)));
    }
    (void)primary.execute(sequence);
  }
  EXPECT_EQ(primary.replica.executed(), Sequence{kBoundary});
  EXPECT_FALSE(primary.replica.slots().contains({kBoundary + 1}));
}

TEST(Epoch, ReadyTransactionsGoBeforeFilling) {
  Lone primary(4, r(0), small());
  const auto bodies = primary.ready(3);  // W = 2: the third waits
  const PrePrepare first = *primary.replica.slots().at({1}).proposal;
  for (const std::size_t i : {1, 2, 3}) {
    (void)primary.receive(primary.world.prepare(first, r(i)));
  }
  for (const std::size_t i : {1, 2, 3}) (void)primary.receive(primary.world.commit(first, r(i)));
  BatchExecuted report = executed_batch(1, first.batch.ids);
  report.boundary = {9};
  (void)primary.step(report);
  EXPECT_EQ(primary.replica.slots().at({3}).proposal->batch.ids,
            std::vector<TxId>{bodies[2]->id});
}

TEST(Epoch, PrimaryThatDoesNotFillIsSuspected) {
  Ending backup(r(1));
  const std::uint64_t due =
      backup.world.parameters().checkpoint_quiet_ms + backup.world.parameters().time_slack_ms;
  Output out;
  std::uint64_t waited = 0;
  while (sent<ViewChange>(out).empty() && waited < 10'000) {
    out = backup.tick_after(50);
    waited += 50;
  }
  ASSERT_EQ(events<ViewLeft>(out).size(), 1U);
  EXPECT_EQ(events<ViewLeft>(out)[0].why, Suspected::kNotFilled);
  EXPECT_GE(waited, due);
  EXPECT_LE(waited, due + 1100);
}

TEST(Epoch, NobodyIsSuspectedOnceTheLastPlaceIsTaken) {
  Ending backup(r(1));
  (void)backup.fill(1, 4);
  (void)backup.make_stable(4);
  (void)backup.fill(5, kBoundary);
  EXPECT_EQ(backup.replica.committed(), Sequence{kBoundary});
  for (int i = 0; i < 200; ++i) EXPECT_TRUE(sent<ViewChange>(backup.tick_after(50)).empty()) << i;
}

// --- the end -------------------------------------------------------------------------------------

TEST(Epoch, EndsWhenItsLastCheckpointIsStableAndExecuted) {
  Ending replica(r(1));
  (void)replica.fill(1, 4);
  (void)replica.make_stable(4);
  const Output executed = replica.fill(5, kBoundary);
  EXPECT_EQ(sent<CheckpointVote>(executed).size(), 1U);
  EXPECT_FALSE(executed.epoch_ended);
  const Output ended = replica.make_stable(kBoundary);
  ASSERT_TRUE(ended.epoch_ended);
  EXPECT_EQ(ended.epoch_ended->note.sequence, Sequence{kBoundary});
  EXPECT_EQ(records<StableRecord>(ended).size(), 1U);
  EXPECT_TRUE(replica.replica.has_ended());
  // Once; and what comes then moves it to nothing.
  for (int i = 0; i < 200; ++i) {
    const Output out = replica.tick_after(50);
    EXPECT_FALSE(out.epoch_ended);
    EXPECT_FALSE(signs_anything(out));
  }
  EXPECT_FALSE(signs_anything(replica.receive(replica.world.view_change({3}, r(2)))));
  EXPECT_FALSE(signs_anything(replica.receive(replica.world.view_change({3}, r(3)))));
}

TEST(Epoch, EndThatIsStableWaitsForItsOwnExecution) {
  Ending replica(r(1));
  (void)replica.fill(1, 4);
  EXPECT_FALSE(replica.receive(replica.world.stable(kBoundary)).epoch_ended);
  EXPECT_FALSE(replica.voter.may_vote());
  Output out;
  for (std::uint64_t sequence = 5; sequence <= kBoundary; ++sequence) {
    const PrePrepare proposal = replica.world.pre_prepare(ledger::null_batch({sequence}));
    (void)replica.receive(
        CertifiedBatch{proposal.batch, replica.world.certificate(proposal), {}});
    EXPECT_FALSE(out.epoch_ended);
    out = replica.execute(sequence);
  }
  EXPECT_TRUE(out.epoch_ended);
}

TEST(Epoch, DivergedReplicaDoesNotGoOnToTheNext) {
  Ending replica(r(1));
  (void)replica.fill(1, 4);
  (void)replica.make_stable(4);
  (void)replica.fill(5, kBoundary - 1);
  (void)replica.receive(replica.world.stable(kBoundary));
  const PrePrepare last = replica.world.pre_prepare(ledger::null_batch({kBoundary}));
  (void)replica.receive(CertifiedBatch{last.batch, replica.world.certificate(last), {}});
  BatchExecuted report = executed_batch(kBoundary);
  report.boundary = {kBoundary};
  report.checkpoint = replica.world.checkpoint(kBoundary, "another state");
  const Output out = replica.step(report);
  EXPECT_EQ(events<StateDiverged>(out).size(), 1U);
  EXPECT_FALSE(out.epoch_ended);
}

// A crash came between the execution of the last batch and the votes for its checkpoint: nobody
// else may be left to make it stable.
TEST(Epoch, RestartAtItsEndOwesTheLastVote) {
  World world(4, small());
  world.boundary = {kBoundary};
  ReplicaStart start = start_before(kBoundary);
  start.executed = {kBoundary};
  start.checkpoint = {kBoundary};
  start.last_checkpoint = world.checkpoint(kBoundary);
  Lone lone(4, r(1), small(), start);
  lone.world.boundary = {kBoundary};
  EXPECT_TRUE(lone.replica.checkpoints().find(r(1), {kBoundary}));
  (void)lone.receive(world.checkpoint_vote(kBoundary, r(0)));
  EXPECT_TRUE(lone.receive(world.checkpoint_vote(kBoundary, r(2))).epoch_ended);
}

TEST(Epoch, OfOneReplicaEndsByItself) {
  Ending alone(r(0), 1);
  Output out;
  for (std::uint64_t sequence = 1; sequence <= kBoundary; ++sequence) {
    out = alone.execute(sequence);
  }
  EXPECT_TRUE(out.epoch_ended);
}

// --- a ledger that was lost, while the vote store of a later epoch was not -----------------------

TEST(Epoch, ThatIsLongOverIsFollowedWithoutVotes) {
  World later(4, small(), {1}, {kBoundary});
  ReplicaStart start = start_at_genesis();
  start.votes.stable = later.stable(16);
  Lone lone(4, r(1), small(), start);
  lone.world.boundary = {kBoundary};
  EXPECT_EQ(lone.replica.low_watermark(), Sequence{0});
  EXPECT_FALSE(lone.voter.may_vote());
  const auto proposal = lone.world.pre_prepare(batch_of(1, lone.ready()));
  EXPECT_TRUE(sent<Prepare>(lone.receive(proposal)).empty());
  // What the store knows is more than this; it would forget what it signed up to 16.
  const Output out = lone.receive(lone.world.stable(kBoundary));
  EXPECT_EQ(lone.replica.low_watermark(), Sequence{kBoundary});
  EXPECT_TRUE(records<StableRecord>(out).empty());
}

TEST(Epoch, VotesOfAnotherAreNotRestored) {
  World earlier(4, small());
  World world(4, small(), {1}, {kBoundary});
  ReplicaStart start = start_at_genesis();
  start.executed = {kBoundary};
  start.votes.stable = earlier.stable(kBoundary);
  const PrePrepare stale = earlier.pre_prepare(batch_of(kBoundary + 1, {}));
  start.votes.proposals.push_back({stale, earlier.prepare(stale, r(1))});
  start.votes.commits.push_back({earlier.commit(stale, r(1)), earlier.prepared(stale)});
  Lone lone(4, r(1), small(), start, false, {1}, {kBoundary});
  EXPECT_EQ(lone.replica.low_watermark(), Sequence{kBoundary});
  EXPECT_FALSE(lone.replica.stable());
  EXPECT_EQ(lone.replica.open_slots(), 0U);
  EXPECT_EQ(
      sent<Prepare>(lone.receive(world.pre_prepare(batch_of(kBoundary + 1, lone.ready())))).size(),
      1U);
}

// C is of the epoch itself: nobody needs the set of the one before to judge it.
TEST(Epoch, ViewChangeAtItsBeginningCarriesNoCheckpoint) {
  World earlier(4, small());
  ReplicaStart start = start_at_genesis();
  start.executed = {kBoundary};
  start.votes.stable = earlier.stable(kBoundary);
  Lone lone(4, r(2), small(), start, false, {1}, {kBoundary});
  (void)lone.receive(lone.world.view_change({1}, r(0)));
  const auto left = sent<ViewChange>(lone.receive(lone.world.view_change({1}, r(3))));
  ASSERT_EQ(left.size(), 1U);
  EXPECT_FALSE(left[0].body.stable);
  EXPECT_TRUE(lone.world.verifier().check(left[0]));
}

// --- between epochs ------------------------------------------------------------------------------

StatusReport report_in(Epoch epoch, std::uint64_t executed, bool wants_answer = false) {
  StatusReport report = report_of(executed, {}, wants_answer);
  report.epoch = epoch;
  return report;
}

TEST(Epochs, ReplicaThatIsLeftBehindIsToldWhatEndedItsEpoch) {
  World earlier(4, small());
  earlier.boundary = {kBoundary};
  ReplicaStart start = start_at_genesis();
  start.executed = {kBoundary};
  start.past.push_back(earlier.stable(kBoundary));
  Lone lone(4, r(1), small(), start, false, {1}, {kBoundary});
  const Output out = lone.step(StatusArrived{r(2), report_in({0}, 3)});
  ASSERT_EQ(sent<StableCheckpoint>(out).size(), 1U);
  EXPECT_TRUE(earlier.verifier().check(sent<StableCheckpoint>(out)[0]));
  ASSERT_EQ(sent<StatusReport>(out).size(), 1U);
  EXPECT_EQ(sent<StatusReport>(out)[0].executed, Sequence{kBoundary});
  // Not for each of its reports.
  EXPECT_TRUE(lone.step(StatusArrived{r(2), report_in({0}, 3)}).send.empty());
}

TEST(Epochs, ReportOfALaterOneIsAClaimOfBlocksUpToOurBoundary) {
  Lone lone(4, r(1), small());
  lone.world.boundary = {kBoundary};
  Output out = lone.step(StatusArrived{r(2), report_in({1}, 40)});
  ASSERT_EQ(out.fetch_blocks.size(), 1U);
  EXPECT_EQ(out.fetch_blocks[0].count, 40U);  // it does not know better yet
  Ending ending(r(1));
  out = ending.step(StatusArrived{r(2), report_in({1}, 40)});
  ASSERT_EQ(out.fetch_blocks.size(), 1U);
  EXPECT_EQ(out.fetch_blocks[0].first, Sequence{1});
  EXPECT_EQ(out.fetch_blocks[0].count, kBoundary);
}

TEST(Epochs, BlocksOfALaterOneWaitForItsReplica) {
  Ending lone(r(1));
  lone.world.boundary = {kBoundary};
  World later(4, small(), {1}, {0});
  const PrePrepare proposal = later.pre_prepare(batch_of(1, {}));
  const Output out = lone.step(
      later.verified(CertifiedBatch{proposal.batch, later.certificate(proposal), {}}));
  EXPECT_TRUE(out.commit.empty());
}

// Reports fly back and forth for as long as one is behind, and must not breed.
TEST(Epochs, AnswerIsNotAnswered) {
  Lone lone(4, r(1), small());
  EXPECT_TRUE(lone.step(StatusArrived{r(2), report_in({1}, 40)}).send.empty());
  EXPECT_EQ(sent<StatusReport>(lone.step(StatusArrived{r(3), report_in({1}, 40, true)})).size(),
            1U);
}

TEST(BlockSourcesEnd, NothingAboveTheEndIsAskedFor) {
  BlockSources sources(r(3), 4, 300, 64);
  sources.claim(r(0), {40});
  sources.set_end({10});
  EXPECT_EQ(sources.ask({0}, 0)->count, 10U);
  sources.judge({10}, 10);
  sources.claim(r(1), {50});
  EXPECT_FALSE(sources.any_ahead_of({10}));
  EXPECT_FALSE(sources.ask({10}, 20));
  EXPECT_FALSE(sources.deadline_ms({10}, 0));
}

// --- observers -----------------------------------------------------------------------------------

TEST(Observer, FollowsByBlocksAndSignsNothing) {
  Lone observer(4, r(4), small());
  EXPECT_TRUE(observer.replica.is_observer());
  EXPECT_FALSE(observer.replica.is_primary());
  EXPECT_EQ(observer.step(StatusArrived{r(2), report_of(2)}).fetch_blocks.size(), 1U);
  // Even what only a member may answer, should it come its way.
  const auto bodies = observer.ready();
  const PrePrepare proposal = observer.world.pre_prepare(batch_of(1, bodies));
  EXPECT_FALSE(signs_anything(observer.receive(proposal)));
  const Output out = observer.receive(
      CertifiedBatch{proposal.batch, observer.world.certificate(proposal), bodies});
  EXPECT_EQ(out.commit.size(), 1U);
  EXPECT_FALSE(signs_anything(out));
  BatchExecuted report = executed_batch(1, proposal.batch.ids);
  report.checkpoint = observer.world.checkpoint(1);
  EXPECT_FALSE(signs_anything(observer.step(report)));
  (void)observer.receive(observer.world.view_change({1}, r(0)));
  EXPECT_FALSE(signs_anything(observer.receive(observer.world.view_change({1}, r(1)))));
  for (int i = 0; i < 100; ++i) EXPECT_FALSE(signs_anything(observer.tick_after(100)));
}

TEST(Observer, IsToldOfProgressAndServed) {
  Lone member(4, r(1), small());
  (void)member.commit_and_execute(1);
  (void)member.receive(member.world.stable(4));
  EXPECT_EQ(sent<StatusReport>(member.step(PeerConnected{r(4)})).size(), 1U);
  const Output out = member.step(StatusArrived{r(4), report_of(0)});
  EXPECT_EQ(sent<StableCheckpoint>(out).size(), 1U);
  EXPECT_EQ(sent<StatusReport>(out).size(), 1U);
  EXPECT_TRUE(sent<Prepare>(out).empty());
}

// An observer's word moves nobody: it is no primary that could abdicate, asks for no filling, and
// takes no place in a quorum.
TEST(Observer, CountsNowhere) {
  Lone primary(4, r(0), small());
  StatusReport report = report_of(0);
  report.fill_to = {8};
  EXPECT_TRUE(sent<PrePrepare>(primary.step(StatusArrived{r(4), report})).empty());
  EXPECT_EQ(primary.replica.open_slots(), 0U);
  (void)primary.step(PeerDisconnected{r(4)});
  (void)primary.step(PeerDisconnected{r(5)});
  EXPECT_TRUE(primary.replica.situation().is_connected);
}

TEST(Observer, ServesBlocksWhenNobodyElseIsAhead) {
  Lone member(4, r(1), small());
  const Output out = member.step(StatusArrived{r(4), report_of(8)});
  ASSERT_EQ(out.fetch_blocks.size(), 1U);
  EXPECT_EQ(out.fetch_blocks[0].from, r(4));
  BlockSources sources(r(0), 4, 300, 64);
  sources.claim(r(4), {9});
  sources.claim(r(3), {9});
  EXPECT_EQ(sources.ask({0}, 0)->from, r(3));
}

TEST(Observer, SwitchesWhenTheEpochEnds) {
  Ending observer(r(4));
  Output out;
  for (std::uint64_t sequence = 1; sequence <= kBoundary; ++sequence) {
    const PrePrepare proposal = observer.world.pre_prepare(ledger::null_batch({sequence}));
    (void)observer.receive(
        CertifiedBatch{proposal.batch, observer.world.certificate(proposal), {}});
    out = observer.execute(sequence);
    EXPECT_FALSE(signs_anything(out));
  }
  EXPECT_FALSE(out.epoch_ended);
  EXPECT_TRUE(observer.receive(observer.world.stable(kBoundary)).epoch_ended);
}

}  // namespace
}  // namespace quorate::pbft::test
