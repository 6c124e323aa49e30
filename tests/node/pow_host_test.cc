#include "node/pow_host.h"

#include <gtest/gtest.h>

#include "pow/miner.h"
#include "tests/node/pow_network.h"

namespace quorate::node {
namespace {

namespace world = quorate::pow::test;
using test::PowNetwork;

PowHeaders wire(const std::vector<pow::BlockPtr>& blocks) {
  PowHeaders out;
  for (const auto& block : blocks) out.headers.push_back({pow::encode_header(block->header)});
  return out;
}
PowHeaders wire(const pow::Header& header) { return {{{pow::encode_header(header)}}}; }

std::string value_at(PowNetwork& network, std::size_t i, std::string_view key) {
  const auto entry =
      ledger::read_entry(network.chain(i).memory().state(), as_bytes(key)).value();
  return entry ? std::string(as_text(entry->value)) : "absent";
}

// -- In step -----------------------------------------------------------------------------------

TEST(PowHost, ANewNodeTakesAWholeChainHeadersFirst) {
  PowNetwork network(3);
  network.generate(0, 400);
  std::size_t bodies = 0;
  network.filter = [&](const PowNetwork::Frame& frame) {
    if (const auto* blocks = std::get_if<PowBlocks>(&frame.message)) {
      bodies += blocks->blocks.size();
    }
    return true;
  };
  network.join_all();
  for (const std::size_t i : {1, 2}) {
    EXPECT_EQ(network.tip(i), network.tip(0)) << i;
    EXPECT_EQ(network.height(i), 400U);
    EXPECT_EQ(network.host(i).bodies_asked(), 0U);
  }
  // Each body once.
  EXPECT_EQ(bodies, 800U);
}

TEST(PowHost, ATipIsPassedOnToThoseWhoAreNotConnectedWithItsMiner) {
  PowNetwork network(3);
  network.join(0, 1);
  network.join(1, 2);
  network.deliver();
  for (int i = 0; i < 5; ++i) network.generate(0, 1);
  EXPECT_EQ(network.height(2), 5U);
  EXPECT_EQ(network.tip(2), network.tip(0));
  EXPECT_EQ(network.journal(2), "+1 +2 +3 +4 +5");
}

TEST(PowHost, AfterAPartitionAllChooseTheHeavierBranchAndDisplacedTransactionsAreMinedAgain) {
  PowNetwork network(4);
  network.join_all();
  network.generate(0, 3);
  for (const std::size_t a : {0, 1}) {
    for (const std::size_t b : {2, 3}) network.part(a, b);
  }
  const auto blue = network.world.put(1, "colour", "blue");
  const auto large = network.world.put(2, "size", "large");
  EXPECT_TRUE(network.host(1).submit(blue).value());
  EXPECT_TRUE(network.host(3).submit(large).value());
  network.deliver();
  network.generate(0, 10);
  network.generate(2, 11);
  EXPECT_EQ(network.tip(1), network.tip(0));
  EXPECT_EQ(network.tip(3), network.tip(2));
  EXPECT_NE(network.tip(0), network.tip(2));
  EXPECT_EQ(value_at(network, 1, "colour"), "blue");
  EXPECT_EQ(value_at(network, 3, "colour"), "absent");
  const std::uint64_t told = network.chain(0).store().journal_size();

  network.join_all();
  for (std::size_t i = 0; i < 4; ++i) {
    EXPECT_EQ(network.height(i), 14U) << i;
    EXPECT_EQ(network.tip(i), network.tip(2)) << i;
    EXPECT_EQ(value_at(network, i, "size"), "large");
    EXPECT_EQ(value_at(network, i, "colour"), "absent");
    // It waits everywhere, so any miner brings it back.
    EXPECT_EQ(network.chain(i).memory().pool().size(), 1U) << i;
  }
  EXPECT_EQ(network.journal(0, told),
            "-13 -12 -11 -10 -9 -8 -7 -6 -5 -4 +4 +5 +6 +7 +8 +9 +10 +11 +12 +13 +14");
  EXPECT_EQ(network.journal(2), "+1 +2 +3 +4 +5 +6 +7 +8 +9 +10 +11 +12 +13 +14");
  network.generate(3, 1);
  for (std::size_t i = 0; i < 4; ++i) {
    EXPECT_EQ(value_at(network, i, "colour"), "blue") << i;
    EXPECT_TRUE(network.chain(i).memory().pool().empty()) << i;
    EXPECT_EQ(network.chain(i).memory().state().root(), network.chain(0).memory().state().root());
    EXPECT_EQ(network.chain(i).find_transaction(blue->id)->height.value, 15U);
  }
}

TEST(PowHost, ABodyThatDoesNotComeIsAskedOfAnother) {
  PowNetwork network(3);
  network.join(0, 1);
  network.deliver();
  network.generate(0, 30);
  // 1 has all and gives nothing.
  network.filter = [](const PowNetwork::Frame& frame) {
    return frame.from != 1 || !std::holds_alternative<PowBlocks>(frame.message);
  };
  network.join(2, 1);
  network.deliver();
  EXPECT_EQ(network.height(2), 0U);
  EXPECT_EQ(network.host(2).bodies_asked(), 30U);
  network.join(2, 0);
  network.deliver();
  network.pass(8'000);
  EXPECT_EQ(network.height(2), 30U);
}

TEST(PowHost, ALostAnswerIsMadeUpForInTime) {
  PowNetwork network(2);
  network.join_all();
  network.filter = [](const PowNetwork::Frame&) { return false; };
  network.generate(0, 3);
  network.filter = nullptr;
  EXPECT_EQ(network.height(1), 0U);
  network.pass(20'000);
  EXPECT_EQ(network.height(1), 3U);
}

TEST(PowHost, AReorganisationOfAHundredBlocksIsTakenWhole) {
  PowNetwork network(2);
  network.generate(0, 100);
  network.generate(1, 101);
  network.join_all();
  EXPECT_EQ(network.tip(0), network.tip(1));
  EXPECT_EQ(network.height(0), 101U);
}

// -- Transactions ------------------------------------------------------------------------------

TEST(PowHost, TransactionsReachEverybodyAndLatecomersGetThePool) {
  PowNetwork network(3);
  network.join(0, 1);
  network.deliver();
  const auto transaction = network.world.put(1, "a", "1");
  EXPECT_TRUE(network.host(0).submit(transaction).value());
  EXPECT_FALSE(network.host(0).submit(transaction).value());
  network.deliver();
  EXPECT_EQ(network.chain(1).memory().pool().size(), 1U);
  network.join(2, 1);
  network.deliver();
  EXPECT_EQ(network.chain(2).memory().pool().size(), 1U);
  network.generate(2, 1);
  EXPECT_EQ(value_at(network, 0, "a"), "1");
  EXPECT_FALSE(network.host(0).submit(transaction).value());
  EXPECT_EQ(network.host(0).submit(network.world.put(1, "a", "2")).error().code, "tx-nonce-used");
}

// During a long reorganisation a node stands far below the others, and a nonce that is good there
// is too far ahead for it.
TEST(PowHost, WhatAPeerDidNotTakeItIsToldAgain) {
  PowNetwork network(2);
  network.join_all();
  ASSERT_TRUE(network.chain(0).memory().add_transaction(network.world.put(1, "a", "1")));
  network.deliver();
  EXPECT_TRUE(network.chain(1).memory().pool().empty());
  network.pass(16'000);
  EXPECT_EQ(network.chain(1).memory().pool().size(), 1U);
}

TEST(PowHost, AForgedTransactionCondemnsItsBringer) {
  PowNetwork network(2);
  network.join_all();
  PowTransactions message;
  message.transactions.push_back(*network.world.put(1, "a", "1")->signed_transaction);
  message.transactions.back().signature.bytes[3] ^= 1;
  network.host(0).on_frame(network.id(1), crypto::encode(PowMessage(message)));
  network.deliver();
  EXPECT_TRUE(network.host(0).is_refused(network.id(1)));
  EXPECT_NE(network.host(0).peers().at(network.id(1)).score.reason().find("tx-bad-signature"),
            std::string::npos);
  EXPECT_TRUE(network.chain(0).memory().pool().empty());
}

// -- Bad peers ---------------------------------------------------------------------------------

class PowBadPeer : public testing::Test {
 protected:
  void say(const PowMessage& message) {
    network_.host(0).on_frame(kLiar, crypto::encode(message));
    network_.deliver(1000);
  }
  bool is_refused() { return network_.host(0).is_refused(kLiar); }
  std::string reason() { return network_.host(0).peers().at(kLiar).score.reason(); }
  std::uint64_t stored() { return network_.chain(0).store().next_record(); }

  static constexpr pow::PeerId kLiar{1};
  PowNetwork network_{2};
};

TEST_F(PowBadPeer, BytesThatAreNoMessage) {
  network_.join_all();
  network_.host(0).on_frame(kLiar, to_bytes("\x09garbage"));
  EXPECT_TRUE(is_refused());
  EXPECT_NE(reason().find("pow-peer-forgery"), std::string::npos);
  // It is listened to again when its time is over.
  network_.now_ms += kRefusedMs;
  EXPECT_FALSE(is_refused());
}

TEST_F(PowBadPeer, MessagesBeyondTheirBounds) {
  const std::vector<PowMessage> messages{
      PowGetHeaders{std::vector<ledger::Digest>(kPowLocatorMax + 1)},
      PowGetBlocks{std::vector<ledger::Digest>(kPowBodiesMax + 1)},
      PowBlocks{std::vector<Bytes>(kPowBodiesMax + 1), {}},
      PowBlocks{{}, std::vector<ledger::Digest>(kPowBodiesMax + 1)},
      PowBlocks{{Bytes(79)}, {}},
      PowHeaders{std::vector<WireHeader>(pow::kHeadersMax + 1)}};
  for (const PowMessage& message : messages) {
    say(message);
    EXPECT_TRUE(is_refused()) << message.index();
    network_.now_ms += kRefusedMs;
  }
  EXPECT_EQ(stored(), 1U);
}

TEST_F(PowBadPeer, HeadersWithoutWork) {
  const auto block = network_.world.on(network_.world.block_0);
  say(wire(world::unmined(block->header)));
  EXPECT_TRUE(is_refused());
  EXPECT_NE(reason().find("pow-hash-above-target"), std::string::npos);
  EXPECT_EQ(stored(), 1U);
}

TEST_F(PowBadPeer, UnknownParentsByTheThousand) {
  network_.join_all();
  pow::Header header = network_.world.on(network_.world.block_0)->header;
  std::size_t said = 0;
  for (; said < 1000 && !is_refused(); ++said) {
    header.previous.bytes[0] = static_cast<std::uint8_t>(said);
    header.previous.bytes[1] = static_cast<std::uint8_t>(said >> 8);
    header.nonce = 0;
    say(wire(world::mined(header)));
  }
  EXPECT_TRUE(is_refused());
  EXPECT_LE(said, 110U);
  EXPECT_EQ(stored(), 1U);
}

// One that answers each question for headers with the same orphan.
TEST_F(PowBadPeer, HeadersThatLoop) {
  network_.join_all();
  pow::Header header = network_.world.on(network_.world.block_0)->header;
  header.previous.bytes[0] = 1;
  header = world::mined(header);
  std::size_t asked = 0;
  network_.filter = [&](const PowNetwork::Frame& frame) {
    if (frame.to != 1) return true;
    if (!std::holds_alternative<PowGetHeaders>(frame.message)) return false;
    ++asked;
    network_.frames.push_back({1, 0, wire(header)});
    return false;
  };
  say(wire(header));
  EXPECT_TRUE(is_refused());
  EXPECT_LE(asked, 110U);
}

TEST_F(PowBadPeer, ABodyThatIsNotItsHeaders) {
  const auto block = network_.world.on(network_.world.block_0);
  const auto other = network_.world.on(network_.world.block_0, {network_.world.put(1, "a", "1")});
  say(wire(block->header));
  Bytes bytes = pow::encode_block(*other);
  const pow::HeaderBytes header = pow::encode_header(block->header);
  std::copy(header.begin(), header.end(), bytes.begin());
  say(PowBlocks{{bytes}, {}});
  EXPECT_TRUE(is_refused());
  EXPECT_NE(reason().find("pow-merkle-root-wrong"), std::string::npos);
  // The block itself is none the worse.
  network_.now_ms += kRefusedMs;
  say(PowBlocks{{pow::encode_block(*block)}, {}});
  EXPECT_EQ(network_.height(0), 1U);
}

TEST_F(PowBadPeer, ABlockThatTheStateRefuses) {
  const auto once = network_.world.on(network_.world.block_0, {network_.world.put(1, "a", "1")});
  const auto twice = network_.world.on(once, {network_.world.put(1, "a", "2")});
  say(wire({once, twice}));
  say(PowBlocks{{pow::encode_block(*once), pow::encode_block(*twice)}, {}});
  EXPECT_EQ(network_.height(0), 1U);
  EXPECT_GT(network_.host(0).peers().at(kLiar).score.points(network_.now_ms), 0U);
}

TEST_F(PowBadPeer, BodiesThatNobodyAskedForAreNotRead) {
  network_.generate(0, 5);
  const auto side = network_.world.branch(network_.world.block_0, 2);
  say(wire(side));
  const std::uint64_t before = stored();
  say(PowBlocks{{pow::encode_block(*side[0]), pow::encode_block(*side[1])}, {}});
  EXPECT_EQ(stored(), before);
  EXPECT_FALSE(is_refused());
}

// -- Clients and the miner ---------------------------------------------------------------------

TEST(PowHost, AFixedClockMakesTheSameChain) {
  PowNetwork network(2);
  for (const std::size_t i : {0, 1}) network.host(i).set_mock_time(1'700'200'000);
  EXPECT_EQ(network.generate(0, 20), network.generate(1, 20));
  EXPECT_EQ(network.chain(0).chain().at({1})->header.time, 1'700'200'000U);
}

TEST(PowHost, WhatWasMarkedInvalidIsNotFoundAgain) {
  PowNetwork network(1);
  network.host(0).set_mock_time(1'700'200'000);
  const auto first = network.generate(0, 2);
  ASSERT_TRUE(network.host(0).act(pow::Invalidate{first[0]}));
  EXPECT_EQ(network.height(0), 0U);
  const auto second = network.generate(0, 2);
  ASSERT_EQ(second.size(), 2U);
  EXPECT_NE(second[0], first[0]);
  EXPECT_EQ(network.tip(0), second[1]);
}

TEST(PowHost, TheMinerGetsNewWorkWithEachTipAndAfterATransaction) {
  PowNetwork network(1);
  auto& mined_on = network.nodes[0]->mined_on;
  network.pass(100);
  ASSERT_EQ(mined_on.size(), 1U);
  network.generate(0, 1);
  ASSERT_EQ(mined_on.size(), 2U);
  EXPECT_EQ(mined_on.back().header.previous, network.tip(0));
  ASSERT_TRUE(network.host(0).submit(network.world.put(1, "a", "1")));
  network.pass(100);
  ASSERT_EQ(mined_on.size(), 3U);
  EXPECT_EQ(mined_on.back().transactions.size(), 1U);
  EXPECT_NE(mined_on[2].coinbase.extranonce, mined_on[1].coinbase.extranonce);
  const std::atomic<bool> stop = false;
  const auto found = pow::search_nonce(mined_on.back().header, 1, stop).found;
  network.host(0).on_mined(pow::finish_block(mined_on.back(), *found));
  EXPECT_EQ(network.height(0), 2U);
  EXPECT_EQ(value_at(network, 0, "a"), "1");
}

TEST(PowHost, AWaitEndsWithWhatItWaitsForOrInTime) {
  PowNetwork network(1);
  std::string told;
  const auto wait_for_height = [&](std::uint64_t height) {
    return network.host(0).watch(1000, [&, height](bool is_late) {
      if (!is_late && network.height(0) < height) return false;
      told += is_late ? "late " : "there ";
      return true;
    });
  };
  EXPECT_TRUE(wait_for_height(1));
  EXPECT_TRUE(wait_for_height(9));
  EXPECT_EQ(told, "");
  network.generate(0, 1);
  EXPECT_EQ(told, "there ");
  network.pass(1000);
  EXPECT_EQ(told, "there late ");
}

TEST(PowHost, AStoreThatFailsStopsTheHostForGood) {
  PowNetwork network(1);
  network.nodes[0]->env.fail_appends_from(0);
  const auto block = network.world.on(network.world.block_0);
  EXPECT_FALSE(network.host(0).act(pow::BlockArrived{std::nullopt, block}));
  ASSERT_TRUE(network.nodes[0]->fatal);
  EXPECT_EQ(network.nodes[0]->fatal->code, "chain-store-write-failed");
  network.nodes[0]->env.heal();
  EXPECT_EQ(network.host(0).act(pow::BlockArrived{std::nullopt, block}).error().code,
            "pow-host-stopped");
}

TEST(PowScores, FadeByOneASecond) {
  PeerScore score;
  EXPECT_FALSE(score.add(99, "a", 0));
  EXPECT_EQ(score.points(50'000), 49U);
  EXPECT_FALSE(score.add(50, "b", 50'000));
  EXPECT_TRUE(score.add(1, "c", 50'500));
  EXPECT_TRUE(score.is_refused(50'500));
  EXPECT_EQ(score.reason(), "c");
  EXPECT_EQ(score.points(1'000'000), 0U);
}

}  // namespace
}  // namespace quorate::node
