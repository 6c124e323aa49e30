#include "pow/memory_chain.h"

#include <gtest/gtest.h>

#include "tests/pow/chain_world.h"

namespace quorate::pow {
namespace {

using namespace test;
using ledger::test::add;
using ledger::test::example_body;
using ledger::test::refusal;

class MemoryChainTest : public testing::Test {
 protected:
  Happened arrive(const BlockPtr& block) {
    return host_.step(input(BlockArrived{std::nullopt, block}));
  }
  void arrive(const std::vector<BlockPtr>& blocks) {
    for (const BlockPtr& block : blocks) static_cast<void>(arrive(block));
  }
  // "+3 -2"
  static std::string text(const Happened& happened) {
    std::string out;
    for (const Step& step : happened.steps) {
      out += (out.empty() ? "" : " ") +
             std::string(step.move.kind == Move::Kind::kConnect ? "+" : "-") +
             std::to_string(step.move.height.value);
    }
    return out;
  }
  std::string value_of(std::string_view key) {
    const auto entry = read_entry(host_.state(), as_bytes(key)).value();
    return entry ? std::string(as_text(entry->value)) : "absent";
  }
  std::vector<ledger::TxId> pool() const { return ledger::test::ids_of(host_.pool()); }
  TransactionPtr adds(std::uint64_t nonce) const {
    return ChainWorld::trusted(example_body(world_.genesis, nonce, {add("visits", 1)}));
  }

