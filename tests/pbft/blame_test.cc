// Who broke agreement: each way in which it can break, and what is no proof.

#include "pbft/blame.h"

#include <gtest/gtest.h>

#include <set>

#include "crypto/bcs.h"
#include "tests/support/pbft_world.h"

namespace quorate::pbft::test {
namespace {

using ledger::VotePhase;
using Ids = std::vector<std::size_t>;

class BlameTest : public testing::Test {
 protected:
  explicit BlameTest(std::size_t replicas = 4) : world(replicas), cache(1 << 10) {}

  [[nodiscard]] BlameVerifier verifier() {
    return {world.chain_id(), &cache, world.replicas(), world.parameters()};
  }
  [[nodiscard]] Batch batch(std::uint64_t sequence = 1) {
    return batch_of(sequence, {world.transaction()});
  }
  [[nodiscard]] CommitCertificate committed(const PrePrepare& proposal, const Ids& by) const {
    const Vote& vote = proposal.vote;
    CommitCertificate result{vote.epoch, vote.view, vote.sequence, vote.batch, vote.new_view, {}};
    for (const std::size_t id : by) {
      result.commits.push_back({r(id), world.commit(proposal, r(id)).signature});
    }
    return result;
  }
  [[nodiscard]] PreparedCertificate prepared(const PrePrepare& proposal, const Ids& by) const {
    PreparedCertificate result{proposal.vote, proposal.signature, {}};
    for (const std::size_t id : by) {
      result.prepares.push_back({r(id), world.prepare(proposal, r(id)).signature});
    }
    return result;
  }
  // Opens a view; what it says is kept for whoever reads transcripts.
  Digest open(const std::vector<ViewChange>& view_changes) {
    const NewView message = world.new_view(view_changes);
    const Digest digest = view_vote(message.body).content;
    kept[digest] = {message, view_changes};
    return digest;
  }
  [[nodiscard]] TranscriptReader reader() const {
    return [this](const Digest& digest) -> Result<std::optional<Transcript>> {
      const auto found = kept.find(digest);
      return found == kept.end() ? std::nullopt : std::optional(found->second);
    };
  }
  Result<Blame> blame(const CommitCertificate& one, const CommitCertificate& other) {
    return assign_blame(one, other, reader(), verifier());
  }
  // Each proof verifies after a walk through a file, and they are against these.
  void expect_culprits(const Result<Blame>& blame, const std::set<std::size_t>& expected) {
    ASSERT_TRUE(blame.has_value()) << blame.error().message;
    std::set<std::size_t> named;
    for (const BlameProof& proof : blame->proofs) {
      named.insert(accused(proof).value);
      const Bytes bytes = crypto::encode(BlameFile{kBlameFormat, world.chain_id(), proof});
      const auto file = crypto::decode<BlameFile>(bytes);
      ASSERT_TRUE(file.has_value());
      const Status sound = verifier().check(*file);
      EXPECT_TRUE(sound.has_value()) << sound.error().message << ": " << blame_sentence(proof);
    }
    EXPECT_EQ(named, expected);
  }

