// Receipts out of a real store: several blocks, each transaction in turn.

#include <gtest/gtest.h>

#include "ledger/receipt.h"
#include "tests/ledger/signed_ledger.h"
#include "tests/support/temporary_folder.h"

namespace quorate::ledger {
namespace {

using namespace test;

class ReceiptStoreTest : public testing::Test {
 protected:
  ReceiptStoreTest() : store_(Store::create(folder_.path() / "ledger", genesis_).value()) {}

  void append(const std::vector<Transaction>& bodies) {
    std::vector<SignedTransaction> transactions;
    for (const Transaction& body : bodies) transactions.push_back(sign(body));
    append_block(*store_, genesis_, transactions);
  }

  const Genesis genesis_ = example_genesis();
  const quorate::test::TemporaryFolder folder_;
  const std::unique_ptr<Store> store_;
};

TEST_F(ReceiptStoreTest, EveryOrderedTransactionHasOneThatVerifies) {
  std::uint64_t nonce = 0;
  std::vector<std::pair<TxId, TxLocation>> ordered;
  for (std::uint64_t height = 1; height <= 6; ++height) {
    std::vector<Transaction> bodies;
    for (std::uint32_t i = 0; i + 1 < height; ++i) {
      bodies.push_back(example_body(genesis_, ++nonce, {add("n", 1)}));
      ordered.push_back({id_of(bodies.back()), {Height{height}, i}});
    }
    append(bodies);
  }
  ASSERT_EQ(ordered.size(), 15U);
  for (const auto& [id, location] : ordered) {
    const auto receipt = make_receipt(*store_, id);
    ASSERT_TRUE(receipt) << receipt.error().to_string();
    const auto verdict = verify_receipt(*receipt, genesis_);
    ASSERT_TRUE(verdict) << verdict.error().to_string();
    EXPECT_EQ(verdict->id, id);
    EXPECT_EQ(verdict->height, location.height);
    EXPECT_EQ(verdict->index, location.index);
    EXPECT_EQ(parse_receipt(receipt_to_json(*receipt)).value().index, location.index);
  }
}

TEST_F(ReceiptStoreTest, WhatWasNotOrderedOrWasSkippedHasNone) {
  const Transaction first = example_body(genesis_, 1, {put("k", "v")});
  const Transaction skipped = example_body(genesis_, 1, {put("k", "w")});
  const Transaction elsewhere = example_body(genesis_, 2, {put("k", "x")});
  append({first});
  append({skipped, example_body(genesis_, 3, {del("k")})});
  EXPECT_EQ(refusal(make_receipt(*store_, id_of(first))), "none");
  EXPECT_EQ(refusal(make_receipt(*store_, id_of(skipped))), "receipt-not-found");
  EXPECT_EQ(refusal(make_receipt(*store_, id_of(elsewhere))), "receipt-not-found");
}

TEST_F(ReceiptStoreTest, ASkippedRepetitionLeavesTheFirstReceiptAlone) {
  const Transaction body = example_body(genesis_, 1, {put("k", "v")});
  append({body});
  append({body});
  EXPECT_EQ(verify_receipt(make_receipt(*store_, id_of(body)).value(), genesis_)->height,
            Height{1});
}

}  // namespace
}  // namespace quorate::ledger
