#include "pow/anchor.h"

#include <gtest/gtest.h>

#include "crypto/bcs.h"
#include "tests/pow/chain_world.h"

namespace quorate::pow {
namespace {

using namespace test;

class AnchorTest : public testing::Test {
 protected:
  [[nodiscard]] AnchorPtr of(std::uint64_t size, std::string_view root = "root") const {
    return world_.checked(world_.anchor(size, root));
  }
  Happened arrives(const BlockPtr& block) {
    return host_.step(input(BlockArrived{std::nullopt, block}));
  }
  [[nodiscard]] std::string why_not(const Block& block) const {
    const auto read = reader_.read(encode_block(block));
    return read ? "good" : std::string(reject_code(read.error().why)) +
                               (read.error().condemns ? " condemns" : "");
  }
  static std::vector<std::uint64_t> sizes(const std::vector<AnchorPtr>& anchors) {
    std::vector<std::uint64_t> out;
    for (const AnchorPtr& each : anchors) out.push_back(each->sequence().value);
    return out;
  }
  [[nodiscard]] std::vector<std::uint64_t> counted() const {
    std::vector<std::uint64_t> out;
    for (const auto& [size, place] : host_.anchored()) out.push_back(size.value);
    return out;
  }
  [[nodiscard]] std::vector<std::uint64_t> drafted() const {
    return sizes(host_.draft({}, 1, kLateSeconds, 1 << 20).value().anchors);
  }
  // What nobody checked.
  static AnchorPtr forged(Anchor anchor) {
    const std::size_t bytes = crypto::encode(anchor).size();
    return std::make_shared<const CheckedAnchor>(CheckedAnchor{std::move(anchor), bytes});
  }

