// The mempool: admission, bounds, pins, and what a block makes of what waits.

#include "node/mempool.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "tests/ledger/example_network.h"

namespace quorate::node {
namespace {

using namespace ledger::test;
using ledger::Genesis;
using ledger::kNonceWindow;
using ledger::TimeMs;
using ledger::Transaction;
using ledger::TransactionPtr;
using ledger::TxId;

const TimeMs kNow{kGenesisTime.value + 1000};

class MempoolTest : public testing::Test {
 protected:
  void start(MempoolLimits limits = {}) {
    pool_ = std::make_unique<Mempool>(
        genesis_, state_, limits,
        Mempool::Callbacks{[this](TransactionPtr t) { announced_.push_back("+" + name(t->id)); },
                           [this](TxId id) { announced_.push_back("-" + name(id)); }});
  }

  // Known by its value in failures.
  TransactionPtr make(std::uint64_t nonce, std::string_view value,
                      std::uint64_t valid_ms = 60'000, std::string_view sender = "alice") {
    Transaction body = example_body(genesis_, nonce, {put("key", value)});
    body.sender = public_key_of(sender);
    body.valid_until = {kNow.value + valid_ms};
    TransactionPtr transaction = Trusting::trust(body);
    names_[transaction->id] = value;
    return transaction;
  }

  std::string name(const TxId& id) { return names_.at(id); }
  std::vector<std::string> names(const std::vector<TxId>& ids) {
    std::vector<std::string> out;
    for (const TxId& id : ids) out.push_back(name(id));
    return out;
  }

  std::string added(const TransactionPtr& transaction, TimeMs now = kNow) {
    const auto result = pool_->add(transaction, now);
    return result ? (*result ? "new" : "here") : std::string(result.error().code);
  }

  std::vector<TxId> execute(const std::vector<TransactionPtr>& batch,
                            TimeMs time = {kGenesisTime.value},
                            std::vector<Overtaken>* overtaken = nullptr) {
    const auto execution = run_batch(state_, genesis_, time, batch, {++height_});
    return pool_->on_executed(batch, execution.results, overtaken);
  }

