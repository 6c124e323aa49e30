#include "ledger/receipt.h"

#include <gtest/gtest.h>

#include <functional>

#include "tests/ledger/example_network.h"

namespace quorate::ledger {
namespace {

using namespace test;

constexpr TimeMs kNow{kGenesisTime.value + 1000};

// A block of five transactions: applied, failed at its second operation, skipped, expired, applied.
class ReceiptTest : public testing::Test {
 protected:
  ReceiptTest() {
    std::vector<Transaction> bodies = {
        example_body(genesis_, 1, {put("colour", "blue")}),
        example_body(genesis_, 2, {put("a", "b"), compare_and_set("colour", "red", "x")}),
        example_body(genesis_, 1, {put("colour", "green")}),
        example_body(genesis_, 3, {put("late", "x")}),
        example_body(genesis_, 4, {add("n", 1)}),
    };
    bodies[3].valid_until = kNow;
    block_ = example_block(genesis_, kNow, bodies);
  }

  [[nodiscard]] Receipt receipt(std::uint32_t index) const {
    return make_receipt(block_, index).value();
  }
  [[nodiscard]] std::string_view verdict(const Receipt& receipt) const {
    return refusal(verify_receipt(receipt, genesis_));
  }
  // Makes the record and its certificate fit again after a change to the batch.
  void recertify(Receipt& receipt) const {
    receipt.certificate = certify(genesis_, receipt.record.batch, {0, 1, 3});
  }

