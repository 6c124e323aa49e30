#include "ledger/tlog_proof.h"

#include <gtest/gtest.h>

#include "ledger/published_checkpoint.h"
#include "tests/ledger/signed_ledger.h"
#include "tests/support/thinning.h"

namespace quorate::ledger {
namespace {

using namespace test;

// Most bytes cost several signature checks.
constexpr std::size_t kStep = 7 * quorate::test::kStride;

class TlogProofTest : public SignedLedger {
 protected:
  TlogProofTest() {
    append({transaction_});
    append({});
    stabilise_newest();
    old_note_ = publish(store_->latest_stable().value().value(), replicas_).to_text();
    append_empty(5);
    stabilise_newest();
  }
  [[nodiscard]] std::string of_block(std::uint64_t height) const {
    return tlog_proof_text(prove_record(*store_, Height{height}, replicas_).value());
  }
  [[nodiscard]] std::string growth() const {
    return consistency_proof_text(prove_growth(*store_, 2, std::nullopt, replicas_).value());
  }

  const ReplicaSet replicas_ = genesis_replicas(genesis_);
  const SignedTransaction transaction_ = transaction(1, {put("colour", "blue")});
  std::string old_note_;
};

TEST_F(TlogProofTest, ABlockIsProvedUnderTheFirstCheckpointThatCoversIt) {
  for (const std::uint64_t height : {1, 2, 3, 6}) {
    const auto verdict = verify_tlog_proof(of_block(height), genesis_);
    ASSERT_TRUE(verdict) << verdict.error().to_string();
    EXPECT_EQ(verdict->record, store_->record(Height{height}).value());
    EXPECT_EQ(verdict->checkpoint.note.head.size, height <= 2 ? 2U : 6U);
    EXPECT_FALSE(verdict->transaction);
  }
  EXPECT_EQ(refusal(prove_record(*store_, Height{7}, replicas_)), "nothing-stable");
  EXPECT_EQ(refusal(prove_record(*store_, Height{8}, replicas_)), "block-not-found");
}

TEST_F(TlogProofTest, ATransactionIsProvedWithItsResult) {
  const TxId id = id_of(transaction_.body);
  const auto verdict =
      verify_tlog_proof(tlog_proof_text(prove_logged(*store_, id, replicas_).value()), genesis_);
  ASSERT_TRUE(verdict) << verdict.error().to_string();
  ASSERT_TRUE(verdict->transaction);
  EXPECT_EQ(verdict->transaction->id, id);
  EXPECT_TRUE(verdict->transaction->result_proved);
  EXPECT_EQ(verdict->transaction->result.outcome, Outcome::kApplied);
  EXPECT_EQ(refusal(prove_logged(*store_, TxId{}, replicas_)), "receipt-not-found");
}

// An unsigned part, the result say, must not be believed for the company it is in.
TEST_F(TlogProofTest, ChangedBytesAreRefused) {
  const TxId id = id_of(transaction_.body);
  const std::string good = tlog_proof_text(prove_logged(*store_, id, replicas_).value());
  ASSERT_TRUE(verify_tlog_proof(good, genesis_));
  for (std::size_t i = 0; i < good.size(); i += kStep) {
    std::string bad = good;
    bad[i] = static_cast<char>(bad[i] ^ 1);
    EXPECT_FALSE(verify_tlog_proof(bad, genesis_)) << i << ": " << bad[i];
  }
}

TEST_F(TlogProofTest, ARecordOfAnotherPlaceIsRefused) {
  TlogProof proof = parse_tlog_proof(of_block(5)).value();
  const TlogProof other = parse_tlog_proof(of_block(4)).value();
  proof.extra = other.extra;
  EXPECT_EQ(refusal(verify_tlog_proof(tlog_proof_text(proof), genesis_)), "tlog-proof-wrong");
  proof = other;
  proof.index = 4;
  EXPECT_EQ(refusal(verify_tlog_proof(tlog_proof_text(proof), genesis_)), "tlog-proof-wrong");
  proof = other;
  proof.path.push_back(Digest{});
  EXPECT_EQ(refusal(verify_tlog_proof(tlog_proof_text(proof), genesis_)), "tlog-proof-wrong");
}

TEST_F(TlogProofTest, RefusesEveryOtherForm) {
  const std::string good = of_block(3);
  const auto with = [&](std::string_view from, std::string_view to) {
    std::string changed = good;
    return changed.replace(changed.find(from), from.size(), to);
  };
  const std::vector<std::pair<const char*, std::string>> proofs = {
      {"nothing", ""},
      {"another version", with("@v1", "@v2")},
      {"no extra line", with("extra ", "")},
      {"a leading zero", with("index 2", "index 02")},
      {"an extra line without end", good.substr(0, good.find("index") - 1)},
      {"no index", with("index 2", "index ")},
      {"a sign", with("index 2", "index +2")},
      {"no empty line", with("\n\nquorate.org", "\nquorate.org")},
      {"the extra data of nobody", with("extra AA", "extra Ag")},
      {"extra data without a kind", with(good.substr(good.find("extra "), 40), "extra ")},
      {"a hash that is none", with("index 2\n", "index 2\nAAAA\n")},
      {"more hashes than any tree has",
       with("index 2\n", "index 2\n" + [] {
         std::string lines;
         for (int i = 0; i < 130; ++i) lines += to_base64(Digest{}.bytes) + "\n";
         return lines;
       }())}};
  for (const auto& [name, proof] : proofs) {
    EXPECT_EQ(refusal(verify_tlog_proof(proof, genesis_)), "tlog-proof-malformed") << name;
  }
}

TEST_F(TlogProofTest, AnExtraLineIsOptionalInTheForm) {
  TlogProof proof = parse_tlog_proof(of_block(3)).value();
  proof.extra.reset();
  const auto back = parse_tlog_proof(tlog_proof_text(proof));
  ASSERT_TRUE(back);
  EXPECT_FALSE(back->extra);
  EXPECT_EQ(back->path, proof.path);
  EXPECT_EQ(refusal(verify_tlog_proof(tlog_proof_text(proof), genesis_)), "tlog-proof-malformed");
}

TEST_F(TlogProofTest, GrowthIsProvedFromACheckpointToALaterOne) {
  const auto verdict = verify_growth(growth(), old_note_, genesis_);
  ASSERT_TRUE(verdict) << verdict.error().to_string();
  EXPECT_EQ(verdict->before.note.head.size, 2U);
  EXPECT_EQ(verdict->after.note.head.size, 6U);
  const auto same = consistency_proof_text(prove_growth(*store_, 2, 2, replicas_).value());
  EXPECT_TRUE(verify_growth(same, old_note_, genesis_));
  EXPECT_EQ(refusal(prove_growth(*store_, 2, 5, replicas_)), "checkpoint-not-stable");
  EXPECT_EQ(refusal(prove_growth(*store_, 2, 7, replicas_)), "nothing-stable");
  EXPECT_EQ(refusal(prove_growth(*store_, 3, 2, replicas_)), "merkle-out-of-range");
}

TEST_F(TlogProofTest, GrowthFromAnythingElseIsRefused) {
  const std::string good = growth();
  const std::string note = publish(store_->latest_stable().value().value(), replicas_).to_text();
  EXPECT_EQ(refusal(verify_growth(good, note, genesis_)), "tlog-proof-wrong");
  for (std::size_t i = 0; i < good.size(); i += kStep) {
    std::string bad = good;
    bad[i] = static_cast<char>(bad[i] ^ 1);
    EXPECT_FALSE(verify_growth(bad, old_note_, genesis_)) << i;
  }
}

}  // namespace
}  // namespace quorate::ledger