  ChainWorld world_;
  MemoryChain host_{world_.params, world_.genesis, world_.block_0};
};

TEST_F(MemoryChainTest, ExecutesAtTheMedianTimeOfTheBlocksBefore) {
  const auto a = world_.branch(world_.block_0, 12);
  std::vector<ledger::TimeMs> times;
  for (const BlockPtr& block : a) times.push_back(arrive(block).steps.at(0).time);
  EXPECT_EQ(times[0], ledger::test::kGenesisTime);
  EXPECT_EQ(times[11].value, std::uint64_t{a[5]->header.time} * 1000);
  EXPECT_EQ(read_time(host_.state()).value(), times[11]);
}

TEST_F(MemoryChainTest, AReorgLeavesTheStateOfWhoNeverSawTheOtherBranch) {
  const TransactionPtr first = adds(1);
  const BlockPtr base = world_.on(world_.block_0, {first, world_.put(2, "colour", "red")});
  BlockPtr left = base;
  std::vector<BlockPtr> a, b;
  for (std::uint64_t i = 0; i < 5; ++i) {
    a.push_back(left = world_.on(left, {adds(3 + i), world_.put(30 + i, "colour", "blue")}));
  }
  BlockPtr right = base;
  for (std::uint64_t i = 0; i < 6; ++i) {
    b.push_back(right = world_.on(right, {adds(3 + 2 * i), world_.put(50 + i, "b", "x")}));
  }
  arrive(base);
  const auto at_base = host_.state().leaves();
  const Digest root_at_base = host_.state().root();
  arrive(a);
  EXPECT_EQ(value_of("colour"), "blue");
  EXPECT_EQ(value_of("visits"), "6");
  for (std::size_t i = 0; i + 1 < b.size(); ++i) EXPECT_EQ(text(arrive(b[i])), "");
  EXPECT_EQ(text(arrive(b.back())), "-6 -5 -4 -3 -2 +2 +3 +4 +5 +6 +7");
  EXPECT_EQ(value_of("colour"), "red");
  EXPECT_EQ(value_of("visits"), "7");

  MemoryChain fresh(world_.params, world_.genesis, world_.block_0);
  static_cast<void>(fresh.step(input(BlockArrived{std::nullopt, base})));
  for (const BlockPtr& block : b) {
    static_cast<void>(fresh.step(input(BlockArrived{std::nullopt, block})));
  }
  EXPECT_EQ(host_.state().leaves(), fresh.state().leaves());
  EXPECT_EQ(host_.state().root(), fresh.state().root());

  // And all the way down: what undo leaves is what stood there, byte for byte.
  static_cast<void>(host_.step(input(Invalidate{a[0]->hash})));
  static_cast<void>(host_.step(input(Invalidate{b[0]->hash})));
  EXPECT_EQ(host_.state().leaves(), at_base);
  EXPECT_EQ(host_.state().root(), root_at_base);
}

// Random branches of random transactions: after every reorganisation the state is that of a fresh
// replay of the active chain.
TEST_F(MemoryChainTest, UndoIsAReplayOnRandomTrees) {
  std::mt19937_64 random(5);
  std::vector<BlockPtr> blocks{world_.block_0};
  std::size_t reorgs = 0;
  for (int i = 0; i < 60; ++i) {
    const BlockPtr parent = blocks[blocks.size() - 1 - random() % std::min<std::size_t>(
                                                                    4, blocks.size())];
    std::vector<TransactionPtr> transactions;
    const std::uint64_t nonce = world_.point(parent).height.value * 3 + 1;
    for (std::uint64_t n = 0; n < random() % 4; ++n) {
      const std::string key(1, static_cast<char>('a' + random() % 3));
      const auto body = random() % 3 == 0
                            ? example_body(world_.genesis, nonce + n, {ledger::test::del(key)})
                            : example_body(world_.genesis, nonce + n,
                                           {ledger::test::put(key, std::to_string(random()))});
      transactions.push_back(ChainWorld::trusted(body));
    }
    blocks.push_back(world_.on(parent, std::move(transactions)));
    const Happened happened = arrive(blocks.back());
    ASSERT_TRUE(happened.refused.empty()) << happened.refused[0].error.to_string();
    if (happened.steps.size() < 3) continue;
    ++reorgs;
    ChainState replayed(world_.genesis, world_.block_0->hash);
    for (std::uint64_t h = 1; h <= host_.chain().tip().height.value; ++h) {
      const TreeNode* node = host_.chain().at({h});
      ASSERT_TRUE(replayed.connect(*host_.body(node->hash()), node->parent->point));
    }
    ASSERT_EQ(host_.state().leaves(), replayed.leaves());
    ASSERT_EQ(host_.state().root(), replayed.root());
  }
  EXPECT_GE(reorgs, 5U);
}

TEST_F(MemoryChainTest, DisplacedTransactionsWaitAgainAndAreMinedAgain) {
  const TransactionPtr one = world_.put(1, "one", "1");
  const TransactionPtr two = world_.put(2, "two", "2");
  const TransactionPtr shared = world_.put(3, "shared", "3");
  ASSERT_TRUE(host_.add_transaction(one));
  const BlockPtr a1 = world_.on(world_.block_0, {one, shared});
  const BlockPtr a2 = world_.on(a1, {two});
  arrive({a1, a2});
  EXPECT_TRUE(pool().empty());
  const BlockPtr b1 = world_.on(world_.block_0, {shared});
  arrive({b1, world_.on(b1)});
  const Happened happened = arrive(world_.on(world_.on(b1)));
  EXPECT_EQ(text(happened), "");  // its parent is not here
  const BlockPtr b2 = world_.on(b1);
  arrive(b2);
  const Happened reorg = arrive(world_.on(b2));
  EXPECT_EQ(text(reorg), "-2 -1 +1 +2 +3");
  EXPECT_EQ(reorg.steps[0].displaced, std::vector{two->id});
  EXPECT_EQ(reorg.steps[1].displaced, (std::vector{one->id, shared->id}));
  EXPECT_EQ(reorg.steps[2].results.at(0).id, shared->id);
  EXPECT_EQ(pool(), (std::vector{two->id, one->id}));
  EXPECT_EQ(value_of("one"), "absent");

  const Block draft = host_.draft({}, 1, kLateSeconds, 1 << 20).value();
  EXPECT_EQ(ledger::test::ids_of(draft.transactions), (std::vector{two->id, one->id}));
  const BlockPtr mined_again = mined_block(draft);
  EXPECT_EQ(text(arrive(mined_again)), "+4");
  EXPECT_EQ(value_of("one"), "1");
  EXPECT_TRUE(pool().empty());
}

TEST_F(MemoryChainTest, ABranchWithABadBlockIsTriedLeftAndRemembered) {
  const TransactionPtr one = world_.put(1, "one", "1");
  const auto good = world_.branch(world_.block_0, 2);
  arrive(good);
  const Digest root = host_.state().root();
  const BlockPtr b1 = world_.on(world_.block_0, {one});
  const BlockPtr b2 = world_.on(b1, {one});  // its nonce is used
  const BlockPtr b3 = world_.on(b2);
  arrive({b1, b2});
  const Happened tried = arrive(b3);
  EXPECT_EQ(text(tried), "-2 -1 +1 -1 +1 +2");
  ASSERT_EQ(tried.refused.size(), 1U);
  EXPECT_EQ(tried.refused[0].hash, b2->hash);
  EXPECT_EQ(tried.refused[0].error.code, "pow-refused-by-state");
  EXPECT_NE(tried.refused[0].error.message.find(one->id.hex()), std::string::npos);
  EXPECT_NE(tried.refused[0].error.message.find("tx-nonce-used"), std::string::npos);
  EXPECT_EQ(host_.state().root(), root);
  EXPECT_EQ(pool(), std::vector{one->id});
  EXPECT_EQ(codes(arrive(world_.on(b3)).refused), "pow-parent-invalid");
}

TEST_F(MemoryChainTest, WhatIsExpiredOrTooFarHasNoPlaceInABlock) {
  ledger::Transaction late = example_body(world_.genesis, 1, {add("visits", 1)});
  late.valid_until = ledger::test::kGenesisTime;
  EXPECT_EQ(codes(arrive(world_.on(world_.block_0, {ChainWorld::trusted(late)})).refused),
            "pow-refused-by-state");
  EXPECT_EQ(codes(arrive(world_.on(world_.block_0, {adds(1025)})).refused),
            "pow-refused-by-state");
  // Rejected with its nonce used: that may stand, and is told.
  const auto fails = ChainWorld::trusted(example_body(
      world_.genesis, 1, {ledger::test::compare_and_set("colour", "green", "blue")}));
  const Happened happened = arrive(world_.on(world_.block_0, {fails}));
  ASSERT_EQ(text(happened), "+1");
  EXPECT_EQ(happened.steps[0].results.at(0).outcome, ledger::Outcome::kRejectedCompareFailed);
}

TEST_F(MemoryChainTest, PoolIsBoundedAndLeavesNoRoomToTheHopeless) {
  MemoryChain host(world_.params, world_.genesis, world_.block_0, {}, {.transactions_max = 2});
  ASSERT_TRUE(host.add_transaction(adds(1)));
  ASSERT_TRUE(host.add_transaction(adds(2)));
  EXPECT_EQ(refusal(host.add_transaction(adds(2))), "pow-pool-has-it");
  EXPECT_EQ(refusal(host.add_transaction(adds(3))), "pow-pool-full");
  EXPECT_EQ(refusal(host.add_transaction(adds(2000))), "tx-nonce-too-far");
  // Another of the same nonce is mined elsewhere: then the one here has no hope.
  const BlockPtr other = world_.on(world_.block_0, {world_.put(1, "colour", "blue")});
  static_cast<void>(host.step(input(BlockArrived{std::nullopt, other})));
  EXPECT_EQ(host.pool().size(), 2U);
  EXPECT_TRUE(host.add_transaction(adds(3)));
  EXPECT_EQ(ledger::test::ids_of(host.pool()), (std::vector{adds(2)->id, adds(3)->id}));
}

TEST_F(MemoryChainTest, DraftsTakeWhatFitsAndMayStand) {
  for (std::uint64_t nonce = 1; nonce <= 4; ++nonce) {
    ASSERT_TRUE(host_.add_transaction(adds(nonce)));
  }
  // A rival of nonce 2 is in the pool as well; of the two the first may stand.
  const auto rival = world_.put(2, "rival", "x");
  ASSERT_TRUE(host_.add_transaction(rival));
  const Block all = host_.draft({}, 1, kLateSeconds, 1 << 20).value();
  EXPECT_EQ(all.transactions.size(), 4U);
  const std::size_t room = encoded_bytes(all) + 4;  // as if the count took five bytes
  EXPECT_EQ(host_.draft({}, 1, kLateSeconds, room - 1).value().transactions.size(), 3U);
  EXPECT_EQ(host_.draft({}, 1, kLateSeconds, room).value().transactions.size(), 4U);
  EXPECT_EQ(all.header.time, kLateSeconds);
  // A clock behind the chain: the first good time.
  EXPECT_EQ(host_.draft({}, 1, 5, 1 << 20).value().header.time,
            world_.block_0->header.time + 1);
  // Two miners, or one that has used up its nonces, search in different places.
  EXPECT_NE(host_.draft({}, 2, kLateSeconds, 1 << 20).value().header.merkle_root,
            all.header.merkle_root);
  EXPECT_EQ(text(arrive(mined_block(all))), "+1");
}

TEST_F(MemoryChainTest, AForgottenHeaderTakesItsBodyAlong) {
  Params params = quick_params();
  params.retargets = false;
  ChainWorld world(params);
  MemoryChain host(params, world.genesis, world.block_0, {.side_headers_max = kHeadersMax});
  const auto own = world.branch(world.block_0, 3);
  const BlockPtr side = world.on(world.block_0);
  for (const BlockPtr& block : {own[0], own[1], own[2], side}) {
    static_cast<void>(host.step(input(BlockArrived{std::nullopt, block})));
  }
  ASSERT_EQ(host.body(side->hash), side);
  std::vector<Header> headers;
  ChainPoint at = world.point(own[1]);
  for (std::size_t i = 0; i < kHeadersMax; ++i) {
    headers.push_back(child_of(at, at.time + 10, params));
    at = next_point(at, headers.back(), hash_of(headers.back()), params);
  }
  const Happened happened = host.step(input(HeadersArrived{kPeer, headers}));
  EXPECT_EQ(happened.forgotten, std::vector{side->hash});
  EXPECT_EQ(host.body(side->hash), nullptr);
  EXPECT_EQ(host.body(own[0]->hash), own[0]);
}

TEST_F(MemoryChainTest, Block0FollowsFromTheGenesisDocument) {
  EXPECT_TRUE(check_block_0(*world_.block_0, world_.genesis, world_.params));
  const auto verdict = [&](const Block& block) {
    return refusal(check_block_0(block, world_.genesis, world_.params));
  };
  EXPECT_EQ(verdict(*world_.on(world_.block_0)), "pow-genesis-wrong");
  Block unworked = *world_.block_0;
  unworked.header = unmined(unworked.header);
  EXPECT_EQ(verdict(unworked), "pow-genesis-wrong");
  Block with_more = *world_.block_0;
  with_more.transactions = {adds(1)};
  EXPECT_EQ(verdict(with_more), "pow-genesis-wrong");
  ledger::Genesis other = world_.genesis;
  other.name = "other";
  EXPECT_EQ(refusal(check_block_0(*world_.block_0, other, world_.params)), "pow-genesis-wrong");
  other.time = {5'000'000'000'000'000};
  EXPECT_EQ(refusal(draft_block_0(other, world_.params)), "pow-genesis-time");
}

}  // namespace
}  // namespace quorate::pow