  Genesis genesis_ = example_genesis();
  StoredBlock block_;
};

TEST_F(ReceiptTest, ProvesTheOrderAndSaysThatTheResultIsNotProved) {
  const ReceiptVerdict verdict = verify_receipt(receipt(1), genesis_).value();
  EXPECT_EQ(verdict.id, id_of(block_.transactions[1].body));
  EXPECT_EQ(verdict.height, Height{1});
  EXPECT_EQ(verdict.index, 1U);
  EXPECT_EQ(verdict.agreed_time, kNow);
  EXPECT_EQ(verdict.signers, 3U);
  EXPECT_EQ(verdict.replicas, 4U);
  EXPECT_TRUE(verdict.order_proved);
  EXPECT_FALSE(verdict.result_proved);
  EXPECT_EQ(verdict.result.outcome, Outcome::kRejectedCompareFailed);
  EXPECT_EQ(verdict.result.failed_operation, 1U);
}

TEST_F(ReceiptTest, EveryTransactionButASkippedOneHasAReceipt) {
  for (const std::uint32_t index : {0U, 1U, 3U, 4U}) EXPECT_EQ(verdict(receipt(index)), "none");
  EXPECT_EQ(refusal(make_receipt(block_, 2)), "receipt-not-found");
}

TEST_F(ReceiptTest, ABatchOfOneHasAReceiptWithoutPaths) {
  const StoredBlock block =
      example_block(genesis_, kNow, {example_body(genesis_, 1, {put("colour", "blue")})});
  const Receipt receipt = make_receipt(block, 0).value();
  EXPECT_TRUE(receipt.transaction_path.empty());
  EXPECT_TRUE(receipt.result_path.empty());
  EXPECT_EQ(verdict(receipt), "none");
}

struct Mutation {
  const char* name;
  std::string_view code;
  std::function<void(Receipt&)> apply;
};

TEST_F(ReceiptTest, EveryMutationIsRefusedByItsName) {
  const std::vector<Mutation> mutations = {
      {"format 0", "receipt-newer-format", [](auto& r) { r.format = 0; }},
      {"format 2", "receipt-newer-format", [](auto& r) { r.format = 2; }},
      {"another chain", "receipt-wrong-chain",
       [](auto& r) { r.transaction.body.chain_id.bytes[0] ^= 1; }},
      {"a form that no node admits", "tx-nonce-zero",
       [](auto& r) { r.transaction.body.nonce = 0; }},
      {"a sender outside the subgroup", "tx-sender-invalid-key",
       [](auto& r) { r.transaction.body.sender = {}; }},
      {"another body", "receipt-bad-transaction-signature",
       [](auto& r) { r.transaction.body.operations = {put("colour", "red")}; }},
      {"another signature", "receipt-bad-transaction-signature",
       [](auto& r) { r.transaction.signature.bytes[0] ^= 1; }},
      {"another good transaction", "receipt-transaction-not-in-batch",
       [this](auto& r) { r.transaction = block_.transactions[4]; }},
      {"another place", "receipt-transaction-not-in-batch", [](auto& r) { r.index = 1; }},
      {"a place outside", "receipt-transaction-not-in-batch", [](auto& r) { r.index = 5; }},
      {"a path too short", "receipt-transaction-not-in-batch",
       [](auto& r) { r.transaction_path.pop_back(); }},
      {"a path too long", "receipt-transaction-not-in-batch",
       [](auto& r) { r.transaction_path.emplace_back(); }},
      {"another path", "receipt-transaction-not-in-batch",
       [](auto& r) { r.transaction_path[0].bytes[0] ^= 1; }},
      {"another count", "receipt-transaction-not-in-batch",
       [](auto& r) { r.record.batch.transaction_count = 2; }},
      {"another height", "receipt-certificate-other-batch",
       [](auto& r) { r.record.batch.sequence = {2}; }},
      {"another time", "receipt-certificate-other-batch",
       [](auto& r) { r.record.batch.time.value += 1; }},
      {"another flag", "receipt-certificate-other-batch",
       [](auto& r) { r.record.batch.flags = kFlagCheckpoint; }},
      {"record of another epoch", "receipt-certificate-other-batch",
       [](auto& r) { r.record.epoch = {1}; }},
      {"certificate of another batch", "receipt-certificate-other-batch",
       [this](auto& r) {
         r.certificate = certify(genesis_, null_batch({1}).header, {0, 1, 3});
       }},
      {"certificate of another sequence", "receipt-certificate-other-batch",
       [](auto& r) { r.certificate.sequence = {2}; }},
      {"record and certificate of another epoch", "epoch-proofs-missing",
       [](auto& r) { r.record.epoch = r.certificate.epoch = {1}; }},
      {"certificate without a quorum", "certificate-too-few-votes",
       [](auto& r) { r.certificate.commits.pop_back(); }},
      {"certificate with a bad signature", "certificate-bad-signature",
       [](auto& r) { r.certificate.commits[0].signature.bytes[0] ^= 1; }},
      {"another outcome", "receipt-result-not-in-record",
       [](auto& r) { r.result.outcome = Outcome::kRejectedNotANumber; }},
      {"another failed operation", "receipt-result-not-in-record",
       [](auto& r) { r.result.failed_operation = 0; }},
      {"another result path", "receipt-result-not-in-record",
       [](auto& r) { r.result_path[0].bytes[0] ^= 1; }},
      {"another results root", "receipt-result-not-in-record",
       [](auto& r) { r.record.results_root.bytes[0] ^= 1; }},
      {"the result of another transaction", "receipt-result-not-in-record",
       [this](auto& r) {
         r.result = receipt(4).result;
         r.result_path = receipt(4).result_path;
       }},
      {"an effective time before the proposed", "receipt-result-impossible",
       [](auto& r) { r.record.effective_time.value -= 1; }},
      {"an effective time past valid-until", "receipt-result-impossible",
       [](auto& r) { r.record.effective_time = r.transaction.body.valid_until; }},
  };
  ASSERT_EQ(verdict(receipt(0)), "none");
  for (const Mutation& mutation : mutations) {
    Receipt changed = receipt(0);
    mutation.apply(changed);
    EXPECT_EQ(verdict(changed), mutation.code) << mutation.name;
  }
}

// What no certificate covers must at least be possible: the prover picked a results root to match.
TEST_F(ReceiptTest, AResultThatNoReplicaReportsIsRefused) {
  const auto claim = [this](std::uint32_t index, Outcome outcome,
                            std::optional<std::uint32_t> failed_operation) {
    StoredBlock block = block_;
    block.results[index].outcome = outcome;
    block.results[index].failed_operation = failed_operation;
    block.record.results_root = results_root(block.results);
    Receipt receipt = make_receipt(block_, index).value();
    receipt.result = block.results[index];
    receipt.record = block.record;
    std::vector<Digest> leaves;
    for (const TxResult& result : block.results) {
      leaves.push_back(crypto::merkle::leaf_hash(crypto::encode(result)));
    }
    receipt.result_path = crypto::merkle::inclusion_path(index, leaves).value();
    return verdict(receipt);
  };
  constexpr std::string_view kRefused = "receipt-result-impossible";
  EXPECT_EQ(claim(0, Outcome::kApplied, std::nullopt), "none");
  EXPECT_EQ(claim(0, Outcome::kApplied, 0), kRefused);
  EXPECT_EQ(claim(0, Outcome::kSkippedNonceUsed, std::nullopt), kRefused);
  EXPECT_EQ(claim(0, Outcome::kRejectedExpired, std::nullopt), kRefused);
  EXPECT_EQ(claim(0, Outcome::kRejectedValidUntilTooFar, std::nullopt), kRefused);
  EXPECT_EQ(claim(0, Outcome::kRejectedCompareFailed, std::nullopt), kRefused);
  EXPECT_EQ(claim(0, Outcome::kRejectedCompareFailed, 1), kRefused);
  EXPECT_EQ(claim(0, Outcome::kRejectedCompareFailed, 0), kRefused);
  EXPECT_EQ(claim(0, Outcome::kRejectedUntilInThePast, 0), kRefused);
  EXPECT_EQ(claim(0, Outcome::kRejectedInsufficientFunds, 0), kRefused);
  EXPECT_EQ(claim(1, Outcome::kRejectedCompareFailed, 0), kRefused);
  EXPECT_EQ(claim(1, Outcome::kRejectedCompareFailed, std::nullopt), kRefused);
  EXPECT_EQ(claim(1, Outcome::kRejectedNotANumber, 1), kRefused);
  // Lies that only a checkpoint over the results root can tell.
  EXPECT_EQ(claim(1, Outcome::kApplied, std::nullopt), "none");
  EXPECT_EQ(claim(4, Outcome::kRejectedNumberOverflow, 0), "none");
  EXPECT_EQ(claim(3, Outcome::kRejectedExpired, std::nullopt), "none");
  EXPECT_EQ(claim(3, Outcome::kApplied, std::nullopt), kRefused);
}

TEST_F(ReceiptTest, AResultIsOfTheTransactionAtItsPlace) {
  StoredBlock block = block_;
  block.results[0].id = block.results[4].id;
  block.record.results_root = results_root(block.results);
  EXPECT_EQ(verdict(make_receipt(block, 0).value()), "receipt-result-not-in-record");
}

TEST_F(ReceiptTest, IsHeldToTheSendersList) {
  genesis_.senders = {{public_key_of("bob")}};
  const StoredBlock block =
      example_block(genesis_, kNow, {example_body(genesis_, 1, {put("colour", "blue")})});
  EXPECT_EQ(verdict(make_receipt(block, 0).value()), "tx-sender-not-allowed");
}

TEST_F(ReceiptTest, AnotherGenesisProvesNothing) {
  Genesis other = genesis_;
  other.parameters.time_slack_ms += 1;
  EXPECT_EQ(refusal(verify_receipt(receipt(0), other)), "receipt-wrong-chain");
}

TEST_F(ReceiptTest, EveryChangedByteIsRefusedOrProvesTheSame) {
  const Receipt good = receipt(1);
  const ReceiptVerdict expected = verify_receipt(good, genesis_).value();
  const Bytes proof = crypto::encode(good);
  std::size_t accepted = 0;
  for (std::size_t i = 0; i < proof.size(); ++i) {
    for (const std::uint8_t change : {std::uint8_t{0x01}, std::uint8_t{0x80}, std::uint8_t{0xff}}) {
      Bytes changed = proof;
      changed[i] ^= change;
      const auto receipt = crypto::decode<Receipt>(changed);
      if (!receipt) continue;
      const auto verdict = verify_receipt(*receipt, genesis_);
      if (!verdict) continue;
      ++accepted;
      EXPECT_EQ(verdict->id, expected.id) << "byte " << i;
      EXPECT_EQ(verdict->height, expected.height) << "byte " << i;
      EXPECT_EQ(verdict->index, expected.index) << "byte " << i;
      EXPECT_EQ(verdict->agreed_time, expected.agreed_time) << "byte " << i;
      EXPECT_EQ(verdict->signers, expected.signers) << "byte " << i;
      EXPECT_EQ(verdict->result, expected.result) << "byte " << i;
      // The only bytes that nothing covers: an effective time that is later, but possible.
      EXPECT_NE(receipt->record.effective_time, good.record.effective_time) << "byte " << i;
    }
  }
  EXPECT_LE(accepted, 8U * 3U);
}

}  // namespace
}  // namespace quorate::ledger
