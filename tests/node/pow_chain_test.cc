#include "node/pow_chain.h"

#include <gtest/gtest.h>

#include <optional>

#include "tests/pow/chain_world.h"
#include "tests/support/faulty_env.h"

namespace quorate::node {
namespace {

namespace world = quorate::pow::test;
using quorate::test::FaultyEnv;

constexpr ledger::TimeMs kLate{world::kLateSeconds * 1000};

// What a chain chose, and all that a restart must not change.
struct Choice {
  ledger::Digest tip;
  ledger::Digest state;
  std::vector<ledger::TxId> pool;
  std::string tips;
  ledger::Digest journal;

  friend bool operator==(const Choice&, const Choice&) = default;
};

Choice choice_of(PowChain& chain) {
  Choice choice{chain.chain().tip().hash, chain.memory().state().root(), {}, {},
                chain.store().journal_root()};
  for (const auto& transaction : chain.memory().pool()) choice.pool.push_back(transaction->id);
  for (const pow::TipView& tip : chain.chain().tips()) {
    choice.tips += std::string(tip_status_text(tip.status)) + " " + tip.hash.short_hex() + " ";
  }
  return choice;
}

class PowChainTest : public testing::Test {
 protected:
  PowChainTest() {
    EXPECT_TRUE(PowChain::create("/chain", world_.genesis, world_.params, world_.block_0,
                                 {&env_}));
    open();
  }
  void open() {
    chain_.reset();
    auto opened = PowChain::open("/chain", world_.genesis, world_.params, {&env_});
    ASSERT_TRUE(opened) << opened.error().to_string();
    chain_ = std::move(*opened);
  }
  pow::Happened step(PowEvent event) {
    auto happened = chain_->step(event, kLate);
    EXPECT_TRUE(happened) << happened.error().to_string();
    return happened ? std::move(*happened) : pow::Happened{};
  }
  pow::Happened arrive(const pow::BlockPtr& block) {
    return step(pow::BlockArrived{world::kPeer, block});
  }
  void arrive(const std::vector<pow::BlockPtr>& blocks) {
    step(pow::HeadersArrived{world::kPeer, world::headers_of(blocks)});
    for (const auto& block : blocks) arrive(block);
  }
  std::vector<std::string> journal() {
    std::vector<std::string> steps;
    const auto lines = chain_->store().journal_lines(0, 1000).value();
    for (const std::string& line : lines) steps.push_back(line.substr(line.find(' ') + 1));
    return steps;
  }

