// A checker that cannot fail is no checker: each rule of the witness, broken once.

#include "tests/support/pbft_witness.h"

#include <gtest/gtest.h>

#include "tests/support/pbft_lone.h"

namespace quorate::pbft::test {
namespace {

class WitnessTest : public testing::Test {
 protected:
  WitnessTest()
      : world(4),
        witness(world, {r(3)}),
        body(world.transaction()),
        a(world.pre_prepare(batch_of(1, {body}))),
        b(world.pre_prepare(batch_of(1, {}))) {
    store(BodyRecord{body});
  }
  void store(const DurableRecord& record) {
    ledger::VoteRecord stored = to_vote_record(record);
    durable[stored.key] = stored.value;
  }
  [[nodiscard]] CertifiedBatch block() const {
    return {a.batch, world.certificate(a), {body}};
  }
  [[nodiscard]] bool saw(const std::string& what) const {
    for (const std::string& violation : witness.violations()) {
      if (violation.find(what) != std::string::npos) return true;
    }
    return false;
  }

  World world;
  Witness witness;
  TransactionPtr body;
  PrePrepare a;
  PrePrepare b;
  DurableMap durable;
};

TEST_F(WitnessTest, IsContentWithACorrectLife) {
  store(ProposalRecord{a, world.prepare(a, r(1))});
  store(CommitRecord{world.commit(a, r(1)), world.prepared(a)});
  for (int i = 0; i < 2; ++i) {
    witness.on_send(r(1), world.prepare(a, r(1)), durable);
    witness.on_send(r(1), world.commit(a, r(1)), durable);
  }
  witness.on_commit(r(1), block(), {0});
  witness.on_commit(r(2), block(), {0});
  EXPECT_TRUE(witness.violations().empty());
}

TEST_F(WitnessTest, SeesAVoteThatLeavesBeforeItIsDurable) {
  witness.on_send(r(0), a, durable);
  EXPECT_TRUE(saw("before it was durable"));
}

TEST_F(WitnessTest, SeesACommitThatLeavesBeforeItIsDurable) {
  store(CommitRecord{world.commit(b, r(1)), world.prepared(b)});
  witness.on_send(r(1), world.commit(a, r(1)), durable);
  EXPECT_TRUE(saw("a commit left before it was durable"));
}

TEST_F(WitnessTest, SeesAPrepareOfWhichOnlyTheProposalIsDurable) {
  store(ProposalRecord{a, std::nullopt});
  witness.on_send(r(1), world.prepare(a, r(1)), durable);
  EXPECT_TRUE(saw("another vote is durable"));
}

TEST_F(WitnessTest, SeesAVoteWithoutItsBodies) {
  durable.clear();
  store(ProposalRecord{a, std::nullopt});
  witness.on_send(r(0), a, durable);
  EXPECT_TRUE(saw("without its bodies"));
}

TEST_F(WitnessTest, SeesTwoVotesThatContradict) {
  store(ProposalRecord{a, std::nullopt});
  witness.on_send(r(0), a, durable);
  store(ProposalRecord{b, std::nullopt});
  witness.on_send(r(0), b, durable);
  EXPECT_TRUE(saw("a second, different pbft-pre-prepare"));
}

TEST_F(WitnessTest, SeesDisagreement) {
  witness.on_commit(r(1), block(), {0});
  witness.on_commit(r(2), {b.batch, world.certificate(b), {}}, {0});
  EXPECT_TRUE(saw("disagreement at sequence 1"));
}

TEST_F(WitnessTest, SeesAGapAndARepetition) {
  witness.on_commit(r(1), block(), {1});
  EXPECT_TRUE(saw("handed out"));
}

TEST_F(WitnessTest, SeesABadCertificateAndWrongBodies) {
  CertifiedBatch bad = block();
  bad.certificate.commits.pop_back();
  witness.on_commit(r(1), bad, {0});
  EXPECT_TRUE(saw("does not verify"));
  bad = block();
  bad.transactions.clear();
  witness.on_commit(r(1), bad, {0});
  EXPECT_TRUE(saw("bodies that are not the batch's"));
  bad = block();
  bad.batch = b.batch;
  witness.on_commit(r(1), bad, {0});
  EXPECT_TRUE(saw("a certificate for another batch"));
}

TEST_F(WitnessTest, SeesEvidenceAgainstACorrectReplica) {
  witness.on_evidence(
      r(1), Contradiction{VotePhase::kPrePrepare, a.vote, a.signature, b.vote, b.signature});
  EXPECT_TRUE(saw("against a correct replica"));
}

TEST_F(WitnessTest, SeesEvidenceThatProvesNothing) {
  const Commit one = world.commit(a, r(3));
  const Commit two = world.commit(b, r(3));
  witness.on_evidence(r(1), Contradiction{VotePhase::kCommit, one.vote, one.signature, one.vote,
                             one.signature});
  EXPECT_TRUE(saw("say the same"));
  witness.on_evidence(r(1), Contradiction{VotePhase::kPrepare, one.vote, one.signature, two.vote,
                             two.signature});
  EXPECT_TRUE(saw("signature is not by"));
}

TEST_F(WitnessTest, SeesADeadlineInThePast) {
  Lone lone(4, r(1));
  const Output out = lone.step(Tick{});
  witness.on_step(r(1), lone.replica, out, lone.now.monotonic_ms);
  EXPECT_TRUE(witness.violations().empty());
  witness.on_step(r(1), lone.replica, out, *out.deadline_ms);
  EXPECT_TRUE(saw("a deadline in the past"));
}

}  // namespace
}  // namespace quorate::pbft::test
