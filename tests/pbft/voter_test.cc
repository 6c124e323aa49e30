// The voter: every refusal, and what it remembers.

#include "pbft/voter.h"

#include <gtest/gtest.h>

#include <set>

#include "tests/support/pbft_world.h"

namespace quorate::pbft::test {
namespace {

class VoterTest : public testing::Test {
 protected:
  VoterTest()
      : world(4),
        a(world.pre_prepare(batch_of(1, {world.transaction()}))),
        b(world.pre_prepare(batch_of(1, {world.transaction()}))) {}

  [[nodiscard]] Voter voter(std::size_t self, bool learner = false) const {
    return {world.signer(r(self)), world.chain_id(), r(self), world.replicas(),
            learner ? Standing::kLearner : Standing::kVoter};
  }
  [[nodiscard]] static Vote by(std::size_t self, Vote vote) {
    vote.replica = r(self);
    return vote;
  }
  static Refusal refusal(const Signed<Signature>& result) { return result.error().refusal; }

  World world;
  PrePrepare a;
  PrePrepare b;  // another batch in the same place
};

TEST_F(VoterTest, SignsWhatTheVerifierAccepts) {
  Voter primary = voter(0);
  EXPECT_EQ(primary.pre_prepare(a.vote).value(), a.signature);
  Voter backup = voter(1);
  EXPECT_EQ(backup.prepare(by(1, a.vote)).value(), world.prepare(a, r(1)).signature);
  EXPECT_EQ(backup.commit(by(1, a.vote), world.prepared(a)).value(),
            world.commit(a, r(1)).signature);
  EXPECT_TRUE(primary.commit(a.vote, world.prepared(a)));
}

TEST_F(VoterTest, GivesTheSameBytesWhenAskedAgain) {
  Voter backup = voter(1);
  EXPECT_EQ(backup.prepare(by(1, a.vote)).value(), backup.prepare(by(1, a.vote)).value());
}

TEST_F(VoterTest, RefusesASecondDigestInEachPhase) {
  Voter primary = voter(0);
  ASSERT_TRUE(primary.pre_prepare(a.vote));
  const auto second = primary.pre_prepare(b.vote);
  EXPECT_EQ(refusal(second), Refusal::kSecondDigest);
  EXPECT_EQ(second.error().asked, b.vote);
  EXPECT_EQ(second.error().cast, a.vote);

  Voter backup = voter(1);
  ASSERT_TRUE(backup.prepare(by(1, a.vote)));
  EXPECT_EQ(refusal(backup.prepare(by(1, b.vote))), Refusal::kSecondDigest);
  ASSERT_TRUE(backup.commit(by(1, a.vote), world.prepared(a)));
  EXPECT_EQ(refusal(backup.commit(by(1, b.vote), world.prepared(b))), Refusal::kSecondDigest);
}

// Two votes in different phases would contradict each other as well; blame rests on it.
TEST_F(VoterTest, RefusesToCommitAnotherBatchThanItPrepared) {
  Voter backup = voter(1);
  ASSERT_TRUE(backup.prepare(by(1, a.vote)));
  const auto other = backup.commit(by(1, b.vote), world.prepared(b));
  EXPECT_EQ(refusal(other), Refusal::kSecondDigest);
  EXPECT_EQ(other.error().cast, by(1, a.vote));
  Voter primary = voter(0);
  ASSERT_TRUE(primary.pre_prepare(a.vote));
  EXPECT_EQ(refusal(primary.commit(b.vote, world.prepared(b))), Refusal::kSecondDigest);
  Voter restarted = voter(1);
  restarted.remember_prepare(by(1, a.vote));
  EXPECT_EQ(refusal(restarted.commit(by(1, b.vote), world.prepared(b))), Refusal::kSecondDigest);
}

TEST_F(VoterTest, RefusesASecondNewViewDigest) {
  const Digest one = crypto::sha256(as_bytes("one"));
  const Digest two = crypto::sha256(as_bytes("two"));
  Voter backup = voter(2);
  ASSERT_TRUE(backup.prepare(by(2, world.pre_prepare(a.batch, {1}, one).vote)));
  EXPECT_EQ(refusal(backup.prepare(by(2, world.pre_prepare(a.batch, {1}, two).vote))),
            Refusal::kSecondDigest);
}

TEST_F(VoterTest, VotesForAnotherDigestInAnotherViewOrEpoch) {
  Voter backup = voter(2);
  ASSERT_TRUE(backup.prepare(by(2, a.vote)));
  EXPECT_TRUE(backup.prepare(by(2, world.pre_prepare(b.batch, {1}).vote)));
  Vote later = by(2, b.vote);
  later.epoch = {1};
  EXPECT_EQ(refusal(backup.prepare(later)), Refusal::kNotOurTurn);
  ReplicaSet next = world.replicas();
  next.epoch = {1};
  Voter successor(world.signer(r(2)), world.chain_id(), r(2), next, Standing::kVoter);
  EXPECT_TRUE(successor.prepare(later));
}

TEST_F(VoterTest, RefusesWhatARestoredVoteContradicts) {
  Voter primary = voter(0);
  primary.remember_pre_prepare(a.vote);
  EXPECT_EQ(refusal(primary.pre_prepare(b.vote)), Refusal::kSecondDigest);
  EXPECT_TRUE(primary.pre_prepare(a.vote));
  Voter backup = voter(1);
  backup.remember_prepare(by(1, a.vote));
  backup.remember_commit(by(1, a.vote));
  EXPECT_EQ(refusal(backup.prepare(by(1, b.vote))), Refusal::kSecondDigest);
  EXPECT_EQ(refusal(backup.commit(by(1, b.vote), world.prepared(b))), Refusal::kSecondDigest);
}

TEST_F(VoterTest, RefusesACommitWithoutItsPreparedCertificate) {
  Voter backup = voter(1);
  const Vote vote = by(1, a.vote);
  const auto refused = [&](const PreparedCertificate& certificate) {
    return refusal(backup.commit(vote, certificate)) == Refusal::kNotPrepared;
  };
  EXPECT_TRUE(refused({}));
  EXPECT_TRUE(refused(world.prepared(b)));
  PreparedCertificate few = world.prepared(a);
  few.prepares.pop_back();
  EXPECT_TRUE(refused(few));
  PreparedCertificate twice = world.prepared(a);
  twice.prepares[1] = twice.prepares[0];
  EXPECT_TRUE(refused(twice));
  PreparedCertificate with_primary = world.prepared(a);
  with_primary.prepares[0].replica = r(0);
  EXPECT_TRUE(refused(with_primary));
  PreparedCertificate unknown = world.prepared(a);
  unknown.prepares[1].replica = r(4);
  EXPECT_TRUE(refused(unknown));
  PreparedCertificate other_view = world.prepared(a);
  other_view.pre_prepare.view = {4};
  EXPECT_TRUE(refused(other_view));
  EXPECT_TRUE(backup.commit(vote, world.prepared(a)));
}

TEST_F(VoterTest, RefusesWhatIsNotItsTurn) {
  Voter backup = voter(1);
  EXPECT_EQ(refusal(backup.pre_prepare(by(1, a.vote))), Refusal::kNotOurTurn);
  EXPECT_EQ(refusal(backup.prepare(by(2, a.vote))), Refusal::kNotOurTurn);
  EXPECT_EQ(refusal(backup.commit(by(2, a.vote), world.prepared(a))), Refusal::kNotOurTurn);
  Voter primary = voter(0);
  EXPECT_EQ(refusal(primary.prepare(a.vote)), Refusal::kNotOurTurn);
}

TEST_F(VoterTest, RefusesAtAndBelowTheLowWatermark) {
  Voter backup = voter(1);
  ASSERT_TRUE(backup.prepare(by(1, a.vote)));
  EXPECT_FALSE(backup.set_stable({1}));
  EXPECT_EQ(refusal(backup.prepare(by(1, a.vote))), Refusal::kBelowLowWatermark);
  EXPECT_EQ(refusal(backup.prepare(by(1, b.vote))), Refusal::kBelowLowWatermark);
  EXPECT_TRUE(backup.prepare(by(1, world.pre_prepare(batch_of(2, {})).vote)));
}

TEST_F(VoterTest, KeepsWhatLiesAboveTheLowWatermark) {
  const PrePrepare c = world.pre_prepare(batch_of(2, {world.transaction()}));
  const PrePrepare d = world.pre_prepare(batch_of(2, {}));
  Voter backup = voter(1);
  ASSERT_TRUE(backup.prepare(by(1, c.vote)));
  EXPECT_FALSE(backup.set_stable({1}));
  EXPECT_FALSE(backup.set_stable({0}));  // never back
  EXPECT_EQ(refusal(backup.prepare(by(1, d.vote))), Refusal::kSecondDigest);
  EXPECT_EQ(refusal(backup.prepare(by(1, a.vote))), Refusal::kBelowLowWatermark);
}

TEST_F(VoterTest, LearnerSignsNothing) {
  Voter primary = voter(0, true);
  EXPECT_FALSE(primary.may_vote());
  EXPECT_EQ(refusal(primary.pre_prepare(a.vote)), Refusal::kLearner);
  EXPECT_EQ(refusal(primary.commit(a.vote, world.prepared(a))), Refusal::kLearner);
  Voter backup = voter(1, true);
  EXPECT_EQ(refusal(backup.prepare(by(1, a.vote))), Refusal::kLearner);
}

TEST_F(VoterTest, RefusesVotesBelowTheViewThatItLeft) {
  Voter backup = voter(2);
  ASSERT_TRUE(backup.view_change(world.view_change({1}, r(2)).body));
  const auto refused = backup.prepare(by(2, a.vote));
  EXPECT_EQ(refusal(refused), Refusal::kBelowViewChange);
  ASSERT_TRUE(refused.error().cast);
  EXPECT_EQ(refused.error().cast->view, View{1});
  EXPECT_EQ(refusal(backup.commit(by(2, a.vote), world.prepared(a))), Refusal::kBelowViewChange);
  const Digest opened = crypto::sha256(as_bytes("NEW-VIEW"));
  EXPECT_TRUE(backup.prepare(by(2, world.pre_prepare(a.batch, {1}, opened).vote)));
}

TEST_F(VoterTest, RefusesASecondViewChangeForAView) {
  Voter backup = voter(2);
  const ViewChange first = world.view_change({3}, r(2));
  EXPECT_EQ(backup.view_change(first.body).value(), first.signature);
  EXPECT_EQ(backup.view_change(first.body).value(), first.signature) << "the same again";
  EXPECT_EQ(refusal(backup.view_change(world.view_change({3}, r(2), {world.prepared(a)}).body)),
            Refusal::kSecondViewChange);
  EXPECT_EQ(refusal(backup.view_change(world.view_change({2}, r(2)).body)),
            Refusal::kSecondViewChange)
      << "nor for a lower view";
  EXPECT_TRUE(backup.view_change(world.view_change({4}, r(2)).body));
}

TEST_F(VoterTest, RefusesAViewChangeThatOmitsWhatItPrepared) {
  Voter backup = voter(1);
  ASSERT_TRUE(backup.commit(by(1, a.vote), world.prepared(a)));
  const auto refused = backup.view_change(world.view_change({1}, r(1)).body);
  EXPECT_EQ(refusal(refused), Refusal::kOmitsPrepared);
  EXPECT_EQ(refused.error().cast, by(1, a.vote));
  EXPECT_EQ(refusal(backup.view_change(world.view_change({1}, r(1), {world.prepared(b)}).body)),
            Refusal::kOmitsPrepared)
      << "another batch in its place";
  EXPECT_TRUE(backup.view_change(world.view_change({1}, r(1), {world.prepared(a)}).body));
}

TEST_F(VoterTest, ViewChangeNeedNotCarryWhatItsCheckpointCovers) {
  Voter backup = voter(1);
  ASSERT_TRUE(backup.commit(by(1, a.vote), world.prepared(a)));
  EXPECT_TRUE(backup.view_change(world.view_change({1}, r(1), {}, world.stable(16)).body));
}

TEST_F(VoterTest, RefusesASecondNewViewAndOneThatIsNotItsTurn) {
  std::vector<ViewChange> v;
  for (std::size_t i = 0; i < 4; ++i) v.push_back(world.view_change({1}, r(i)));
  Voter primary = voter(1);
  const NewView first = world.new_view(v);
  EXPECT_EQ(primary.new_view(first.body).value(), first.signature);
  const NewView second = world.new_view({v[1], v[2], v[3]});
  EXPECT_EQ(refusal(primary.new_view(second.body)), Refusal::kSecondNewView);
  Voter backup = voter(2);
  EXPECT_EQ(refusal(backup.new_view(first.body)), Refusal::kNotOurTurn);
}

TEST_F(VoterTest, RefusesASecondCheckpointAtASequence) {
  Voter backup = voter(1);
  const CheckpointExecuted here = world.checkpoint(16);
  EXPECT_EQ(backup.checkpoint(here.note, here.time_seconds).value(),
            world.checkpoint_vote(16, r(1)).signature);
  EXPECT_EQ(refusal(backup.checkpoint(world.checkpoint(16, "other").note, here.time_seconds)),
            Refusal::kSecondCheckpoint);
  EXPECT_FALSE(backup.set_stable({16}));
  EXPECT_EQ(refusal(backup.checkpoint(here.note, here.time_seconds)),
            Refusal::kBelowLowWatermark);
}

TEST_F(VoterTest, RestoredViewVotesBind) {
  Voter primary = voter(1);
  std::vector<ViewChange> v;
  for (std::size_t i = 0; i < 4; ++i) v.push_back(world.view_change({1}, r(i)));
  primary.remember_view_change(v[1].body);
  primary.remember_new_view(world.new_view(v).body);
  primary.remember_checkpoint(world.checkpoint_vote(16, r(1)));
  EXPECT_EQ(refusal(primary.prepare(by(1, a.vote))), Refusal::kBelowViewChange);
  EXPECT_EQ(refusal(primary.view_change(world.view_change({1}, r(1), {world.prepared(a)}).body)),
            Refusal::kSecondViewChange);
  EXPECT_EQ(refusal(primary.new_view(world.new_view({v[1], v[2], v[3]}).body)),
            Refusal::kSecondNewView);
  EXPECT_EQ(refusal(primary.checkpoint(world.checkpoint(16, "other").note, 0)),
            Refusal::kSecondCheckpoint);
}

// The guard: what may have been voted below the ceiling is not known, so nothing is signed there,
// and no VIEW-CHANGE that one before might contradict.
TEST_F(VoterTest, RecoveringSignsNothingUntilItsCheckpointIsStable) {
  Voter backup{world.signer(r(2)), world.chain_id(), r(2), world.replicas(), Standing::kRecovering,
               {{}, {3}, {40}}};
  EXPECT_EQ(refusal(backup.prepare(by(2, a.vote))), Refusal::kRecovering);
  EXPECT_EQ(refusal(backup.view_change(world.view_change({9}, r(2)).body)), Refusal::kRecovering);
  EXPECT_EQ(refusal(backup.checkpoint(world.checkpoint(48).note, 0)), Refusal::kRecovering);
  EXPECT_FALSE(backup.set_stable({32}));
  EXPECT_FALSE(backup.may_vote());
  EXPECT_TRUE(backup.set_stable({48}));
  EXPECT_TRUE(backup.may_vote());
  EXPECT_FALSE(backup.may_vote_in({2}));
  EXPECT_TRUE(backup.may_vote_in({3}));
  const PrePrepare above = world.pre_prepare(batch_of(49, {}));
  EXPECT_EQ(refusal(backup.prepare(by(2, above.vote))), Refusal::kBelowViewChange);
  EXPECT_EQ(refusal(backup.view_change(world.view_change({3}, r(2)).body)),
            Refusal::kSecondViewChange);
  EXPECT_TRUE(backup.view_change(world.view_change({4}, r(2)).body));
}

// Found by simulation: the floor must outlive the recovery.
TEST_F(VoterTest, FloorOfAnEarlierRecoveryBinds) {
  Voter backup = voter(2);
  backup.remember_floor({3});
  EXPECT_EQ(refusal(backup.view_change(world.view_change({3}, r(2)).body)),
            Refusal::kSecondViewChange);
  EXPECT_EQ(refusal(backup.prepare(by(2, a.vote))), Refusal::kBelowViewChange);
  EXPECT_TRUE(backup.view_change(world.view_change({4}, r(2)).body));
}

TEST_F(VoterTest, RefusalIsRememberedByNobody) {
  Voter backup = voter(1);
  ASSERT_FALSE(backup.commit(by(1, b.vote), {}));
  EXPECT_TRUE(backup.commit(by(1, a.vote), world.prepared(a)));
}

TEST_F(VoterTest, EveryRefusalHasACodeOfItsOwn) {
  std::set<std::string_view> codes;
  for (int i = 0; i <= static_cast<int>(Refusal::kSecondCheckpoint); ++i) {
    codes.insert(refusal_code(static_cast<Refusal>(i)));
  }
  EXPECT_EQ(codes.size(), static_cast<std::size_t>(Refusal::kSecondCheckpoint) + 1);
  EXPECT_EQ(codes.count("unknown"), 0U);
}

}  // namespace
}  // namespace quorate::pbft::test
