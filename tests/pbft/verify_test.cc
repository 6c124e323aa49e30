// The verifier: each reason to reject, with a message that has this fault and no other.

#include "pbft/verify.h"

#include <gtest/gtest.h>

#include <functional>
#include <set>
#include <string>

#include "tests/support/pbft_world.h"

namespace quorate::pbft::test {
namespace {

using crypto::Purpose;

class Verify : public testing::Test {
 protected:
  Verify() : world(4), body(world.transaction()), good(world.pre_prepare(batch_of(1, {body}))) {}

  // A pre-prepare over this vote and batch, with a signature that fits the vote.
  [[nodiscard]] PrePrepare signed_as(const Vote& vote, const Batch& batch) const {
    return {vote, world.sign(Purpose::kPrePrepare, vote), batch};
  }
  // The batch changed, digest and signature made to fit.
  [[nodiscard]] PrePrepare with_batch(const std::function<void(Batch&)>& change) const {
    Batch batch = good.batch;
    change(batch);
    return world.pre_prepare(batch);
  }
  template <class T>
  [[nodiscard]] std::string reject_of(const T& message) const {
    const auto checked = world.verifier().check(message);
    return checked ? "accepted" : std::string(reject_code(checked.error()));
  }
  [[nodiscard]] CertifiedBatch block() const {
    return {good.batch, world.certificate(good), {body}};
  }

