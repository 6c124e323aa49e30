// Receipts of format 2: with a stable checkpoint they prove the result as well as the order.

#include <gtest/gtest.h>

#include "ledger/receipt.h"
#include "tests/ledger/signed_ledger.h"

namespace quorate::ledger {
namespace {

using namespace test;

class StableReceiptTest : public SignedLedger {
 protected:
  StableReceiptTest() {
    append({transaction(1, {put("colour", "blue")}), transaction(2, {add("n", 1)})});
    append({transaction(3, {compare_and_set("colour", "red", "green")})});
    append({transaction(4, {del("colour")})});
  }
  [[nodiscard]] TxId id(std::uint64_t nonce) const {
    const std::vector<std::vector<Operation>> operations = {
        {put("colour", "blue")},
        {add("n", 1)},
        {compare_and_set("colour", "red", "green")},
        {del("colour")}};
    return id_of(transaction(nonce, operations[nonce - 1]).body);
  }
  [[nodiscard]] Receipt receipt(std::uint64_t nonce) const {
    return make_receipt(*store_, id(nonce)).value();
  }
  [[nodiscard]] std::string_view verdict(const Receipt& receipt) const {
    return refusal(verify_receipt(receipt, genesis_));
  }
};

TEST_F(StableReceiptTest, IsOfTheStrongerFormatAsSoonAsACheckpointCoversIt) {
  EXPECT_EQ(receipt(1).format, 1U);
  EXPECT_FALSE(verify_receipt(receipt(1), genesis_)->result_proved);
  stabilise_newest();  // at 2
  for (std::uint64_t nonce = 1; nonce <= 3; ++nonce) {
    const Receipt stronger = receipt(nonce);
    EXPECT_EQ(stronger.format, 2U);
    const auto verdict = verify_receipt(stronger, genesis_);
    ASSERT_TRUE(verdict) << verdict.error().to_string();
    EXPECT_TRUE(verdict->order_proved);
    EXPECT_TRUE(verdict->result_proved);
    EXPECT_EQ(verdict->checkpoint, Height{2});
    EXPECT_EQ(verdict->cosigners, 3U);
    EXPECT_EQ(verdict->result.outcome,
              nonce == 3 ? Outcome::kRejectedCompareFailed : Outcome::kApplied);
  }
  EXPECT_EQ(receipt(4).format, 1U);
  append_empty(5);
  stabilise_newest();  // at 8
  EXPECT_EQ(verify_receipt(receipt(4), genesis_)->checkpoint, Height{8});
  EXPECT_EQ(verify_receipt(receipt(1), genesis_)->checkpoint, Height{2});  // the first one
}

TEST_F(StableReceiptTest, EveryChangeOfTheCheckpointIsRefused) {
  stabilise_newest();
  struct Change {
    const char* code;
    std::function<void(Receipt&)> apply;
  };
  const std::vector<Change> changes = {
      {"receipt-newer-format", [](Receipt& r) { r.format = 1; }},
      {"receipt-newer-format", [](Receipt& r) { r.format = 3; }},
      {"receipt-newer-format", [](Receipt& r) { r.checkpoint.reset(); }},
      {"receipt-record-not-in-checkpoint",
       [](Receipt& r) { r.checkpoint->record_path.pop_back(); }},
      {"receipt-record-not-in-checkpoint",
       [](Receipt& r) { r.checkpoint->record_path[0].bytes[0] ^= 1; }},
      {"receipt-record-not-in-checkpoint",
       [](Receipt& r) { r.checkpoint->checkpoint.note.head.root.bytes[5] ^= 1; }},
      {"receipt-record-not-in-checkpoint",
       [](Receipt& r) { r.checkpoint->checkpoint.note.head.size = 1; }},
      {"checkpoint-size-not-sequence",
       [](Receipt& r) { r.checkpoint->checkpoint.note.sequence.value = 3; }},
      {"checkpoint-bad-signature",
       [](Receipt& r) { r.checkpoint->checkpoint.note.state_root.bytes[0] ^= 1; }},
      {"checkpoint-bad-signature", [](Receipt& r) { r.checkpoint->checkpoint.time_seconds += 1; }},
      {"checkpoint-too-few-votes",
       [](Receipt& r) { r.checkpoint->checkpoint.cosignatures.pop_back(); }},
      {"checkpoint-wrong-chain",
       [](Receipt& r) { r.checkpoint->checkpoint.note.chain_id.bytes[0] ^= 1; }},
      {"checkpoint-wrong-epoch",
       [](Receipt& r) { r.checkpoint->checkpoint.note.epoch.value = 1; }},
  };
  for (std::size_t i = 0; i < changes.size(); ++i) {
    Receipt changed = receipt(1);
    changes[i].apply(changed);
    EXPECT_EQ(verdict(changed), changes[i].code) << i;
  }
}

// What format 1 has to leave open, a checkpoint settles: the effective time and the results root.
TEST_F(StableReceiptTest, EveryChangedByteIsRefused) {
  stabilise_newest();
  const Bytes good = encode_receipt(receipt(1));
  const auto json = receipt_to_json(receipt(1));
  for (std::size_t i = 0; i < good.size(); ++i) {
    Bytes changed = good;
    changed[i] ^= 0x01;
    const auto read = decode_receipt(changed);
    ASSERT_FALSE(read && verify_receipt(*read, genesis_)) << "byte " << i << " of " << good.size();
  }
  EXPECT_EQ(crypto::encode(parse_receipt(json).value()), crypto::encode(receipt(1)));
}

TEST_F(StableReceiptTest, BothFormatsAreReadBackAndNoPartOfThem) {
  for (const bool is_stable : {false, true}) {
    if (is_stable) stabilise_newest();
    const Bytes bytes = encode_receipt(receipt(1));
    EXPECT_EQ(encode_receipt(decode_receipt(bytes).value()), bytes);
    for (std::size_t length = 0; length < bytes.size(); ++length) {
      ASSERT_FALSE(decode_receipt(ByteView(bytes).first(length))) << length;
    }
    Bytes longer = bytes;
    longer.push_back(0);
    EXPECT_EQ(refusal(decode_receipt(longer)), "receipt-malformed");
    Bytes other = bytes;
    other[0] = is_stable ? 1 : 2;
    EXPECT_EQ(refusal(decode_receipt(other)), "receipt-malformed");
    other[0] = 4;
    EXPECT_EQ(refusal(decode_receipt(other)), "receipt-newer-format");
  }
}

TEST_F(StableReceiptTest, FactsOfTheCheckpointStandInTheFile) {
  stabilise_newest();
  const std::string file = receipt_to_json(receipt(1));
  EXPECT_NE(file.find("\"signers\": [0, 2, 3]"), std::string::npos) << file;
  std::string changed = file;
  changed.replace(changed.find("[0, 2, 3]"), 9, "[0, 1, 3]");
  EXPECT_EQ(refusal(parse_receipt(changed)), "receipt-facts-differ");
}

}  // namespace
}  // namespace quorate::ledger
