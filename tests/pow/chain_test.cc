#include "pow/chain.h"

#include <gtest/gtest.h>

#include "tests/pow/chain_world.h"

namespace quorate::pow {
namespace {

using namespace test;

class ChainTest : public testing::Test {
 protected:
  Output block(const BlockPtr& block, std::optional<PeerId> from = kPeer) {
    return chain_.step(input(BlockArrived{from, block}));
  }
  void blocks(const std::vector<BlockPtr>& all) {
    for (const BlockPtr& one : all) static_cast<void>(block(one));
  }
  Output headers(std::vector<Header> headers) {
    return chain_.step(input(HeadersArrived{kPeer, std::move(headers)}));
  }
  Output headers(const std::vector<BlockPtr>& blocks) { return headers(headers_of(blocks)); }

  // "+3 -2": connected at height 3, disconnected at 2.
  static std::string text(const std::vector<Move>& moves) {
    std::string out;
    for (const Move& move : moves) {
      out += (out.empty() ? "" : " ") +
             std::string(move.kind == Move::Kind::kConnect ? "+" : "-") +
             std::to_string(move.height.value);
    }
    return out;
  }
  TipStatus status(const BlockPtr& block) const {
    for (const TipView& tip : chain_.tips()) {
      if (tip.hash == block->hash) return tip.status;
    }
    ADD_FAILURE() << "no tip";
    return TipStatus::kActive;
  }