  World world;
  crypto::SignatureCache cache;
  std::map<Digest, Transcript> kept;
};

TEST_F(BlameTest, InOneViewWhoeverCommittedTwiceIsGuilty) {
  const PrePrepare a = world.pre_prepare(batch());
  const PrePrepare b = world.pre_prepare(batch());
  expect_culprits(blame(committed(a, {0, 1, 2}), committed(b, {0, 1, 3})), {0, 1});
}

TEST_F(BlameTest, WhoeverLeavesOutWhatItCommittedIsGuilty) {
  const PrePrepare a = world.pre_prepare(batch());
  const Digest view1 = open({world.view_change({1}, r(0)), world.view_change({1}, r(1)),
                             world.view_change({1}, r(3))});
  const PrePrepare b = world.pre_prepare(batch(), {1}, view1);
  expect_culprits(blame(committed(a, {0, 1, 2}), committed(b, {0, 1, 3})), {0, 1});
  expect_culprits(blame(committed(b, {0, 1, 3}), committed(a, {0, 1, 2})), {0, 1});
}

TEST_F(BlameTest, WhoeverBringsAnOlderCertificateThanItCommittedIsGuilty) {
  const PrePrepare old = world.pre_prepare(batch());
  const PreparedCertificate stale = prepared(old, {1, 3});
  const Digest view1 = open({world.view_change({1}, r(1)), world.view_change({1}, r(2)),
                             world.view_change({1}, r(3))});
  const PrePrepare a = world.pre_prepare(batch(), {1}, view1);
  const Digest view2 = open({world.view_change({2}, r(0), {stale}),
                             world.view_change({2}, r(1), {stale}),
                             world.view_change({2}, r(3), {stale})});
  const PrePrepare b = world.pre_prepare(old.batch, {2}, view2);
  expect_culprits(blame(committed(a, {0, 1, 2}), committed(b, {0, 1, 3})), {0, 1});
}

TEST_F(BlameTest, WhoeverVotesAgainstWhatTheViewBeganWithIsGuilty) {
  const PrePrepare a = world.pre_prepare(batch());
  const Digest view1 = open({world.view_change({1}, r(0), {prepared(a, {1, 2})}),
                             world.view_change({1}, r(1), {prepared(a, {1, 2})}),
                             world.view_change({1}, r(3))});
  const PrePrepare b = world.pre_prepare(batch(), {1}, view1);
  expect_culprits(blame(committed(a, {0, 1, 2}), committed(b, {0, 1, 3})), {0, 1, 3});
}

TEST_F(BlameTest, WhoeverPreparesOneBatchAndCommitsAnotherIsGuilty) {
  const PrePrepare a = world.pre_prepare(batch());
  const PrePrepare b = world.pre_prepare(batch());
  const PreparedCertificate other = prepared(b, {1, 3});
  const Digest view1 = open({world.view_change({1}, r(0), {other}),
                             world.view_change({1}, r(1), {other}),
                             world.view_change({1}, r(3), {other})});
  const PrePrepare again = world.pre_prepare(b.batch, {1}, view1);
  expect_culprits(blame(committed(a, {0, 1, 2}), committed(again, {0, 1, 3})), {0, 1});
}

class BlameAmongSeven : public BlameTest {
 protected:
  BlameAmongSeven() : BlameTest(7) {}
};

// Liars 0, 1 and 2. View 1 is seen by 5 and 6 only; 4 committed in view 0 nothing that it saw
// committed, and in view 2 what view 1 prepared.
TEST_F(BlameAmongSeven, ViewThatIsHiddenFromBothLedgersIsFoundBehindWhatItPrepared) {
  const PrePrepare a = world.pre_prepare(batch());
  const PreparedCertificate honest = prepared(a, {1, 2, 3, 4});
  const Digest view1 = open({world.view_change({1}, r(0)), world.view_change({1}, r(1)),
                             world.view_change({1}, r(2)), world.view_change({1}, r(5)),
                             world.view_change({1}, r(6))});
  const PrePrepare hidden = world.pre_prepare(batch(), {1}, view1);
  const PreparedCertificate later = prepared(hidden, {0, 2, 5, 6});
  const Digest view2 = open({world.view_change({2}, r(0), {later}),
                             world.view_change({2}, r(1), {later}),
                             world.view_change({2}, r(4), {honest}),
                             world.view_change({2}, r(5), {later}),
                             world.view_change({2}, r(6), {later})});
  const PrePrepare b = world.pre_prepare(hidden.batch, {2}, view2);
  const CommitCertificate one = committed(a, {0, 1, 2, 3, 4});
  const CommitCertificate other = committed(b, {0, 1, 4, 5, 6});
  const Result<Blame> found = blame(one, other);
  expect_culprits(found, {0, 1, 2});
  ASSERT_EQ(found->steps.size(), 2U);
  EXPECT_EQ(found->steps[0].kind, BlameStep::Kind::kEarlierView);
  EXPECT_EQ(found->steps[1].kind, BlameStep::Kind::kOmission);

  kept.erase(view1);
  const Result<Blame> lacking = blame(one, other);
  ASSERT_FALSE(lacking.has_value());
  EXPECT_EQ(lacking.error().code, "blame-new-view-missing");
  EXPECT_NE(lacking.error().message.find(view1.hex()), std::string::npos);
}

TEST_F(BlameTest, NewViewThatIsNotTheOneNamedIsRefused) {
  const PrePrepare a = world.pre_prepare(batch());
  const std::vector<ViewChange> of_view1 = {world.view_change({1}, r(0)),
                                            world.view_change({1}, r(1)),
                                            world.view_change({1}, r(3))};
  const Digest view1 = open(of_view1);
  const PrePrepare b = world.pre_prepare(batch(), {1}, view1);
  kept[view1].view_changes[0] = world.view_change({1}, r(0), {prepared(a, {1, 2})});
  const Result<Blame> found = blame(committed(a, {0, 1, 2}), committed(b, {0, 1, 3}));
  ASSERT_FALSE(found.has_value());
  EXPECT_EQ(found.error().code, "blame-new-view-bad");
}

// -- What proves nothing --------------------------------------------------------------------------

class BlameProofs : public BlameTest {
 protected:
  [[nodiscard]] std::string code_of(const BlameProof& proof) {
    const Status sound = verifier().check(proof);
    return sound ? "" : std::string(sound.error().code);
  }
  OmissionProof omission() {
    return {world.commit(a, r(2)).vote, world.commit(a, r(2)).signature,
            world.view_change({1}, r(2))};
  }
  PlanProof against_plan() {
    const std::vector<ViewChange> of_view1 = {
        world.view_change({1}, r(0), {prepared(a, {1, 2})}), world.view_change({1}, r(1)),
        world.view_change({1}, r(3))};
    const Digest view1 = open(of_view1);
    const Prepare vote = world.prepare(world.pre_prepare(b.batch, {1}, view1), r(2));
    return {VotePhase::kPrepare, vote.vote, vote.signature, kept[view1]};
  }
  PhasesProof phases() {
    return {VotePhase::kPrepare, world.prepare(a, r(2)).vote, world.prepare(a, r(2)).signature,
            world.commit(b, r(2)).vote, world.commit(b, r(2)).signature};
  }

