#include "ledger/recovery.h"

#include <gtest/gtest.h>

#include "ledger/membership.h"
#include "ledger/receipt.h"
#include "tests/ledger/epoch_ledger.h"

namespace quorate::ledger {
namespace {

using namespace test;

// Four replicas of which two forgot their votes; each operator has a copy of the ledger, of five
// blocks, and the second of them is to have another key.
class RecoveryTest : public EpochLedger {
 protected:
  RecoveryTest() {
    for (int i = 0; i < 5; ++i) add({put_one()});
    set_ = membership().current();
    const auto operation = example_change(
        genesis_, set_, RekeyReplica{example_replica(1).vote_key, example_replica(11)});
    change_ = Trusting::trust(transaction(90, {operation}));
  }
  // The same blocks again, in a store of its own.
  std::unique_ptr<Store> copy(std::uint64_t blocks = 5) {
    StoreOptions options;
    options.env = &env_;
    auto made = Store::create("/copy " + std::to_string(++copies_), genesis_, options).value();
    for (Height at{1}; at.value <= blocks; at = next(at)) {
      const StoredBlock block = store_->block(at).value();
      CertifiedBatch batch;
      batch.batch.header = block.record.batch;
      batch.certificate = block.certificate;
      for (const SignedTransaction& each : block.transactions) {
        batch.transactions.push_back(Trusting::trust(each));
      }
      batch.batch.ids = ids_of(batch.transactions);
      const auto execution =
          execute(batch.batch.header, batch.transactions, genesis_, *made).value();
      EXPECT_TRUE(made->append(batch, execution));
    }
    return made;
  }
  RecoveryPlan plan() {
    return plan_recovery(*copy(), genesis_, change_, TimeMs{kGenesisTime.value + 9'000}).value();
  }
  RecoverySignature signed_by(std::uint16_t replica, const RecoveryPlan& plan) {
    return sign_recovery(plan, set_, vote_signer(set_, replica));
  }
  std::vector<RecoverySignature> signed_by_three(const RecoveryPlan& plan) {
    return {signed_by(0, plan), signed_by(2, plan), signed_by(3, plan)};
  }

  ReplicaSet set_;
  TransactionPtr change_;
  int copies_ = 0;
};

TEST_F(RecoveryTest, WhatAQuorumSignsEndsTheEpochAndIsALedgerLikeOthers) {
  const RecoveryPlan good = plan();
  EXPECT_EQ(good.base.size, 5U);
  EXPECT_EQ(good.note.sequence.value, 6U + watermark_window(genesis_.parameters));
  const RecoveryProof proof = gather(good, signed_by_three(good), set_).value();
  ASSERT_EQ(proof.missing, 0U);
  ASSERT_TRUE(install_recovery(*store_, genesis_, good, change_, proof));
  const Membership after = membership();
  EXPECT_EQ(after.current().epoch, Epoch{1});
  EXPECT_EQ(after.current().replicas[1].vote_key, example_replica(11).vote_key);
  // The next epoch goes on, and receipts on both sides verify with genesis alone.
  add({put_one()});
  add({put_one()});
  for (const std::uint64_t height : {5U, 6U, 11U}) {
    const StoredBlock block = store_->block({height}).value();
    ASSERT_FALSE(block.transactions.empty()) << height;
    const Receipt receipt = make_receipt(*store_, id_of(block.transactions[0].body)).value();
    EXPECT_TRUE(verify_receipt(receipt, genesis_)) << height;
  }
  close();
  EXPECT_EQ(place(audit()), "none");
}

TEST_F(RecoveryTest, LessThanAQuorumIsSaidToMiss) {
  const RecoveryPlan good = plan();
  const std::vector<RecoverySignature> two = {signed_by(3, good), signed_by(0, good),
                                              signed_by(0, good)};
  const RecoveryProof proof = gather(good, two, set_).value();
  EXPECT_EQ(proof.missing, 1U);
  EXPECT_EQ(proof.unsigned_replicas, (std::vector<ReplicaId>{{1}, {2}}));
}

TEST_F(RecoveryTest, SignaturesOfOthersOrOfAnotherPlanAreRefused) {
  const RecoveryPlan good = plan();
  const auto code = [&](RecoverySignature signature) {
    return refusal(gather(good, std::vector{std::move(signature)}, set_));
  };
  RecoverySignature bad = signed_by(0, good);
  bad.commits.back().bytes[7] ^= 1;
  EXPECT_EQ(code(bad), "recovery-signature-bad");
  bad = signed_by(0, good);
  bad.cosignature.bytes[7] ^= 1;
  EXPECT_EQ(code(bad), "recovery-signature-bad");
  bad = signed_by(0, good);
  bad.commits.pop_back();
  EXPECT_EQ(code(bad), "recovery-other-plan");
  bad = signed_by(0, good);
  bad.key = example_replica(9).vote_key;
  EXPECT_EQ(code(bad), "recovery-signer-unknown");
  bad.key = example_replica(2).vote_key;
  EXPECT_EQ(code(bad), "recovery-signature-bad");
  const RecoveryPlan other =
      plan_recovery(*copy(), genesis_, change_, TimeMs{kGenesisTime.value + 9'001}).value();
  EXPECT_EQ(code(signed_by(0, other)), "recovery-other-plan");
}

TEST_F(RecoveryTest, NobodySignsWhatHisLedgerDoesNotLeadTo) {
  const RecoveryPlan good = plan();
  const auto code = [&](Store& ledger, const RecoveryPlan& plan) {
    return refusal(check_plan(ledger, genesis_, plan, change_));
  };
  EXPECT_EQ(code(*copy(), good), "none");
  EXPECT_EQ(code(*copy(4), good), "recovery-ledger-behind");
  RecoveryPlan bad = good;
  bad.base.root.bytes[0] ^= 1;
  EXPECT_EQ(code(*copy(), bad), "recovery-other-block");
  bad = good;
  bad.chain_id.bytes[0] ^= 1;
  EXPECT_EQ(code(*copy(), bad), "recovery-other-chain");
  bad = good;
  bad.note.state_root.bytes[0] ^= 1;
  EXPECT_EQ(code(*copy(), bad), "recovery-plan-false");
  bad = good;
  bad.epoch.value = 1;
  EXPECT_EQ(code(*copy(), bad), "recovery-plan-false");
  add({put_one()});
  EXPECT_EQ(refusal(check_base(*store_, good)), "recovery-block-above");
}

TEST_F(RecoveryTest, AChangeThatWouldNotBeAppliedMakesNoPlan) {
  const auto expired = Trusting::trust(transaction(91, {put("key", "1")}, 1));
  const auto made = plan_recovery(*copy(), genesis_, expired, TimeMs{kGenesisTime.value + 9'000});
  EXPECT_EQ(refusal(made), "recovery-change-refused");
  begin_change(AddReplica{example_replica(4)});
  const auto late = plan_recovery(*store_, genesis_, change_, TimeMs{kGenesisTime.value + 9'000});
  EXPECT_EQ(refusal(late), "recovery-epoch-ended");
}

// A plan comes from somebody else.
TEST_F(RecoveryTest, ATransactionThatChangesNoReplicaMakesNoPlan) {
  const TransactionPtr other = Trusting::trust(transaction(91, {put("key", "value")}));
  const TimeMs time{kGenesisTime.value + 9'000};
  EXPECT_EQ(refusal(plan_recovery(*copy(), genesis_, other, time)), "recovery-change-refused");
  RecoveryPlan bad = plan();
  bad.change = *other->signed_transaction;
  EXPECT_EQ(refusal(check_plan(*copy(), genesis_, bad, other)), "recovery-change-refused");
}

TEST_F(RecoveryTest, FilesAreReadBackAndNoByteOfThemChangesAlone) {
  const RecoveryPlan good = plan();
  const std::string text = plan_to_json(good);
  EXPECT_EQ(crypto::encode(parse_plan(text).value()), crypto::encode(good));
  const RecoverySignature signature = signed_by(2, good);
  const std::string signed_text = recovery_signature_to_json(signature);
  EXPECT_EQ(crypto::encode(parse_recovery_signature(signed_text).value()),
            crypto::encode(signature));
  const auto read = [&](const std::string& changed, bool is_plan) {
    if (is_plan) {
      const auto again = parse_plan(changed);
      return !again || crypto::encode(*again) == crypto::encode(good);
    }
    const auto again = parse_recovery_signature(changed);
    return !again || crypto::encode(*again) == crypto::encode(signature);
  };
  for (const bool is_plan : {true, false}) {
    const std::string& file = is_plan ? text : signed_text;
    for (std::size_t i = 0; i < file.size(); i += 5) {
      std::string changed = file;
      changed[i] = static_cast<char>(changed[i] ^ (1 << i % 8));
      EXPECT_TRUE(read(changed, is_plan)) << i << ": " << file[i];
    }
  }
  EXPECT_EQ(refusal(parse_plan("{}")), "recovery-malformed");
  EXPECT_EQ(refusal(parse_recovery_signature("{\"format\": 2}")),
            "recovery-signature-newer-format");
  RecoveryPlan endless = good;
  endless.note.sequence.value = UINT64_MAX;
  EXPECT_EQ(refusal(parse_plan(plan_to_json(endless))), "recovery-malformed");
}

}  // namespace
}  // namespace quorate::ledger