  using Sizes = std::vector<std::uint64_t>;
  ChainWorld world_;
  MemoryChain host_{world_.params, world_.genesis, world_.block_0};
  crypto::SignatureCache signatures_;
  ledger::TransactionVerifier transactions_{world_.genesis, ledger::chain_id_of(world_.genesis),
                                            &signatures_};
  AnchorVerifier anchors_{world_.genesis};
  BlockReader reader_{transactions_, 1 << 20, &anchors_};
};

TEST_F(AnchorTest, ABlockOfAnchorsIsReadAsItWasWritten) {
  const BlockPtr block = world_.anchoring(world_.block_0, {of(16), of(32)});
  const Bytes bytes = encode_block(*block);
  EXPECT_EQ(bytes.size(), encoded_bytes(*block));
  const auto read = reader_.read(bytes);
  ASSERT_TRUE(read) << read.error().found;
  EXPECT_EQ((*read)->hash, block->hash);
  EXPECT_EQ(sizes((*read)->anchors), (Sizes{16, 32}));
  EXPECT_EQ(encode_block(**read), bytes);
}

TEST_F(AnchorTest, TransactionsHaveNoPlaceAmongAnchorsNorAnchorsAmongTransactions) {
  const BlockPtr payments = world_.on(world_.block_0, {world_.put(1, "a", "1")});
  EXPECT_EQ(why_not(*payments), "pow-block-malformed");
  const BlockReader of_transactions(transactions_, 1 << 20);
  const auto read = of_transactions.read(encode_block(*world_.anchoring(world_.block_0, {of(16)})));
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().why, Reject::kBlockMalformed);
}

TEST_F(AnchorTest, AnAnchorThatDoesNotVerifyCondemnsItsBlock) {
  Anchor changed = world_.anchor(16);
  changed.checkpoint.note.head.root.bytes[0] ^= 1;
  EXPECT_EQ(why_not(*world_.anchoring(world_.block_0, {forged(changed)})),
            "pow-anchor-bad condemns");
  Anchor few = world_.anchor(16);
  few.checkpoint.cosignatures.pop_back();
  EXPECT_EQ(why_not(*world_.anchoring(world_.block_0, {forged(few)})), "pow-anchor-bad condemns");
  Anchor of_later_epoch = world_.anchor(16);
  of_later_epoch.checkpoint.note.epoch = {1};
  EXPECT_EQ(why_not(*world_.anchoring(world_.block_0, {forged(of_later_epoch)})),
            "pow-anchor-bad condemns");
}

TEST_F(AnchorTest, SizesOfABlockAscendAndAreBounded) {
  EXPECT_EQ(why_not(*world_.anchoring(world_.block_0, {of(32), of(16)})),
            "pow-anchor-order condemns");
  EXPECT_EQ(why_not(*world_.anchoring(world_.block_0, {of(16), of(16, "other")})),
            "pow-anchor-order condemns");
  std::vector<AnchorPtr> many;
  for (std::uint64_t i = 1; i <= kAnchorsMax; ++i) many.push_back(of(i));
  EXPECT_EQ(why_not(*world_.anchoring(world_.block_0, many)), "good");
  many.push_back(of(kAnchorsMax + 1));
  EXPECT_EQ(why_not(*world_.anchoring(world_.block_0, many)), "pow-anchor-order condemns");
}

TEST_F(AnchorTest, TheFirstAnchorOfASizeCounts) {
  const BlockPtr one = world_.anchoring(world_.block_0, {of(16, "first")});
  const BlockPtr two = world_.anchoring(one, {of(16, "second"), of(32)});
  EXPECT_EQ(sizes(arrives(one).steps.at(0).anchors), (Sizes{16}));
  EXPECT_EQ(sizes(arrives(two).steps.at(0).anchors), (Sizes{32}));
  EXPECT_EQ(counted(), (Sizes{16, 32}));
  const AnchorPlace& place = host_.anchored().at({16});
  EXPECT_EQ(place.block, one->hash);
  EXPECT_EQ(place.height, Height{1});
  EXPECT_EQ(place.anchor->note().head.root, crypto::sha256(as_bytes("first")));
  EXPECT_EQ(host_.anchored().at({32}).index, 1U);
}

TEST_F(AnchorTest, AReorganisationTakesAnchorsAwayAndTheyWaitAgain) {
  const BlockPtr one = world_.anchoring(world_.block_0, {of(16)});
  const BlockPtr two = world_.anchoring(one, {of(32)});
  arrives(one);
  arrives(two);
  std::vector<Step> steps;
  for (const BlockPtr& block : world_.branch(one, 2)) {
    for (Step& step : arrives(block).steps) steps.push_back(std::move(step));
  }
  ASSERT_EQ(steps.size(), 3U);
  EXPECT_EQ(steps[0].move.kind, Move::Kind::kDisconnect);
  EXPECT_EQ(sizes(steps[0].anchors), (Sizes{32}));
  EXPECT_EQ(counted(), (Sizes{16}));
  EXPECT_EQ(sizes(host_.waiting_anchors()), (Sizes{32}));
  EXPECT_EQ(drafted(), (Sizes{32}));
}

TEST_F(AnchorTest, ALaterAnchorOfASizeCountsWhenTheFirstIsDisplacedWithoutIt) {
  // first branch: 16 says A; the heavier one: 16 says B.
  const BlockPtr a = world_.anchoring(world_.block_0, {of(16, "A")});
  arrives(a);
  const BlockPtr b = world_.anchoring(world_.block_0, {of(16, "B")});
  arrives(b);
  arrives(world_.on(b));
  EXPECT_EQ(host_.anchored().at({16}).block, b->hash);
  EXPECT_TRUE(drafted().empty()) << "of a size that counts already";
}

TEST_F(AnchorTest, DraftsTakeTheNewestThatWaitInAscendingOrder) {
  for (const std::uint64_t size : {16, 48, 32}) host_.add_anchor(of(size));
  EXPECT_EQ(drafted(), (Sizes{16, 32, 48}));
  arrives(world_.anchoring(world_.block_0, {of(32)}));
  EXPECT_EQ(drafted(), (Sizes{16, 48}));
  const std::size_t room = kHeaderBytes + kCoinbaseBytes + 5 + of(48)->encoded_bytes;
  EXPECT_EQ(sizes(host_.draft({}, 1, kLateSeconds, room).value().anchors), (Sizes{48}));
  EXPECT_TRUE(host_.draft({}, 1, kLateSeconds, room - 1).value().anchors.empty());
}

TEST_F(AnchorTest, WhatWaitsIsBoundedAndTheNewestStay) {
  MemoryChain host(world_.params, world_.genesis, world_.block_0, {}, {.anchors_max = 2});
  for (const std::uint64_t size : {16, 48, 32}) host.add_anchor(of(size));
  EXPECT_EQ(sizes(host.waiting_anchors()), (Sizes{32, 48}));
}

TEST_F(AnchorTest, BlocksThatCarryNothingAreDeeperAndChangeNothingElse) {
  arrives(world_.anchoring(world_.block_0, {of(16)}));
  const auto before = host_.state().leaves().size();
  BlockPtr parent = host_.body(host_.chain().tip().hash);
  for (const BlockPtr& block : world_.branch(parent, 5)) arrives(block);
  EXPECT_EQ(counted(), (Sizes{16}));
  EXPECT_EQ(host_.state().leaves().size(), before);
}

}  // namespace
}  // namespace quorate::pow