  ChainWorld world_;
  BlockPtr block_0_ = world_.block_0;
  Chain chain_{world_.params, world_.block_0->header};
};

// -- The choice --------------------------------------------------------------------------------

TEST_F(ChainTest, BeginsAtBlock0) {
  EXPECT_EQ(chain_.tip().hash, block_0_->hash);
  EXPECT_EQ(chain_.depth(block_0_->hash), 1U);
  EXPECT_EQ(chain_.locator(), std::vector{block_0_->hash});
  EXPECT_TRUE(chain_.wanted().empty());
}

TEST_F(ChainTest, ConnectsBlockByBlock) {
  const auto a = world_.branch(block_0_, 3);
  for (std::size_t i = 0; i < a.size(); ++i) {
    const Output out = block(a[i]);
    EXPECT_EQ(text(out.moves), "+" + std::to_string(i + 1));
    EXPECT_EQ(out.headers, std::vector{a[i]->header});
    EXPECT_EQ(out.bodies, std::vector{a[i]});
  }
  EXPECT_EQ(chain_.tip().hash, a[2]->hash);
  EXPECT_EQ(chain_.depth(a[0]->hash), 3U);
  EXPECT_EQ(chain_.at(Height{2})->hash(), a[1]->hash);
  EXPECT_EQ(chain_.at(Height{4}), nullptr);
}

TEST_F(ChainTest, FirstSeenStaysOnTiesAndMoreWorkWins) {
  const auto a = world_.branch(block_0_, 2);
  const auto b = world_.branch(block_0_, 3);
  blocks(a);
  // Less work than the tip and not asked for: its header is kept, its body is not.
  const Output less = block(b[0]);
  EXPECT_EQ(less.headers.size(), 1U);
  EXPECT_EQ(less.ignored, std::vector{b[0]->hash});
  EXPECT_TRUE(headers({b[1]}).wanted.empty());
  // With the third header there is more work, so now the bodies are wanted.
  EXPECT_EQ(headers({b[2]}).wanted, hashes_of(b));
  EXPECT_EQ(text(block(b[0]).moves), "");
  EXPECT_EQ(text(block(b[1]).moves), "");  // a tie
  EXPECT_EQ(chain_.tip().hash, a[1]->hash);
  EXPECT_EQ(text(block(b[2]).moves), "-2 -1 +1 +2 +3");
  EXPECT_EQ(chain_.tip().hash, b[2]->hash);
  EXPECT_EQ(status(a[1]), TipStatus::kValidFork);
  EXPECT_EQ(chain_.depth(a[0]->hash), std::nullopt);
}

TEST_F(ChainTest, WorkDecidesAndNotLength) {
  // Ten blocks at once make what follows harder: four times the work each.
  const auto fast = world_.branch(block_0_, 12, 1);
  const auto slow = world_.branch(block_0_, 14, 40);
  ASSERT_GT(world_.point(fast.back()).work, world_.point(slow.back()).work);
  blocks(slow);
  EXPECT_EQ(chain_.tip().height.value, 14U);
  const Output out = headers(fast);
  EXPECT_EQ(out.wanted, hashes_of(fast));
  blocks(fast);
  EXPECT_EQ(chain_.tip().height.value, 12U);
  EXPECT_EQ(chain_.tip().hash, fast.back()->hash);
}

TEST_F(ChainTest, OfTwoEqualBranchesTheOneThatWasCompleteFirstWins) {
  const auto a = world_.branch(block_0_, 2);
  const auto b = world_.branch(block_0_, 2);
  static_cast<void>(headers(a));
  static_cast<void>(headers(b));
  EXPECT_EQ(text(block(a[1]).moves), "");  // the header came first, and the last body
  EXPECT_EQ(text(block(b[0]).moves), "+1");
  EXPECT_EQ(text(block(b[1]).moves), "+2");
  EXPECT_EQ(text(block(a[0]).moves), "");
  EXPECT_EQ(chain_.tip().hash, b[1]->hash);
}

TEST_F(ChainTest, PreferredBlocksGoBeforeTheirEqualsOnly) {
  const auto a = world_.branch(block_0_, 2);
  const auto b = world_.branch(block_0_, 2);
  blocks(a);
  static_cast<void>(headers(b));
  EXPECT_EQ(block(b[0], std::nullopt).bodies.size(), 1U);  // one's own are always kept
  EXPECT_EQ(block(b[1]).bodies.size(), 1U);                // as much work as the tip
  EXPECT_EQ(text(chain_.step(input(Prefer{b[1]->hash})).moves), "-2 -1 +1 +2");
  EXPECT_EQ(text(chain_.step(input(Prefer{a[0]->hash})).moves), "");
  EXPECT_EQ(text(chain_.step(input(Prefer{a[1]->hash})).moves), "-2 -1 +1 +2");
  EXPECT_EQ(chain_.tip().hash, a[1]->hash);
}

// -- Headers first -----------------------------------------------------------------------------

TEST_F(ChainTest, AsksForBodiesOfTheBestHeadersWithinItsWindow) {
  Chain chain(world_.params, block_0_->header, {.bodies_ahead_max = 4});
  const auto a = world_.branch(block_0_, 9);
  const auto hashes = hashes_of(a);
  const auto some = [&](std::size_t from, std::size_t to) {
    return std::vector<Digest>(hashes.begin() + static_cast<std::ptrdiff_t>(from),
                               hashes.begin() + static_cast<std::ptrdiff_t>(to));
  };
  Output out = chain.step(input(HeadersArrived{kPeer, headers_of(a)}));
  EXPECT_EQ(out.headers.size(), 9U);
  EXPECT_EQ(out.wanted, some(0, 4));
  // The window moves when its first comes.
  out = chain.step(input(BlockArrived{kPeer, a[2]}));
  EXPECT_TRUE(out.wanted.empty() && out.moves.empty());
  EXPECT_EQ(chain.wanted(), (std::vector{hashes[0], hashes[1], hashes[3]}));
  out = chain.step(input(BlockArrived{kPeer, a[0]}));
  EXPECT_EQ(out.wanted, some(4, 5));
  out = chain.step(input(BlockArrived{kPeer, a[1]}));
  EXPECT_EQ(text(out.moves), "+2 +3");
  EXPECT_EQ(out.wanted, some(5, 7));
  // Beyond it nothing is taken from a stranger.
  out = chain.step(input(BlockArrived{kPeer, a[8]}));
  EXPECT_EQ(out.ignored, some(8, 9));
}

TEST_F(ChainTest, AsksTheSenderOfAnOrphanForWhatLiesBetweenAndKeepsNothing) {
  const auto a = world_.branch(block_0_, 3);
  const Output out = block(a[2]);
  EXPECT_EQ(codes(out.refused), "pow-parent-unknown");
  EXPECT_EQ(out.ask_headers_of, kPeer);
  EXPECT_EQ(chain_.find(a[2]->hash), nullptr);
  EXPECT_EQ(chain_.side_headers(), 0U);
  // One without work does not make us ask.
  Header cheap = unmined(a[2]->header);
  const Output worthless = headers(std::vector{cheap});
  EXPECT_EQ(codes(worthless.refused), "pow-hash-above-target");
  EXPECT_FALSE(worthless.ask_headers_of);
}

TEST_F(ChainTest, KeepsTheGoodHeadersBeforeABadOneAndNamesIt) {
  const auto a = world_.branch(block_0_, 4);
  std::vector<Header> all = headers_of(a);
  all[2] = unmined(all[2]);
  all.resize(3);
  const Output out = headers(all);
  EXPECT_EQ(out.headers.size(), 2U);
  EXPECT_EQ(codes(out.refused), "pow-hash-above-target");
  ASSERT_EQ(out.refused.size(), 1U);
  EXPECT_EQ(out.refused[0].hash, hash_of(all[2]));
  EXPECT_EQ(out.refused[0].from, kPeer);
  EXPECT_NE(out.refused[0].error.message.find("header 3"), std::string::npos)
      << out.refused[0].error.message;
}

TEST_F(ChainTest, RefusesMessagesThatAreNoRunOfHeaders) {
  const auto a = world_.branch(block_0_, 3);
  EXPECT_EQ(codes(headers(std::vector{a[0], a[2]}).refused), "pow-not-consecutive");
  EXPECT_EQ(codes(headers(std::vector<Header>(kHeadersMax + 1)).refused), "pow-too-many-headers");
  EXPECT_EQ(chain_.side_headers(), 0U);
  // A header that names itself cannot be made; one that is its own successor is not consecutive.
  EXPECT_EQ(codes(headers(std::vector{a[0]->header, a[0]->header}).refused),
            "pow-not-consecutive");
  EXPECT_TRUE(headers(std::vector<Header>{}).refused.empty());
}

TEST_F(ChainTest, WhatIsKnownIsNotStoredAgain) {
  const auto a = world_.branch(block_0_, 3);
  static_cast<void>(headers(std::vector{a[0], a[1]}));
  Output out = headers(a);
  EXPECT_EQ(out.headers, std::vector{a[2]->header});
  EXPECT_TRUE(headers(a).headers.empty());
  static_cast<void>(block(a[0]));
  out = block(a[0]);
  EXPECT_TRUE(out.bodies.empty() && out.headers.empty() && out.refused.empty());
  EXPECT_EQ(out.ignored, std::vector{a[0]->hash});
}

TEST_F(ChainTest, AHeaderOfTomorrowIsTakenTomorrow) {
  const auto a = world_.branch(block_0_, 1);
  const std::uint64_t time = a[0]->header.time;
  const auto at = [&](std::uint64_t now) {
    return codes(chain_.step(input(BlockArrived{kPeer, a[0]}, now)).refused);
  };
  EXPECT_EQ(at(time - world_.params.future_seconds_max - 1), "pow-time-too-new");
  EXPECT_EQ(at(time - world_.params.future_seconds_max), "");
  EXPECT_EQ(chain_.tip().hash, a[0]->hash);
}

TEST_F(ChainTest, LocatorAndHeadersFindWherePeersPart) {
  const auto a = world_.branch(block_0_, 40);
  blocks(a);
  const std::vector<Digest> locator = chain_.locator();
  EXPECT_EQ(locator.front(), a[39]->hash);
  EXPECT_EQ(locator[9], a[30]->hash);
  EXPECT_EQ(locator[10], a[28]->hash);
  EXPECT_EQ(locator[11], a[24]->hash);
  EXPECT_EQ(locator.back(), block_0_->hash);
  EXPECT_LT(locator.size(), 17U);

  Chain other(world_.params, block_0_->header);
  for (std::size_t i = 0; i < 25; ++i) {
    static_cast<void>(other.step(input(BlockArrived{kPeer, a[i]})));
  }
  EXPECT_EQ(chain_.headers_after(other.locator()),
            headers_of({a.begin() + 25, a.end()}));
  EXPECT_EQ(other.headers_after(locator), std::vector<Header>{});  // it knows 24 blocks of ours
  EXPECT_EQ(chain_.headers_after({}).size(), 40U);
}

// -- Invalid branches --------------------------------------------------------------------------

TEST_F(ChainTest, RemembersABlockThatTheStateRefusesAndStandsWhereItCan) {
  const auto good = world_.branch(block_0_, 2);
  const auto bad = world_.branch(block_0_, 4);
  blocks(good);
  static_cast<void>(headers(bad));
  static_cast<void>(block(bad[0]));
  static_cast<void>(block(bad[1]));
  EXPECT_EQ(text(block(bad[2]).moves), "-2 -1 +1 +2 +3");
  const Output out = chain_.step(input(ConnectFailed{bad[1]->hash, "a nonce is used"}));
  EXPECT_EQ(codes(out.refused), "pow-refused-by-state");
  EXPECT_EQ(text(out.moves), "-1 +1 +2");  // from bad[0], the last good one
  EXPECT_EQ(chain_.tip().hash, good[1]->hash);
  EXPECT_EQ(status(bad[3]), TipStatus::kInvalid);
  // What follows it and what it is are refused; its bodies are not wanted any more.
  EXPECT_TRUE(chain_.wanted().empty());
  EXPECT_EQ(codes(block(bad[3]).refused), "pow-parent-invalid");
  EXPECT_EQ(codes(block(bad[1]).refused), "pow-refused-by-state");
  EXPECT_EQ(codes(headers({world_.on(bad[3])}).refused), "pow-parent-invalid");
}

TEST_F(ChainTest, ACoinbaseOfAnotherHeightCondemns) {
  const Coinbase wrong{ledger::chain_id_of(world_.genesis), {2}, 0, {}};
  const BlockPtr bad = world_.with_coinbase(block_0_, wrong);
  EXPECT_EQ(codes(block(bad).refused), "pow-coinbase-of-another-height");
  EXPECT_EQ(codes(block(bad).refused), "pow-coinbase-of-another-height");
  EXPECT_EQ(chain_.tip().height.value, 0U);
}

TEST_F(ChainTest, ADamagedBodyIsAskedForAgainAndACondemnedOneNever) {
  const auto a = world_.branch(block_0_, 2);
  EXPECT_EQ(headers(a).wanted, hashes_of(a));
  Output out = chain_.step(input(
      BodyRefused{kPeer, a[0]->header, {Reject::kMerkleRootWrong, false, "another root"}}));
  EXPECT_EQ(codes(out.refused), "pow-merkle-root-wrong");
  EXPECT_EQ(out.wanted, std::vector{a[0]->hash});
  out = chain_.step(
      input(BodyRefused{kPeer, a[0]->header, {Reject::kTransactionBad, true, "a signature"}}));
  EXPECT_TRUE(out.wanted.empty() && chain_.wanted().empty());
  EXPECT_EQ(codes(block(a[1]).refused), "pow-parent-invalid");
  // Nobody can condemn a block whose body is here.
  const auto b = world_.branch(block_0_, 1);
  static_cast<void>(block(b[0]));
  static_cast<void>(chain_.step(
      input(BodyRefused{kPeer, b[0]->header, {Reject::kTransactionBad, true, "a signature"}})));
  EXPECT_EQ(chain_.tip().hash, b[0]->hash);
}

TEST_F(ChainTest, InvalidateIsARealReorgAndReconsiderGoesBackByItself) {
  const auto a = world_.branch(block_0_, 5);
  const auto b = world_.branch(a[1], 2);
  blocks(a);
  for (const BlockPtr& one : b) static_cast<void>(block(one, std::nullopt));
  EXPECT_EQ(text(chain_.step(input(Invalidate{a[2]->hash})).moves), "-5 -4 -3 +3 +4");
  EXPECT_EQ(chain_.tip().hash, b[1]->hash);
  EXPECT_EQ(status(a[4]), TipStatus::kInvalid);
  EXPECT_EQ(codes(headers({world_.on(a[4])}).refused), "pow-parent-invalid");
  EXPECT_EQ(text(chain_.step(input(Reconsider{a[4]->hash})).moves), "-4 -3 +3 +4 +5");
  EXPECT_EQ(status(b[1]), TipStatus::kValidFork);

  // Reconsidering an ancestor frees what was marked above it.
  static_cast<void>(chain_.step(input(Invalidate{a[4]->hash})));
  EXPECT_EQ(chain_.tip().hash, a[3]->hash);  // as much work as b[1], and first seen
  EXPECT_EQ(text(chain_.step(input(Reconsider{a[0]->hash})).moves), "+5");

  // Without another branch, down and up again.
  EXPECT_EQ(text(chain_.step(input(Invalidate{a[0]->hash})).moves), "-5 -4 -3 -2 -1");
  EXPECT_EQ(chain_.tip().hash, block_0_->hash);
  EXPECT_EQ(text(chain_.step(input(Reconsider{b[0]->hash})).moves), "+1 +2 +3 +4 +5");
}

TEST_F(ChainTest, HandsCannotTouchBlock0OrWhatIsUnknown) {
  EXPECT_EQ(codes(chain_.step(input(Invalidate{block_0_->hash})).refused), "pow-genesis-stands");
  for (const auto& event : std::vector<decltype(Input::event)>{
           Invalidate{Digest{}}, Reconsider{Digest{}}, Prefer{Digest{}}}) {
    EXPECT_EQ(codes(chain_.step(input(event)).refused), "pow-block-unknown");
  }
}

TEST_F(ChainTest, TipsHaveBitcoinsNames) {
  const auto a = world_.branch(block_0_, 4);
  const auto b = world_.branch(a[1], 2);
  const auto c = world_.branch(a[0], 1);
  blocks(a);
  for (const BlockPtr& one : b) static_cast<void>(block(one, std::nullopt));
  static_cast<void>(headers(c));
  const BlockPtr ahead = world_.on(a[3]);
  static_cast<void>(headers({ahead}));
  const std::vector<TipView> tips = chain_.tips();
  ASSERT_EQ(tips.size(), 4U);
  EXPECT_EQ(tips[0].hash, a[3]->hash);
  EXPECT_EQ(tips[0].branch_length, 0U);
  EXPECT_EQ(status(ahead), TipStatus::kHeadersOnly);
  EXPECT_EQ(status(b[1]), TipStatus::kValidHeaders);
  EXPECT_EQ(status(c[0]), TipStatus::kHeadersOnly);
  EXPECT_EQ(tips[2].hash, b[1]->hash);
  EXPECT_EQ(tips[2].branch_length, 2U);
  EXPECT_EQ(tip_status_text(TipStatus::kValidFork), "valid-fork");
}

}  // namespace
}  // namespace quorate::pow
