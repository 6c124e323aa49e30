#include "pow/depth_receipt.h"

#include <gtest/gtest.h>

#include "tests/pow/chain_world.h"

namespace quorate::pow {
namespace {

using namespace test;

class DepthReceiptTest : public testing::Test {
 protected:
  DepthReceiptTest() {
    std::vector<BlockPtr> chain = world_.branch(world_.block_0, 1);
    block_ = world_.on(chain[0], {world_.put(1, "a", "1"), transaction_, world_.put(3, "b", "2")});
    chain.push_back(block_);
    for (const BlockPtr& block : world_.branch(block_, 14)) chain.push_back(block);
    for (const BlockPtr& block : chain) {
      static_cast<void>(host_.step(input(BlockArrived{std::nullopt, block})));
    }
  }

  DepthProof proof() { return make_depth_proof(host_.chain(), *block_, 1).value(); }
  std::string_view code_of(const DepthProof& proof) {
    const auto verdict = verify_depth(proof, world_.genesis, world_.params);
    return verdict ? std::string_view("good") : verdict.error().code;
  }

  ChainWorld world_;  // retargets every ten blocks
  MemoryChain host_{world_.params, world_.genesis, world_.block_0};
  TransactionPtr transaction_ = world_.put(2, "colour", "blue");
  BlockPtr block_;
};

TEST_F(DepthReceiptTest, SaysTheBlockItsDepthAndTheWorkOnIt) {
  const DepthVerdict verdict = verify_depth(proof(), world_.genesis, world_.params).value();
  EXPECT_EQ(verdict.id, transaction_->id);
  EXPECT_EQ(verdict.place.height.value, 2U);
  EXPECT_EQ(verdict.place.block, block_->hash);
  EXPECT_EQ(verdict.place.depth, 15U);
  EXPECT_EQ(verdict.place.tip, host_.chain().tip().hash);
  EXPECT_EQ(verdict.place.work,
            difference(host_.chain().tip().work, host_.chain().at({1})->point.work));
}

TEST_F(DepthReceiptTest, ItsTextIsReadBackAndNothingInItCanBeChangedAlone) {
  const std::string text = depth_receipt_to_json(proof());
  const DepthProof read = parse_depth_receipt(text).value();
  EXPECT_EQ(code_of(read), "good");
  EXPECT_EQ(depth_receipt_to_json(read), text);
  std::size_t refused = 0;
  for (std::size_t i = 0; i < text.size(); i += 7) {
    std::string changed = text;
    changed[i] = static_cast<char>(changed[i] ^ 1);
    const auto parsed = parse_depth_receipt(changed);
    if (!parsed) {
      ++refused;
    } else {
      // White space alone.
      EXPECT_EQ(depth_receipt_to_json(*parsed), text) << i;
    }
  }
  EXPECT_GT(refused, text.size() / 7 * 9 / 10);
}

// At this target every second header has the work, so a changed last header may be another tip.
TEST_F(DepthReceiptTest, NoByteFlipsButThoseOfTheTip) {
  const DepthVerdict expected = verify_depth(proof(), world_.genesis, world_.params).value();
  const Bytes good = crypto::encode(proof());
  std::size_t accepted = 0;
  for (std::size_t i = 0; i < good.size(); ++i) {
    Bytes bad = good;
    bad[i] ^= static_cast<std::uint8_t>(1U << i % 8);
    const auto read = crypto::decode<DepthProof>(bad);
    if (!read) continue;
    const auto verdict = verify_depth(*read, world_.genesis, world_.params);
    if (!verdict) continue;
    ++accepted;
    EXPECT_EQ(verdict->id, expected.id) << "byte " << i;
    EXPECT_EQ(verdict->place.height, expected.place.height) << "byte " << i;
    EXPECT_EQ(verdict->place.block, expected.place.block) << "byte " << i;
    EXPECT_EQ(verdict->place.depth, expected.place.depth) << "byte " << i;
    EXPECT_NE(verdict->place.tip, expected.place.tip) << "byte " << i;
  }
  EXPECT_LE(accepted, kHeaderBytes);
}

TEST_F(DepthReceiptTest, WhatDoesNotFitTogetherIsRefused) {
  const auto with = [this](const std::function<void(DepthProof&)>& change) {
    DepthProof changed = proof();
    change(changed);
    return code_of(changed);
  };
  EXPECT_EQ(with([](DepthProof&) {}), "good");
  EXPECT_EQ(with([](DepthProof& p) { p.place.height = 3; }), "depth-receipt-invalid");
  EXPECT_EQ(with([](DepthProof& p) { p.place.height = 99; }), "depth-receipt-malformed");
  EXPECT_EQ(with([](DepthProof& p) { p.place.index = 1; }), "depth-receipt-invalid");
  EXPECT_EQ(with([](DepthProof& p) { p.place.index = 0; }), "depth-receipt-invalid");
  EXPECT_EQ(with([](DepthProof& p) { p.place.branch[0].bytes[0] ^= 1; }), "depth-receipt-invalid");
  EXPECT_EQ(with([](DepthProof& p) { p.place.branch.clear(); }), "depth-receipt-invalid");
  EXPECT_EQ(with([](DepthProof& p) { p.transaction.body.nonce = 9; }), "depth-receipt-invalid");
  EXPECT_EQ(with([](DepthProof& p) { p.place.headers.pop_back(); }), "depth-receipt-malformed");
  EXPECT_EQ(with([](DepthProof& p) { p.place.headers.clear(); }), "depth-receipt-malformed");
  // Fewer headers are less depth, and no lie.
  EXPECT_EQ(with([](DepthProof& p) { p.place.headers.resize(3 * kHeaderBytes); }), "good");
  EXPECT_EQ(with([](DepthProof& p) { p.place.headers[4 * kHeaderBytes + 5] ^= 1; }),
            "pow-parent-unknown");
  EXPECT_EQ(with([](DepthProof& p) { p.place.headers[40] ^= 1; }), "pow-genesis-wrong");
}

TEST_F(DepthReceiptTest, OtherRulesAndOtherNetworksAreRefused) {
  const auto code = [this](const ledger::Genesis& genesis, const Params& params) {
    const auto verdict = verify_depth(proof(), genesis, params);
    return verdict ? std::string_view("good") : verdict.error().code;
  };
  ledger::Genesis other = world_.genesis;
  other.name = "other";
  EXPECT_EQ(code(other, world_.params), "pow-genesis-wrong");
  // The receipt's blocks came faster than these rules' spacing.
  EXPECT_EQ(code(world_.genesis, own_params(1000, 10, Bits{0x207fffff}).value()),
            "pow-bits-not-required");
}

}  // namespace
}  // namespace quorate::pow