  world::ChainWorld world_;
  FaultyEnv env_;
  std::unique_ptr<PowChain> chain_;
};

TEST_F(PowChainTest, ARestartChangesNothing) {
  const auto transaction = world_.put(1, "colour", "blue");
  const auto base = world_.on(world_.block_0);
  const auto left = world_.on(base, {transaction});
  const auto right = world_.branch(base, 2);
  arrive({base, left});
  arrive(right);  // displaces the transaction
  const auto side = world_.branch(base, 1);
  step(pow::BlockArrived{std::nullopt, side[0]});
  step(pow::Prefer{side[0]->hash});
  const Choice before = choice_of(*chain_);
  EXPECT_EQ(before.pool.size(), 1U);
  open();
  EXPECT_EQ(choice_of(*chain_), before);
  // A tie is broken as before.
  step(pow::Invalidate{right[1]->hash});
  const Choice marked = choice_of(*chain_);
  EXPECT_EQ(marked.tip, side[0]->hash);
  open();
  EXPECT_EQ(choice_of(*chain_), marked);
  step(pow::Reconsider{right[1]->hash});
  EXPECT_EQ(chain_->chain().tip().hash, right[1]->hash);
}

TEST_F(PowChainTest, WhatWaitsForABlockStillDoesAfterARestart) {
  const auto one = world_.put(1, "colour", "blue");
  const auto two = world_.put(2, "size", "large");
  for (const auto& each : {one, two}) {
    ASSERT_TRUE(chain_->memory().add_transaction(each));
    ASSERT_TRUE(chain_->keep_waiting(*each));
    ASSERT_TRUE(chain_->keep_waiting(*each)) << "told again";
  }
  const auto waiting = [this] { return ledger::test::ids_of(chain_->memory().pool()); };
  open();
  EXPECT_EQ(waiting(), (std::vector{one->id, two->id}));
  // One of them stands in a block: its record goes.
  const auto block = world_.on(world_.block_0, {one});
  step(pow::BlockArrived{std::nullopt, block});
  open();
  EXPECT_EQ(waiting(), std::vector{two->id});
  // A heavier branch displaces it.
  arrive(world_.branch(world_.block_0, 2));
  open();
  auto all = waiting();
  std::sort(all.begin(), all.end());
  std::vector<ledger::TxId> both{one->id, two->id};
  std::sort(both.begin(), both.end());
  EXPECT_EQ(all, both);
  EXPECT_EQ(chain_->memory().draft({}, 1, world::kLateSeconds, 1 << 20)->transactions.size(), 2U);
}

TEST_F(PowChainTest, ATransactionThatCanNotHappenAnyMoreIsNotKept) {
  const auto one = world_.put(1, "colour", "blue");
  const auto other = world_.put(1, "colour", "red");  // the same nonce
  ASSERT_TRUE(chain_->memory().add_transaction(one));
  ASSERT_TRUE(chain_->keep_waiting(*one));
  step(pow::BlockArrived{std::nullopt, world_.on(world_.block_0, {other})});
  open();
  open();
  EXPECT_EQ(chain_->chain().tip().height.value, 1U);
}

TEST_F(PowChainTest, TheJournalTellsEachStep) {
  const auto a = world_.branch(world_.block_0, 1);
  const auto b = world_.branch(world_.block_0, 2);
  arrive(a);
  arrive(b);
  const auto line = [](std::string_view what, std::uint64_t height, const pow::BlockPtr& block) {
    return std::string(what) + " " + std::to_string(height) + " " + pow::display_hex(block->hash);
  };
  const std::vector<std::string> told{line("connect", 1, a[0]), line("disconnect", 1, a[0]),
                                      line("connect", 1, b[0]), line("connect", 2, b[1])};
  EXPECT_EQ(journal(), told);
  open();
  EXPECT_EQ(journal(), told);
}

TEST_F(PowChainTest, ABodyThatCondemnsItsBlockIsRememberedAcrossARestart) {
  const auto bad = world_.with_coinbase(
      world_.block_0, {ledger::chain_id_of(world_.genesis), {7}, 0, {}});
  step(pow::HeadersArrived{world::kPeer, {bad->header}});
  arrive(bad);
  const auto other = world_.on(world_.block_0);
  step(pow::HeadersArrived{world::kPeer, {other->header}});
  step(pow::BodyRefused{world::kPeer, other->header,
                        {pow::Reject::kTransactionBad, true, "a signature"}});
  const std::uint64_t records = chain_->store().next_record();
  // Said again, it is not written again.
  arrive(bad);
  step(pow::BodyRefused{world::kPeer, other->header,
                        {pow::Reject::kTransactionBad, true, "a signature"}});
  EXPECT_EQ(chain_->store().next_record(), records);
  open();
  EXPECT_EQ(world::codes(arrive(bad).refused), "pow-coinbase-of-another-height");
  EXPECT_EQ(chain_->chain().find(other->hash)->fault, pow::Reject::kTransactionBad);
}

TEST_F(PowChainTest, WhatTheStateRefusesIsRefusedAgainAfterARestart) {
  const auto once = world_.on(world_.block_0, {world_.put(1, "a", "1")});
  const auto twice = world_.on(once, {world_.put(1, "a", "2")});
  arrive({once, twice});
  EXPECT_EQ(chain_->chain().tip().hash, once->hash);
  const Choice before = choice_of(*chain_);
  open();
  EXPECT_EQ(choice_of(*chain_), before);
  EXPECT_TRUE(chain_->chain().find(twice->hash)->is_invalid);
}

TEST_F(PowChainTest, NothingIsStoredOfWhatWasRefused) {
  const auto block = world_.on(world_.block_0);
  arrive(block);
  const std::uint64_t records = chain_->store().next_record();
  const std::vector<PowEvent> events{
      pow::Invalidate{world_.block_0->hash}, pow::Prefer{{}},
      pow::BlockArrived{world::kPeer, block}, pow::HeadersArrived{world::kPeer, {{}}}};
  for (const PowEvent& event : events) step(event);
  EXPECT_EQ(chain_->store().next_record(), records);
}

// kill -9 at each write: the chain is opened as it was before or after that step, never between.
TEST_F(PowChainTest, ACrashAtAnyWriteLeavesAStepBoundary) {
  const auto a = world_.branch(world_.block_0, 3);
  const auto b = world_.branch(world_.block_0, 4);
  std::vector<PowEvent> events;
  for (const auto& block : a) events.emplace_back(pow::BlockArrived{std::nullopt, block});
  for (const auto& block : b) events.emplace_back(pow::BlockArrived{std::nullopt, block});
  std::vector<Choice> boundaries{choice_of(*chain_)};
  for (const PowEvent& event : events) {
    step(event);
    boundaries.push_back(choice_of(*chain_));
  }
  for (std::uint64_t writes = 0; writes < 30; ++writes) {
    FaultyEnv env;
    const ledger::StoreOptions options{&env};
    ASSERT_TRUE(PowChain::create("/c", world_.genesis, world_.params, world_.block_0, options));
    auto chain = PowChain::open("/c", world_.genesis, world_.params, options).value();
    env.fail_appends_from(writes);
    std::size_t done = 0;
    while (done < events.size() && chain->step(events[done], kLate)) ++done;
    env.stop();
    chain.reset();
    env.cut_power(FaultyEnv::PowerCut::kLosesUnsynced);
    env.heal();
    chain = PowChain::open("/c", world_.genesis, world_.params, options).value();
    EXPECT_EQ(choice_of(*chain).tip, boundaries[done].tip) << writes;
    EXPECT_EQ(choice_of(*chain).journal, boundaries[done].journal) << writes;
  }
}

TEST_F(PowChainTest, AnotherNetworkIsRefused) {
  const auto code = [this](const ledger::Genesis& genesis, const pow::Params& params) {
    chain_.reset();
    const auto opened = PowChain::open("/chain", genesis, params, {&env_});
    return opened ? std::string_view("opened") : opened.error().code;
  };
  ledger::Genesis other = world_.genesis;
  other.name = "other";
  EXPECT_EQ(code(other, world_.params), "chain-store-other-chain");
  EXPECT_EQ(code(world_.genesis, pow::own_params(11, 10, pow::Bits{0x207fffff}).value()),
            "chain-store-other-chain");
  EXPECT_EQ(code(world_.genesis, world_.params), "opened");
}

TEST(PowChainBounds, WhatTheTreeDroppedIsErased) {
  FaultyEnv env;
  world::ChainWorld world;
  ASSERT_TRUE(PowChain::create("/c", world.genesis, world.params, world.block_0, {&env}));
  auto chain = PowChain::open("/c", world.genesis, world.params, {&env}).value();
  const auto count = [&] {
    std::size_t records = 0;
    EXPECT_TRUE(chain->store().for_each_record([&](std::uint64_t, ByteView) {
      ++records;
      return Status{};
    }));
    return records;
  };
  // Side branches of one header each, until there is no room.
  const auto main = world.branch(world.block_0, 2);
  for (const auto& block : main) {
    ASSERT_TRUE(chain->step(pow::BlockArrived{std::nullopt, block}, kLate));
  }
  pow::Header header = main[0]->header;
  std::uint64_t forgotten = 0;
  for (std::uint32_t i = 0; i < pow::Limits{}.side_headers_max + 20; ++i) {
    header.merkle_root.bytes[0] = static_cast<std::uint8_t>(i);
    header.merkle_root.bytes[1] = static_cast<std::uint8_t>(i >> 8);
    header.merkle_root.bytes[2] = static_cast<std::uint8_t>(i >> 16);
    header.nonce = 0;
    header = world::mined(header);
    const auto happened =
        chain->step(pow::HeadersArrived{world::kPeer, {header}}, kLate, false).value();
    forgotten += happened.forgotten.size();
  }
  // One with more work takes the place of the least.
  pow::BlockPtr parent = main[1];
  const auto more = world.branch(main[0], 1);
  const auto happened =
      chain->step(pow::HeadersArrived{world::kPeer, world::headers_of(more)}, kLate).value();
  forgotten += happened.forgotten.size();
  EXPECT_GE(forgotten, 1U);
  EXPECT_EQ(count(), 1 + 4 + pow::Limits{}.side_headers_max);
  chain.reset();
  chain = PowChain::open("/c", world.genesis, world.params, {&env}).value();
  EXPECT_EQ(chain->chain().side_headers(), pow::Limits{}.side_headers_max);
  EXPECT_EQ(chain->chain().tip().hash, main[1]->hash);
}

}  // namespace
}  // namespace quorate::node