  PrePrepare a = world.pre_prepare(batch());
  PrePrepare b = world.pre_prepare(batch());
};

TEST_F(BlameProofs, ViewChangeThatCarriesTheBatchOrALaterOneOmitsNothing) {
  OmissionProof proof = omission();
  EXPECT_EQ(code_of(proof), "");
  proof.view_change = world.view_change({1}, r(2), {prepared(a, {1, 2})});
  EXPECT_EQ(code_of(proof), "evidence-no-contradiction");
  const Digest view1 = open({world.view_change({1}, r(0)), world.view_change({1}, r(1)),
                             world.view_change({1}, r(3))});
  const PrePrepare later = world.pre_prepare(b.batch, {1}, view1);
  proof.view_change = world.view_change({2}, r(2), {prepared(later, {0, 2})});
  EXPECT_EQ(code_of(proof), "evidence-no-contradiction");
  proof.view_change = world.view_change({1}, r(2), {}, world.stable(1));
  EXPECT_EQ(code_of(proof), "evidence-no-contradiction") << "a checkpoint covers it";
  proof.view_change = world.view_change({1}, r(2), {prepared(b, {1, 2})});
  EXPECT_EQ(code_of(proof), "") << "another batch of the same view is not what it committed";
}

TEST_F(BlameProofs, OmissionIsOneReplicasAndInALaterView) {
  OmissionProof proof = omission();
  proof.view_change = world.view_change({1}, r(3));
  EXPECT_EQ(code_of(proof), "evidence-not-one-place");
  proof = omission();
  proof.signature.bytes[0] ^= 1;
  EXPECT_EQ(code_of(proof), "evidence-bad-signature");
  proof = omission();
  proof.view_change.signature.bytes[0] ^= 1;
  EXPECT_EQ(code_of(proof), "evidence-bad-view-change");
  proof = omission();
  proof.commit.replica = r(9);
  EXPECT_EQ(code_of(proof), "evidence-unknown-replica");
  const Digest view1 = open({world.view_change({1}, r(0)), world.view_change({1}, r(1)),
                             world.view_change({1}, r(3))});
  const Commit later = world.commit(world.pre_prepare(b.batch, {1}, view1), r(2));
  proof = {later.vote, later.signature, world.view_change({1}, r(2))};
  EXPECT_EQ(code_of(proof), "evidence-not-one-place") << "it came into the view by that";
  proof = omission();
  proof.commit.epoch = {1};
  EXPECT_EQ(code_of(proof), "evidence-other-epoch");
}

TEST_F(BlameProofs, VoteForWhatTheViewBeganWithIsNoFault) {
  PlanProof proof = against_plan();
  EXPECT_EQ(code_of(proof), "");
  const Prepare good =
      world.prepare(world.pre_prepare(a.batch, {1}, proof.vote.new_view), r(2));
  PlanProof obedient = proof;
  obedient.vote = good.vote;
  obedient.signature = good.signature;
  EXPECT_EQ(code_of(obedient), "evidence-no-contradiction");
  const Prepare fresh =
      world.prepare(world.pre_prepare(batch(2), {1}, proof.vote.new_view), r(2));
  obedient.vote = fresh.vote;
  obedient.signature = fresh.signature;
  EXPECT_EQ(code_of(obedient), "evidence-no-contradiction") << "beyond the plan";
  proof.transcript.view_changes.pop_back();
  EXPECT_EQ(code_of(proof), "evidence-bad-new-view");
  proof = against_plan();
  proof.vote.new_view = crypto::sha256(as_bytes("another"));
  EXPECT_EQ(code_of(proof), "evidence-bad-signature");
}

TEST_F(BlameProofs, VoteForWhatACheckpointSettledIsAFault) {
  const std::vector<ViewChange> of_view1 = {world.view_change({1}, r(0), {}, world.stable(1)),
                                            world.view_change({1}, r(1)),
                                            world.view_change({1}, r(3))};
  const Digest view1 = open(of_view1);
  const Prepare vote = world.prepare(world.pre_prepare(b.batch, {1}, view1), r(2));
  EXPECT_EQ(code_of(PlanProof{VotePhase::kPrepare, vote.vote, vote.signature, kept[view1]}), "");
}

// Nobody correct enters a view by it, so nobody is guilty of what it would prescribe.
TEST_F(BlameProofs, NewViewThatRestsOnACertificateOfTooFewProvesNothing) {
  const Digest view1 = open({world.view_change({1}, r(0), {prepared(a, {1})}),
                             world.view_change({1}, r(1)), world.view_change({1}, r(3))});
  const Prepare vote = world.prepare(world.pre_prepare(b.batch, {1}, view1), r(2));
  EXPECT_EQ(code_of(PlanProof{VotePhase::kPrepare, vote.vote, vote.signature, kept[view1]}),
            "evidence-bad-new-view");
}

TEST_F(BlameProofs, PrepareAndCommitOfOneBatchAgree) {
  PhasesProof proof = phases();
  EXPECT_EQ(code_of(proof), "");
  proof.commit = world.commit(a, r(2)).vote;
  proof.commit_signature = world.commit(a, r(2)).signature;
  EXPECT_EQ(code_of(proof), "evidence-no-contradiction");
  proof = phases();
  proof.commit = world.commit(b, r(3)).vote;
  proof.commit_signature = world.commit(b, r(3)).signature;
  EXPECT_EQ(code_of(proof), "evidence-not-one-place");
}

TEST_F(BlameProofs, FileOfAnotherNetworkOrANewerFormatIsRefused) {
  BlameFile file{kBlameFormat, world.chain_id(), phases()};
  EXPECT_TRUE(verifier().check(file));
  file.format = kBlameFormat + 1;
  EXPECT_EQ(verifier().check(file).error().code, "evidence-newer-format");
  file = {kBlameFormat, crypto::sha256(as_bytes("other")), phases()};
  EXPECT_EQ(verifier().check(file).error().code, "evidence-wrong-chain");
}

}  // namespace
}  // namespace quorate::pbft::test
