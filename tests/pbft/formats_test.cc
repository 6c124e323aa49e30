// The worked examples of pbft/README.md, byte by byte.

#include <gtest/gtest.h>

#include "crypto/bcs.h"
#include "pbft/durable.h"
#include "tests/support/readme.h"

namespace quorate::pbft {
namespace {

class PbftReadme : public testing::Test, public quorate::test::Readme {
 protected:
  PbftReadme() : Readme("pbft") {
    TxId id;
    id.digest.bytes.fill(0xaa);
    chain_id_.bytes.fill(0xcc);
    const Batch batch = ledger::make_batch({7}, {1'700'000'000'000}, 0, {id});
    const Vote vote{{}, {}, {7}, ledger::digest_of_batch(batch.header), {}, {0}};
    proposal_ = {vote, sign(crypto::Purpose::kPrePrepare, vote), batch};
    Vote own = vote;
    own.replica = {1};
    prepare_ = {own, sign(crypto::Purpose::kPrepare, own), proposal_.signature};
    commit_ = {own, sign(crypto::Purpose::kCommit, own)};
  }

  template <class Vote>
  [[nodiscard]] Signature sign(crypto::Purpose purpose, const Vote& vote) const {
    const Bytes seed(crypto::SecretKey::kSeedBytes,
                     static_cast<std::uint8_t>(vote.replica.value + 1));
    const crypto::KeySigner signer(crypto::SecretKey::from_seed(seed));
    return crypto::sign_body(signer, purpose, chain_id_, vote);
  }

  Digest chain_id_;
  PrePrepare proposal_;
  Prepare prepare_;
  Commit commit_;
};

TEST_F(PbftReadme, PrePrepareIsWhatTheCodeWrites) {
  EXPECT_EQ(hex("pre-prepare"), to_hex(crypto::encode(proposal_)));
}

TEST_F(PbftReadme, PrepareIsWhatTheCodeWrites) {
  EXPECT_EQ(hex("prepare"), to_hex(crypto::encode(prepare_)));
}

TEST_F(PbftReadme, CommitIsWhatTheCodeWrites) {
  EXPECT_EQ(hex("commit"), to_hex(crypto::encode(commit_)));
}

TEST_F(PbftReadme, StatusReportIsWhatTheCodeWrites) {
  StatusReport report;
  report.executed = {41};
  report.stable = {32};
  report.slots = {kSlotHasProposal | kSlotPrepared | kSlotCommitted, kSlotHasProposal};
  report.wants_answer = true;
  EXPECT_EQ(hex("status"), to_hex(crypto::encode(report)));
}

TEST_F(PbftReadme, ViewChangeAndNewViewAreWhatTheCodeWrites) {
  const auto view_change = [&](std::uint16_t replica) {
    ViewChange message{{{}, {1}, {replica}, std::nullopt, {}}, {}};
    message.signature = sign(crypto::Purpose::kViewChange, view_vote(message.body));
    return message;
  };
  EXPECT_EQ(hex("view-change"), to_hex(crypto::encode(view_change(2))));
  NewView message{{{}, {1}, {1}, {}}, {}};
  for (std::uint16_t replica = 1; replica <= 3; ++replica) {
    message.body.view_changes.push_back(
        {{replica}, view_vote(view_change(replica).body).content});
  }
  message.signature = sign(crypto::Purpose::kNewView, view_vote(message.body));
  EXPECT_EQ(hex("new-view"), to_hex(crypto::encode(message)));
}

TEST_F(PbftReadme, RecordKeyIsWhatTheCodeWrites) {
  const ledger::VoteRecord record = to_vote_record(ProposalRecord{proposal_, prepare_});
  EXPECT_EQ(hex("record-key"), to_hex(record.key));
  EXPECT_EQ(to_hex(record.value), hex("pre-prepare") + "01" + hex("prepare"));
}

TEST_F(PbftReadme, CommitRecordIsTheCommitAndThePreparedCertificate) {
  const PreparedCertificate certificate{
      proposal_.vote, proposal_.signature, {{{1}, prepare_.signature}}};
  const ledger::VoteRecord record = to_vote_record(CommitRecord{commit_, certificate});
  EXPECT_EQ(record.key.back(), 1);
  EXPECT_EQ(to_hex(record.value),
            hex("commit") + hex("place") + "0000" + to_hex(proposal_.signature.bytes) + "01" +
                "0100" + to_hex(prepare_.signature.bytes));
}

TEST_F(PbftReadme, MessagesStandInAVariantInThisOrder) {
  EXPECT_EQ(crypto::encode(Message{proposal_}).front(), 0);
  EXPECT_EQ(crypto::encode(Message{prepare_}).front(), 1);
  EXPECT_EQ(crypto::encode(Message{commit_}).front(), 2);
  EXPECT_EQ(crypto::encode(Message{StatusReport{}}).front(), 3);
}

}  // namespace
}  // namespace quorate::pbft