  Genesis genesis_ = example_genesis();
  MapState state_{ledger::genesis_state(genesis_)};
  std::map<TxId, std::string> names_;
  std::vector<std::string> announced_;
  std::uint64_t height_ = 0;
  std::unique_ptr<Mempool> pool_;
};

using Names = std::vector<std::string>;

TEST_F(MempoolTest, TheSameTransactionTwiceIsNoErrorAndIsAnnouncedOnce) {
  start();
  const auto a = make(1, "a");
  EXPECT_EQ(added(a), "new");
  EXPECT_EQ(added(a), "here");
  EXPECT_EQ(pool_->find(a->id), a);
  EXPECT_EQ(announced_, Names({"+a"}));
  EXPECT_EQ(pool_->counters().transactions, 1U);
  EXPECT_EQ(pool_->counters().bytes, a->encoded_bytes);
}

TEST_F(MempoolTest, TwoTransactionsMayNotWaitWithOneNonceOfOneSender) {
  start();
  EXPECT_EQ(added(make(1, "a")), "new");
  const auto b = make(1, "b");
  const auto refused = pool_->add(b, kNow);
  EXPECT_EQ(refusal(refused), "tx-nonce-pending");
  EXPECT_EQ(refused.error().kind, ErrorKind::kConflict);
  EXPECT_EQ(pool_->find(b->id), nullptr);
  EXPECT_EQ(added(make(1, "c", 60'000, "bob")), "new");
}

TEST_F(MempoolTest, RefusesWhatCannotRunInTheLastState) {
  start();
  execute({make(1, "a")});
  EXPECT_EQ(added(make(1, "b")), "tx-nonce-used");
  EXPECT_EQ(added(make(kNonceWindow + 2, "c")), "tx-nonce-too-far");
  EXPECT_EQ(added(make(2, "d", 400)), "tx-expired");  // within one slack of its expiry
  EXPECT_EQ(pool_->counters().refused, 3U);
  EXPECT_EQ(announced_, Names());
}

TEST_F(MempoolTest, IsBusyBeyondTheCountOfTransactions) {
  start({.transactions_max = 2, .bytes_max = 1 << 20, .sender_transactions_max = 10});
  EXPECT_EQ(added(make(1, "a")), "new");
  EXPECT_EQ(added(make(2, "b")), "new");
  const auto refused = pool_->add(make(3, "c"), kNow);
  EXPECT_EQ(refusal(refused), "busy");
  EXPECT_EQ(refused.error().kind, ErrorKind::kUnavailable);
  EXPECT_EQ(added(make(1, "a")), "here");
}

TEST_F(MempoolTest, IsBusyBeyondItsBytesAndTakesOneThatFitsExactly) {
  const auto a = make(1, "a");
  const auto b = make(2, "b");
  start({.transactions_max = 10,
         .bytes_max = a->encoded_bytes + b->encoded_bytes,
         .sender_transactions_max = 10});
  EXPECT_EQ(added(a), "new");
  EXPECT_EQ(added(make(2, "longer")), "busy");
  EXPECT_EQ(added(b), "new");
}

TEST_F(MempoolTest, OneSenderCannotTakeTheRoomOfAnother) {
  genesis_.parameters.sender_pending_max = 2;
  start();
  EXPECT_EQ(added(make(1, "a")), "new");
  EXPECT_EQ(added(make(2, "b")), "new");
  EXPECT_EQ(added(make(3, "c")), "busy");
  EXPECT_EQ(added(make(1, "d", 60'000, "bob")), "new");
  execute({make(1, "a")});
  EXPECT_EQ(added(make(3, "c")), "new");
}

TEST_F(MempoolTest, ABlockSettlesWhatItContains) {
  start();
  const auto a = make(1, "a");
  const auto b = make(2, "b");
  EXPECT_EQ(added(a), "new");
  EXPECT_EQ(added(b), "new");
  EXPECT_EQ(names(execute({a})), Names({"a"}));
  EXPECT_EQ(pool_->find(a->id), nullptr);
  EXPECT_EQ(pool_->find(b->id), b);
  EXPECT_EQ(pool_->counters().transactions, 1U);
  EXPECT_EQ(pool_->counters().bytes, b->encoded_bytes);
  EXPECT_EQ(announced_, Names({"+a", "+b"}));  // the block's caller tells the core
}

TEST_F(MempoolTest, ABlockThatUsesTheNonceEndsTheRivalAndNamesTheWinner) {
  start();
  const auto a = make(1, "a");
  const auto rival = make(1, "rival");
  EXPECT_EQ(added(a), "new");
  std::vector<Overtaken> overtaken;
  EXPECT_EQ(names(execute({rival}, kGenesisTime, &overtaken)), Names({"a"}));
  ASSERT_EQ(overtaken.size(), 1U);
  EXPECT_EQ(overtaken[0].id, a->id);
  EXPECT_EQ(overtaken[0].nonce_owner, rival->id);
  EXPECT_EQ(pool_->find(a->id), nullptr);
  EXPECT_EQ(pool_->counters().bytes, 0U);
}

TEST_F(MempoolTest, ARivalThatExpiredInTheBlockLeavesTheNonceToTheOther) {
  start();
  const auto a = make(1, "a");
  const auto late = make(1, "late", 1);
  EXPECT_EQ(added(a), "new");
  EXPECT_EQ(names(execute({late}, {kNow.value + 5})), Names());
  EXPECT_EQ(pool_->find(a->id), a);
}

TEST_F(MempoolTest, TheNonceWindowThatMovesOnEndsWhatFallsBehindIt) {
  start();
  const auto a = make(1, "a");
  const auto b = make(2, "b");
  EXPECT_EQ(added(a), "new");
  EXPECT_EQ(added(b), "new");
  EXPECT_EQ(names(execute({make(kNonceWindow, "edge")})), Names());  // 1 is still in the window
  std::vector<Overtaken> overtaken;
  EXPECT_EQ(names(execute({make(kNonceWindow + 1, "far")}, kGenesisTime, &overtaken)),
            Names({"a"}));
  ASSERT_EQ(overtaken.size(), 1U);
  EXPECT_EQ(overtaken[0].nonce_owner, std::nullopt);
  EXPECT_EQ(pool_->find(b->id), b);
}

TEST_F(MempoolTest, ReadinessEndsASlackBeforeTheExpiryAndTheBodyGoesAtTheExpiry) {
  start();
  const auto a = make(1, "a", 10'000);
  EXPECT_EQ(added(a), "new");
  const std::uint64_t until = kNow.value + 10'000;
  const std::uint64_t slack = genesis_.parameters.time_slack_ms;
  EXPECT_EQ(pool_->drop_expired({until - slack - 1}), std::vector<TxId>());
  EXPECT_EQ(announced_, Names({"+a"}));
  EXPECT_EQ(pool_->drop_expired({until - slack}), std::vector<TxId>());
  EXPECT_EQ(announced_, Names({"+a", "-a"}));
  EXPECT_EQ(pool_->find(a->id), a);
  EXPECT_EQ(pool_->oldest(10, 1 << 20).size(), 0U);
  EXPECT_EQ(pool_->drop_expired({until}), std::vector<TxId>());
  EXPECT_EQ(pool_->find(a->id), nullptr);
  EXPECT_EQ(announced_, Names({"+a", "-a"}));
}

TEST_F(MempoolTest, ExpiryIsReportedOnlyWhenAgreedTimeHasPassedIt) {
  start();
  const auto a = make(1, "a", 10'000);
  EXPECT_EQ(added(a), "new");
  const std::uint64_t until = kNow.value + 10'000;
  EXPECT_EQ(pool_->drop_expired({until + 50'000}), std::vector<TxId>());
  execute({}, {until - 1});
  EXPECT_EQ(pool_->drop_expired({until + 50'000}), std::vector<TxId>());
  execute({}, {until});
  EXPECT_EQ(names(pool_->drop_expired({until + 50'000})), Names({"a"}));
  EXPECT_EQ(pool_->drop_expired({until + 60'000}), std::vector<TxId>());
}

TEST_F(MempoolTest, WhatASlowerClockOrderedAfterAllIsNotReportedAsExpired) {
  start();
  const auto a = make(1, "a", 10'000);
  EXPECT_EQ(added(a), "new");
  const std::uint64_t until = kNow.value + 10'000;
  pool_->drop_expired({until});
  execute({a}, {until - 1});
  execute({}, {until + 1});
  EXPECT_EQ(pool_->drop_expired({until + 1}), std::vector<TxId>());
}

TEST_F(MempoolTest, AProposedTransactionStaysWhateverTheClockSays) {
  start();
  const auto a = make(1, "a", 10'000);
  EXPECT_EQ(added(a), "new");
  pool_->pin({a->id, make(7, "unknown")->id});
  pool_->drop_expired({kNow.value + 99'000});
  EXPECT_EQ(announced_, Names({"+a"}));
  EXPECT_EQ(pool_->find(a->id), a);
  EXPECT_EQ(names(execute({a}, {kNow.value + 99'000})), Names({"a"}));
  EXPECT_EQ(pool_->find(a->id), nullptr);
  EXPECT_EQ(pool_->counters().transactions, 0U);
}

TEST_F(MempoolTest, AProposedTransactionThatLostItsNonceKeepsItsBodyUntilItsBatchIsExecuted) {
  start();
  const auto a = make(1, "a");
  EXPECT_EQ(added(a), "new");
  pool_->pin({a->id});
  EXPECT_EQ(names(execute({make(1, "rival")})), Names({"a"}));
  EXPECT_EQ(pool_->find(a->id), a);
  EXPECT_EQ(pool_->next_nonce(public_key_of("alice"), 1), 2U);
  EXPECT_EQ(names(execute({a})), Names());  // it was reported with the rival's block
  EXPECT_EQ(pool_->find(a->id), nullptr);
}

TEST_F(MempoolTest, APinIsLiftedWhenNoProposalOfItsTimeCanBeOpen) {
  start();
  const auto expiring = make(1, "expiring", 10'000);
  const auto overtaken = make(2, "overtaken");
  EXPECT_EQ(added(expiring), "new");
  EXPECT_EQ(added(overtaken), "new");
  pool_->pin({expiring->id, overtaken->id});
  execute({make(2, "rival")});
  for (std::uint32_t i = 2; i < 4 * genesis_.parameters.window_batches; ++i) execute({});
  pool_->drop_expired({kNow.value + 99'000});
  EXPECT_NE(pool_->find(expiring->id), nullptr);
  EXPECT_NE(pool_->find(overtaken->id), nullptr);
  execute({});
  EXPECT_EQ(pool_->find(overtaken->id), nullptr);
  pool_->drop_expired({kNow.value + 99'000});
  EXPECT_EQ(pool_->find(expiring->id), nullptr);
  EXPECT_EQ(announced_.back(), "-expiring");
  EXPECT_EQ(pool_->counters().transactions, 0U);
  EXPECT_EQ(pool_->counters().bytes, 0U);
}

TEST_F(MempoolTest, AClockThatWasSetBackMakesATransactionReadyAgain) {
  start();
  const auto a = make(1, "a", 10'000);
  EXPECT_EQ(added(a), "new");
  pool_->drop_expired({kNow.value + 9'900});
  EXPECT_EQ(added(a, {kNow.value + 9'900}), "tx-expired");
  EXPECT_EQ(added(a), "new");
  EXPECT_EQ(announced_, Names({"+a", "-a", "+a"}));
  EXPECT_EQ(pool_->counters().transactions, 1U);
  EXPECT_EQ(pool_->counters().bytes, a->encoded_bytes);
}

TEST_F(MempoolTest, WhatWaitsAgainIsNotReportedAsExpired) {
  start();
  const auto a = make(1, "a", 10'000);
  EXPECT_EQ(added(a), "new");
  pool_->drop_expired({kNow.value + 99'000});
  EXPECT_EQ(added(a), "new");  // the clock was wrong
  pool_->pin({a->id});
  execute({}, {kNow.value + 10'000});
  EXPECT_EQ(pool_->drop_expired({kNow.value + 10'000}), std::vector<TxId>());
}

TEST_F(MempoolTest, TheNextNonceIsTheLowestThatNobodyWaitsWith) {
  start();
  const auto& alice = public_key_of("alice");
  EXPECT_EQ(pool_->next_nonce(alice, 0), 1U);
  for (const std::uint64_t nonce : {1, 2, 4}) {
    EXPECT_EQ(added(make(nonce, "n" + std::to_string(nonce))), "new");
  }
  EXPECT_EQ(pool_->next_nonce(alice, 0), 3U);
  EXPECT_EQ(pool_->next_nonce(alice, 3), 5U);
  EXPECT_EQ(pool_->next_nonce(public_key_of("bob"), 7), 8U);
}

TEST_F(MempoolTest, TheOldestComeFirstAndWithinBothLimits) {
  start();
  std::vector<TransactionPtr> all;
  for (std::uint64_t nonce = 9; nonce > 0; --nonce) {
    all.push_back(make(nonce, std::to_string(nonce)));
    EXPECT_EQ(added(all.back()), "new");
  }
  EXPECT_EQ(pool_->oldest(100, 1 << 20), all);
  EXPECT_EQ(pool_->oldest(2, 1 << 20), std::vector(all.begin(), all.begin() + 2));
  EXPECT_EQ(pool_->oldest(100, 3 * all[0]->encoded_bytes),
            std::vector(all.begin(), all.begin() + 3));
}

}  // namespace
}  // namespace quorate::node