  World world;
  TransactionPtr body;
  PrePrepare good;
};

TEST_F(Verify, AcceptsGoodMessages) {
  EXPECT_EQ(reject_of(good), "accepted");
  EXPECT_EQ(reject_of(world.prepare(good, r(1))), "accepted");
  EXPECT_EQ(reject_of(world.commit(good, r(0))), "accepted");
  EXPECT_EQ(reject_of(world.commit(good, r(3))), "accepted");
  EXPECT_EQ(reject_of(block()), "accepted");
}

TEST_F(Verify, AcceptsANullBatchAndAnEmptyOne) {
  EXPECT_EQ(reject_of(world.pre_prepare(ledger::null_batch({7}))), "accepted");
  EXPECT_EQ(reject_of(world.pre_prepare(batch_of(7, {}))), "accepted");
}

TEST_F(Verify, AcceptsTheHighestNumbers) {
  const Digest opened = crypto::sha256(as_bytes("NEW-VIEW"));
  EXPECT_EQ(
      reject_of(world.pre_prepare(batch_of(UINT64_MAX, {}, {UINT64_MAX}), {UINT64_MAX}, opened)),
      "accepted");
}

TEST_F(Verify, RejectsAnotherEpoch) {
  for (const std::uint64_t epoch : {std::uint64_t{1}, UINT64_MAX}) {
    Vote vote = good.vote;
    vote.epoch = {epoch};
    EXPECT_EQ(reject_of(signed_as(vote, good.batch)), "wrong-epoch");
    vote.replica = r(1);
    EXPECT_EQ(reject_of(Commit{vote, world.sign(Purpose::kCommit, vote)}), "wrong-epoch");
    EXPECT_EQ(reject_of(Prepare{vote, world.sign(Purpose::kPrepare, vote), good.signature}),
              "wrong-epoch");
  }
}

TEST_F(Verify, RejectsAnUnknownReplica) {
  for (const std::size_t id : {4, 5, 65535}) {
    Commit commit = world.commit(good, r(3));
    commit.vote.replica = r(id);
    EXPECT_EQ(reject_of(commit), "unknown-replica");
    Prepare prepare = world.prepare(good, r(3));
    prepare.vote.replica = r(id);
    EXPECT_EQ(reject_of(prepare), "unknown-replica");
    PrePrepare proposal = good;
    proposal.vote.replica = r(id);
    EXPECT_EQ(reject_of(proposal), "unknown-replica");
  }
}

TEST_F(Verify, RejectsSequenceZero) {
  const PrePrepare zero = world.pre_prepare(batch_of(0, {body}));
  EXPECT_EQ(reject_of(zero), "sequence-zero");
  EXPECT_EQ(reject_of(world.prepare(zero, r(1))), "sequence-zero");
  EXPECT_EQ(reject_of(world.commit(zero, r(1))), "sequence-zero");
  EXPECT_EQ(reject_of(CertifiedBatch{zero.batch, world.certificate(zero), {body}}),
            "sequence-zero");
}

TEST_F(Verify, RejectsANewViewDigestInViewZero) {
  const Digest opener = crypto::sha256(as_bytes("new-view"));
  const PrePrepare proposal = world.pre_prepare(good.batch, {0}, opener);
  EXPECT_EQ(reject_of(proposal), "new-view-digest-in-view-zero");
  EXPECT_EQ(reject_of(world.prepare(proposal, r(1))), "new-view-digest-in-view-zero");
  EXPECT_EQ(reject_of(world.commit(proposal, r(1))), "new-view-digest-in-view-zero");
  EXPECT_EQ(reject_of(world.pre_prepare(good.batch, {1}, opener)), "accepted");
}

TEST_F(Verify, RejectsAPrePrepareByABackup) {
  Vote vote = good.vote;
  vote.replica = r(1);
  EXPECT_EQ(reject_of(signed_as(vote, good.batch)), "not-the-primary");
}

// Pitfall 35: the primary's pre-prepare is its prepare; together they would count it twice.
TEST_F(Verify, RejectsAPrepareByThePrimary) {
  EXPECT_EQ(reject_of(world.prepare(good, r(0))), "prepare-from-primary");
}

TEST_F(Verify, RejectsAnyPrepareWhereThePrimaryIsAlone) {
  World one(1);
  const PrePrepare proposal = one.pre_prepare(batch_of(1, {}));
  EXPECT_EQ(one.verifier().check(one.prepare(proposal, r(0))).error(), Reject::kPrepareFromPrimary);
}

TEST_F(Verify, RejectsABatchThatTheVoteDoesNotName) {
  PrePrepare other = good;
  other.batch = batch_of(1, {world.transaction()});
  EXPECT_EQ(reject_of(other), "digest-mismatch");
  Vote vote = good.vote;
  vote.sequence = {2};
  EXPECT_EQ(reject_of(signed_as(vote, good.batch)), "digest-mismatch");
  CertifiedBatch wrong = block();
  wrong.batch = other.batch;
  EXPECT_EQ(reject_of(wrong), "digest-mismatch");
  wrong = block();
  wrong.certificate.sequence = {2};
  EXPECT_EQ(reject_of(wrong), "digest-mismatch");
}

TEST_F(Verify, RejectsABatchThatIsNotWellFormed) {
  const auto reject_with = [&](const std::function<void(Batch&)>& change) {
    return reject_of(with_batch(change));
  };
  EXPECT_EQ(reject_with([](Batch& b) { b.header.transaction_count = 2; }), "malformed-batch");
  EXPECT_EQ(reject_with([](Batch& b) { b.header.transaction_root = {}; }), "malformed-batch");
  EXPECT_EQ(reject_with([](Batch& b) { b.header.flags = 4; }), "malformed-batch");
  EXPECT_EQ(reject_with([](Batch& b) { b.header.flags = ledger::kFlagNull; }), "malformed-batch");
  EXPECT_EQ(reject_with([](Batch& b) { b.ids.clear(); }), "malformed-batch");
  EXPECT_EQ(reject_of(world.pre_prepare(batch_of(1, {body, body}))), "malformed-batch");
  Batch late_null = ledger::null_batch({1});
  late_null.header.time = kStartTime;
  EXPECT_EQ(reject_of(world.pre_prepare(late_null)), "malformed-batch");
}

TEST_F(Verify, RejectsABatchOfTooManyTransactions) {
  ledger::Parameters parameters;
  parameters.batch_transactions_max = 3;
  World small(4, parameters);
  std::vector<TransactionPtr> bodies;
  for (int i = 0; i < 4; ++i) bodies.push_back(small.transaction());
  EXPECT_EQ(small.verifier().check(small.pre_prepare(batch_of(1, bodies))).error(),
            Reject::kMalformedBatch);
  bodies.pop_back();
  EXPECT_TRUE(small.verifier().check(small.pre_prepare(batch_of(1, bodies))));
}

TEST_F(Verify, RejectsEachMessageWithAChangedSignature) {
  PrePrepare proposal = good;
  proposal.signature.bytes[5] ^= 1;
  EXPECT_EQ(reject_of(proposal), "bad-signature");
  Prepare prepare = world.prepare(good, r(1));
  prepare.signature.bytes[5] ^= 1;
  EXPECT_EQ(reject_of(prepare), "bad-signature");
  Commit commit = world.commit(good, r(1));
  commit.signature.bytes[5] ^= 1;
  EXPECT_EQ(reject_of(commit), "bad-signature");
}

// Pitfall 35: signed by i, claims j.
TEST_F(Verify, RejectsAVoteSignedByAnotherThanItClaims) {
  Vote vote = good.vote;
  vote.replica = r(2);
  const Signature by_three =
      crypto::sign_body(world.signer(r(3)), Purpose::kCommit, world.chain_id(), vote);
  EXPECT_EQ(reject_of(Commit{vote, by_three}), "bad-signature");
}

// Pitfall 30: a signature of one phase is worthless in another, and on another network.
TEST_F(Verify, RejectsASignatureOfAnotherPhaseOrNetwork) {
  const Prepare prepare = world.prepare(good, r(1));
  EXPECT_EQ(reject_of(Commit{prepare.vote, prepare.signature}), "bad-signature");
  const Commit commit = world.commit(good, r(1));
  EXPECT_EQ(reject_of(Prepare{commit.vote, commit.signature, good.signature}), "bad-signature");
  const Commit by_primary = world.commit(good, r(0));
  EXPECT_EQ(reject_of(PrePrepare{by_primary.vote, by_primary.signature, good.batch}),
            "bad-signature");
  ledger::Parameters other;
  other.time_slack_ms = 501;
  const World elsewhere(4, other);
  EXPECT_EQ(reject_of(elsewhere.pre_prepare(good.batch)), "bad-signature");
}

TEST_F(Verify, RejectsAPrepareThatAnswersNoProposal) {
  Prepare prepare = world.prepare(good, r(1));
  prepare.pre_prepare.bytes[9] ^= 1;
  EXPECT_EQ(reject_of(prepare), "bad-primary-signature");
  prepare.pre_prepare = world.pre_prepare(batch_of(1, {})).signature;
  EXPECT_EQ(reject_of(prepare), "bad-primary-signature");
  prepare.pre_prepare = prepare.signature;
  EXPECT_EQ(reject_of(prepare), "bad-primary-signature");
}

TEST_F(Verify, RejectsABlockWithoutAGoodCertificate) {
  CertifiedBatch few = block();
  few.certificate.commits.pop_back();
  EXPECT_EQ(reject_of(few), "bad-certificate");
  CertifiedBatch twice = block();
  twice.certificate.commits[2] = twice.certificate.commits[1];
  EXPECT_EQ(reject_of(twice), "bad-certificate");
  CertifiedBatch forged = block();
  forged.certificate.commits[1].signature.bytes[0] ^= 1;
  EXPECT_EQ(reject_of(forged), "bad-certificate");
  CertifiedBatch other_view = block();
  other_view.certificate.view = {1};
  EXPECT_EQ(reject_of(other_view), "bad-certificate");
  CertifiedBatch unknown = block();
  unknown.certificate.commits[2].replica = r(4);
  EXPECT_EQ(reject_of(unknown), "bad-certificate");
  CertifiedBatch other_epoch = block();
  other_epoch.certificate.epoch = {1};
  EXPECT_EQ(reject_of(other_epoch), "wrong-epoch");
}

TEST_F(Verify, RejectsABlockWhoseBodiesAreNotTheBatches) {
  CertifiedBatch missing = block();
  missing.transactions.clear();
  EXPECT_EQ(reject_of(missing), "bad-transaction");
  CertifiedBatch other = block();
  other.transactions[0] = world.transaction();
  EXPECT_EQ(reject_of(other), "bad-transaction");
  CertifiedBatch more = block();
  more.transactions.push_back(body);
  EXPECT_EQ(reject_of(more), "bad-transaction");
  CertifiedBatch null = block();
  null.transactions[0] = nullptr;
  EXPECT_EQ(reject_of(null), "bad-transaction");
}

TEST_F(Verify, RejectsABlockOfABatchThatIsNotWellFormed) {
  const PrePrepare proposal = with_batch([](Batch& b) { b.header.flags = 4; });
  EXPECT_EQ(reject_of(CertifiedBatch{proposal.batch, world.certificate(proposal), {body}}),
            "malformed-batch");
}

TEST_F(Verify, EveryRejectHasACodeOfItsOwn) {
  std::set<std::string_view> codes;
  for (int i = 0; i <= static_cast<int>(Reject::kBadTransaction); ++i) {
    codes.insert(reject_code(static_cast<Reject>(i)));
  }
  EXPECT_EQ(codes.size(), static_cast<std::size_t>(Reject::kBadTransaction) + 1);
  EXPECT_EQ(codes.count("unknown"), 0U);
}

}  // namespace
}  // namespace quorate::pbft::test
