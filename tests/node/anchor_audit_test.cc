#include "node/anchor_audit.h"

#include <gtest/gtest.h>

#include "crypto/bcs.h"
#include "node/pow_chain.h"
#include "node/pow_rules.h"
#include "pow/miner.h"
#include "tests/ledger/signed_ledger.h"
#include "tests/support/temporary_folder.h"

namespace quorate::node {
namespace {

// The ledger of a network with both engines, whose four keys may sign whatever a test wants.
class AnchorAuditTest : public ledger::test::SignedLedger {
 protected:
  AnchorAuditTest() : SignedLedger(genesis_with_anchors()) {
    const auto block_0 = mine_block_0(genesis_, params_, 1).value();
    EXPECT_TRUE(PowChain::create(folder_.path() / "chain", genesis_, params_, block_0));
    chain_ = PowChain::open(folder_.path() / "chain", genesis_, params_).value();
  }

  static ledger::Genesis genesis_with_anchors() {
    ledger::Genesis genesis = genesis_of_four();
    ledger::set_chain_rules(genesis, {.carries = ledger::ChainCarries::kAnchors});
    return genesis;
  }
  // Two blocks, the second a checkpoint that all four sign.
  void grow(std::string_view value) {
    for (int i = 0; i < 2; ++i) {
      append({transaction(++nonce_, {ledger::test::put("colour", value)})});
    }
    const ledger::CheckpointNote note = store_->own_checkpoint(store_->height()).value().value();
    ASSERT_TRUE(store_->put_stable(
        ledger::test::stabilise(note, store_->time().value / 1000, {0, 1, 2, 3})));
  }
  void anchor() {
    auto stable = store_->latest_stable().value().value();
    chain_->memory().add_anchor(chain_->anchors()->check({std::move(stable), {}}).value());
    pow::Block draft = chain_->memory().draft({}, 1, 1'800'000'000, 1 << 20).value();
    const std::atomic<bool> stop = false;
    const pow::Header header = *pow::search_nonce(draft.header, 1, stop).found;
    const auto block = pow::finish_block(std::move(draft), header);
    ASSERT_TRUE(chain_->step(pow::BlockArrived{std::nullopt, block}, {1'900'000'000'000}));
  }
  void begin_again(const std::string& folder) {
    store_ = ledger::Store::create(folder, genesis_, {&env_}).value();
    nonce_ = 0;
  }
  AnchorAudit audit() {
    chain_.reset();
    return audit_anchors(folder_.path() / "chain", genesis_, *store_).value();
  }

  const pow::Params params_ = pow::params_of(*genesis_.pow).value();
  quorate::test::TemporaryFolder folder_;
  std::unique_ptr<PowChain> chain_;
  std::uint64_t nonce_ = 0;
};

TEST_F(AnchorAuditTest, ALedgerAgreesWithItsOwnAnchors) {
  for (int i = 0; i < 3; ++i) {
    grow("blue");
    anchor();
  }
  const AnchorAudit verdict = audit();
  EXPECT_FALSE(verdict.contradiction);
  EXPECT_EQ(verdict.agreeing, 3U);
  EXPECT_EQ(verdict.highest.value, 6U);
  EXPECT_EQ(verdict.depth, 1U);
}

TEST_F(AnchorAuditTest, APastThatAllKeysSignedAnewIsFoundByTheFirstAnchorThatSaysOtherwise) {
  grow("blue");
  anchor();
  for (int i = 0; i < 3; ++i) {
    grow("blue");
    anchor();
  }
  begin_again("/rewritten");
  grow("blue");  // the same up to here
  for (int i = 0; i < 3; ++i) grow("red");
  const AnchorAudit verdict = audit();
  ASSERT_TRUE(verdict.contradiction);
  EXPECT_EQ(verdict.agreeing, 1U);
  EXPECT_EQ(verdict.contradiction->size.value, 4U);
  EXPECT_EQ(verdict.contradiction->block_height.value, 2U);
  EXPECT_NE(verdict.contradiction->own_root, verdict.contradiction->anchored_root);
  EXPECT_NE(describe(verdict).front().find("contradicts the anchor of size 4"), std::string::npos);
}

TEST_F(AnchorAuditTest, AnchorsOfTheRewrittenPastThatComeLaterDoNotHelpIt) {
  grow("blue");
  anchor();
  begin_again("/rewritten");
  grow("red");
  anchor();  // the same size again: does not count
  grow("red");
  anchor();
  const AnchorAudit verdict = audit();
  ASSERT_TRUE(verdict.contradiction);
  EXPECT_EQ(verdict.contradiction->size.value, 2U);
}

TEST_F(AnchorAuditTest, AShorterLedgerSaysHowManyAnchorsAreAhead) {
  grow("blue");
  anchor();
  grow("blue");
  anchor();
  begin_again("/short");
  grow("blue");
  const AnchorAudit verdict = audit();
  EXPECT_FALSE(verdict.contradiction);
  EXPECT_EQ(verdict.agreeing, 1U);
  EXPECT_EQ(verdict.ahead, 1U);
}

TEST_F(AnchorAuditTest, ReadingChangesNoByteAndAForeignChainIsRefused) {
  grow("blue");
  anchor();
  static_cast<void>(audit());
  ledger::Genesis other = genesis_;
  other.name = "other";
  const auto refused = audit_anchors(folder_.path() / "chain", other, *store_);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, "chain-store-other-chain");
}

}  // namespace
}  // namespace quorate::node
