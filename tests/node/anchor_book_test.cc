#include "node/anchor_book.h"

#include <gtest/gtest.h>

#include "ledger/log_view.h"
#include "tests/ledger/signed_ledger.h"
#include "tests/pow/chain_world.h"

namespace quorate::node {
namespace {

using ledger::Height;
using pow::AnchorPtr;
using pow::BlockPtr;

// A ledger of the example network, a checkpoint every second block, beside a chain.
class AnchorBookTest : public ledger::test::SignedLedger {
 protected:
  AnchorBookTest() : SignedLedger(pow::test::ChainWorld().genesis) {}

  [[nodiscard]] AnchorPtr of_ledger(std::uint64_t size) {
    pow::Anchor anchor = world_.anchor(size);
    anchor.checkpoint.note.head.root = store_->log().root(size).value();
    return cosigned(std::move(anchor));
  }
  [[nodiscard]] AnchorPtr cosigned(pow::Anchor anchor) const {
    anchor.checkpoint = ledger::test::stabilise(anchor.checkpoint.note,
                                                anchor.checkpoint.time_seconds, {0, 1, 2});
    return world_.checked(anchor);
  }
  void arrives(const BlockPtr& block, std::uint64_t now_ms) {
    const auto happened =
        host_.step(pow::test::input(pow::BlockArrived{std::nullopt, block}));
    book_.on_moved(host_, happened, {now_ms});
  }
  bool judge() { return book_.judge(*store_).value(); }
  // "2 in 1 at depth 3", or "no".
  [[nodiscard]] std::string found(std::uint64_t height) const {
    const auto at = book_.find({height});
    return at ? std::to_string(at->size.value) + " in " + std::to_string(at->block_height.value) +
                    " at depth " + std::to_string(at->depth)
              : "no";
  }

  pow::test::ChainWorld world_;
  pow::MemoryChain host_{world_.params, world_.genesis, world_.block_0};
  AnchorBook book_;
};

TEST_F(AnchorBookTest, ABlockIsAnchoredByTheFirstBlockThatCoversIt) {
  append_empty(6);
  const BlockPtr one = world_.anchoring(world_.block_0, {of_ledger(2)});
  const BlockPtr two = world_.anchoring(one, {of_ledger(3), of_ledger(5)});
  const BlockPtr three = world_.anchoring(two, {of_ledger(4), of_ledger(6)});
  arrives(one, 1000);
  arrives(two, 2000);
  EXPECT_EQ(found(1), "no") << "not compared with the ledger yet";
  EXPECT_TRUE(judge());
  EXPECT_FALSE(judge());
  EXPECT_EQ(found(1), "2 in 1 at depth 2");
  EXPECT_EQ(found(2), "2 in 1 at depth 2");
  EXPECT_EQ(found(3), "5 in 2 at depth 1");
  EXPECT_EQ(found(6), "no");
  arrives(three, 3000);
  judge();
  EXPECT_EQ(found(4), "5 in 2 at depth 2") << "and not by 4, which came later";
  EXPECT_EQ(found(6), "6 in 3 at depth 1");
  EXPECT_EQ(book_.find({1})->since_ms, 1000U);
  EXPECT_EQ(book_.newest()->size.value, 6U);
}

TEST_F(AnchorBookTest, AnAnchorOfMoreThanTheLedgerHasWaits) {
  append_empty(4);
  const AnchorPtr four = of_ledger(4);
  const AnchorPtr two = of_ledger(2);
  store_ = ledger::Store::create("/behind", genesis_, {&env_}).value();
  append_empty(3);
  arrives(world_.anchoring(world_.block_0, {two, four}), 1000);
  EXPECT_TRUE(judge());
  EXPECT_EQ(found(3), "no");
  append_empty(1);
  EXPECT_TRUE(judge());
  EXPECT_EQ(found(3), "4 in 1 at depth 1");
}

TEST_F(AnchorBookTest, AReorganisationTakesTheLevelAndIsRemembered) {
  append_empty(4);
  const BlockPtr one = world_.anchoring(world_.block_0, {of_ledger(2)});
  const BlockPtr two = world_.anchoring(one, {of_ledger(4)});
  arrives(one, 1000);
  arrives(two, 2000);
  judge();
  EXPECT_EQ(found(4), "4 in 2 at depth 1");
  EXPECT_FALSE(book_.lost({4}));
  const std::vector<BlockPtr> heavier = world_.branch(one, 2);
  for (const BlockPtr& block : heavier) arrives(block, 3000);
  EXPECT_EQ(found(4), "no");
  EXPECT_EQ(found(2), "2 in 1 at depth 3");
  ASSERT_TRUE(book_.lost({3}));
  EXPECT_EQ(book_.lost({3})->block, two->hash);
  EXPECT_EQ(book_.lost({3})->lost_ms, 3000U);
  EXPECT_FALSE(book_.lost({2}));
  arrives(world_.anchoring(heavier.back(), {of_ledger(4)}), 4000);
  judge();
  EXPECT_EQ(found(4), "4 in 4 at depth 1");
  EXPECT_FALSE(book_.lost({4}));
  EXPECT_EQ(book_.find({4})->since_ms, 4000U);
}

TEST_F(AnchorBookTest, AnAnchorOfAnotherHistoryIsAContradictionAndNoLevel) {
  append_empty(4);
  const BlockPtr one = world_.anchoring(world_.block_0, {of_ledger(2), cosigned(world_.anchor(4))});
  arrives(one, 1000);
  judge();
  EXPECT_EQ(found(2), "2 in 1 at depth 1");
  EXPECT_EQ(found(4), "no");
  const auto wrong = book_.contradiction();
  ASSERT_TRUE(wrong);
  EXPECT_EQ(wrong->size.value, 4U);
  EXPECT_EQ(wrong->own_root, store_->log().root(4).value());
  EXPECT_EQ(wrong->block, one->hash);
  for (const BlockPtr& block : world_.branch(world_.block_0, 2)) arrives(block, 2000);
  EXPECT_FALSE(book_.contradiction()) << "it stands in the chain no more";
}

TEST_F(AnchorBookTest, ARestartKnowsWhatTheChainHas) {
  append_empty(2);
  const BlockPtr one = world_.anchoring(world_.block_0, {of_ledger(2)});
  arrives(one, 1000);
  AnchorBook again;
  again.start(host_, {{one->hash, 1234}});
  ASSERT_TRUE(again.judge(*store_).value());
  EXPECT_EQ(again.find({1})->since_ms, 1234U);
  EXPECT_EQ(again.find({1})->depth, 1U);
}

}  // namespace
}  // namespace quorate::node
