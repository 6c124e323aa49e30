#include "pow/anchored_receipt.h"

#include <gtest/gtest.h>

#include "crypto/bcs.h"
#include "pow/memory_chain.h"
#include "pow/miner.h"
#include "tests/ledger/epoch_ledger.h"

namespace quorate::pow {
namespace {

using namespace ledger::test;

// A ledger through four epochs, every checkpoint of which is anchored in a block of its own.
class AnchoredReceiptTest : public EpochLedger {
 protected:
  AnchoredReceiptTest() : EpochLedger(genesis_with_anchors()) {}

  static ledger::Genesis genesis_with_anchors() {
    ledger::Genesis genesis = genesis_of_short_epochs();
    ledger::set_chain_rules(genesis, {.carries = ledger::ChainCarries::kAnchors});
    return genesis;
  }

  void fill() {
    fill_epochs();
    params_ = anchor_params(genesis_).value();
    Block first = draft_block_0(genesis_, params_).value();
    host_ = std::make_unique<MemoryChain>(params_, genesis_, mined(std::move(first)));
    verifier_ = std::make_unique<AnchorVerifier>(genesis_);
    for (Height height{1}; height <= store_->height(); height = next(height)) {
      const auto stable = store_->stable_at_or_above(height).value();
      if (!stable || stable->note.sequence != height) continue;
      host_->add_anchor(
          verifier_->check({*stable, store_->epoch_proofs(stable->note.epoch).value()}).value());
      mine();
    }
    mine();
    mine();
  }
  static BlockPtr mined(Block draft) {
    const std::atomic<bool> stop = false;
    const Header header = *search_nonce(draft.header, 1, stop).found;
    return finish_block(std::move(draft), header);
  }
  void mine() {
    Block draft = host_->draft({}, 1, 1'800'000'000, 1 << 20).value();
    static_cast<void>(
        host_->step({1'900'000'000, BlockArrived{std::nullopt, mined(std::move(draft))}}));
  }
  [[nodiscard]] ledger::TxId id_at(std::uint64_t height) const {
    return ledger::id_of(store_->block({height}).value().transactions.at(0).body);
  }
  // Under the first anchor at or above `size`.
  [[nodiscard]] AnchoredReceipt receipt(std::uint64_t height, std::uint64_t size) const {
    const AnchorPlace& place = host_->anchored().lower_bound({size})->second;
    return make_anchored_receipt(*store_, id_at(height), host_->chain(), *host_->body(place.block),
                                 place.index)
        .value();
  }
  [[nodiscard]] std::string_view code_of(const AnchoredReceipt& proof) const {
    const auto verdict = verify_anchored(proof, genesis_);
    return verdict ? std::string_view("good") : verdict.error().code;
  }

  Params params_;
  std::unique_ptr<MemoryChain> host_;
  std::unique_ptr<AnchorVerifier> verifier_;
};

TEST_F(AnchoredReceiptTest, ProvesOrderResultAndTheWorkOnIt) {
  fill();
  const AnchoredVerdict verdict = verify_anchored(receipt(1, 1), genesis_).value();
  EXPECT_EQ(verdict.order.id, id_at(1));
  EXPECT_TRUE(verdict.order.result_proved);
  EXPECT_EQ(verdict.note.sequence, ledger::Sequence{2});
  EXPECT_EQ(verdict.place.height, Height{1});
  EXPECT_EQ(verdict.place.depth, host_->chain().tip().height.value);
}

TEST_F(AnchoredReceiptTest, AnAnchorOfALaterEpochCoversWhatWasBefore) {
  fill();
  const std::uint64_t last = host_->anchored().rbegin()->first.value;
  const AnchoredReceipt proof = receipt(1, last);
  EXPECT_EQ(proof.anchor.checkpoint.note.epoch, ledger::Epoch{3});
  EXPECT_EQ(proof.anchor.epochs.size(), 3U);
  EXPECT_EQ(code_of(proof), "good");
}

TEST_F(AnchoredReceiptTest, ItsTextIsReadBackAndNothingInItCanBeChangedAlone) {
  fill();
  const std::string text = anchored_receipt_to_json(receipt(1, 1));
  EXPECT_TRUE(is_anchored_receipt(text));
  EXPECT_FALSE(is_anchored_receipt(ledger::receipt_to_json(
      ledger::make_receipt(*store_, id_at(1)).value())));
  EXPECT_EQ(anchored_receipt_to_json(parse_anchored_receipt(text).value()), text);
  for (std::size_t i = 0; i < text.size(); i += 23) {
    std::string changed = text;
    changed[i] = static_cast<char>(changed[i] ^ 1);
    const auto parsed = parse_anchored_receipt(changed);
    if (!parsed) continue;
    EXPECT_EQ(anchored_receipt_to_json(*parsed), text) << i;  // white space
  }
}

TEST_F(AnchoredReceiptTest, WhatDoesNotFitTogetherIsRefused) {
  fill();
  const AnchoredReceipt good = receipt(1, 1);
  const auto with = [&](const std::function<void(AnchoredReceipt&)>& change) {
    AnchoredReceipt changed = good;
    change(changed);
    return code_of(changed);
  };
  EXPECT_EQ(with([](AnchoredReceipt&) {}), "good");
  EXPECT_EQ(with([](AnchoredReceipt& p) { p.receipt.pop_back(); }), "receipt-malformed");
  EXPECT_EQ(with([](AnchoredReceipt& p) { p.anchor.checkpoint.note.head.root.bytes[0] ^= 1; }),
            "checkpoint-bad-signature");
  EXPECT_EQ(with([](AnchoredReceipt& p) { p.anchor.checkpoint.cosignatures.pop_back(); }),
            "checkpoint-too-few-votes");
  EXPECT_EQ(with([](AnchoredReceipt& p) { p.record_path.clear(); }),
            "anchored-receipt-other-history");
  EXPECT_EQ(with([](AnchoredReceipt& p) { p.place.index = 0; }), "depth-receipt-invalid");
  EXPECT_EQ(with([](AnchoredReceipt& p) { p.place.branch.clear(); }), "depth-receipt-invalid");
  EXPECT_EQ(with([](AnchoredReceipt& p) { p.place.headers.pop_back(); }),
            "anchored-receipt-malformed");
  EXPECT_EQ(with([](AnchoredReceipt& p) { p.place.headers[40] ^= 1; }), "pow-genesis-wrong");
  // An anchor that stands there, and covers another log.
  EXPECT_EQ(with([&](AnchoredReceipt& p) { p.anchor = receipt(1, 4).anchor; }),
            "anchored-receipt-other-history");
  // One that verifies, and does not stand there.
  EXPECT_EQ(with([&](AnchoredReceipt& p) { p.place = receipt(1, 4).place; }),
            "depth-receipt-invalid");
}

TEST_F(AnchoredReceiptTest, ANetworkWithoutAnchorsKnowsNone) {
  fill();
  const AnchoredReceipt good = receipt(1, 1);
  ledger::Genesis other = genesis_;
  other.pow->carries = ledger::ChainCarries::kTransactions;
  EXPECT_EQ(verify_anchored(good, other).error().code, "genesis-without-anchors");
  other.pow.reset();
  other.format = 1;
  EXPECT_EQ(verify_anchored(good, other).error().code, "genesis-without-anchors");
}

}  // namespace
}  // namespace quorate::pow
