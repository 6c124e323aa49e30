// The mempool against a model too simple to be wrong, under thousands of random steps; and under
// threads.

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <mutex>
#include <set>
#include <thread>

#include "node/mempool.h"
#include "tests/ledger/example_network.h"

namespace quorate::node {
namespace {

using namespace ledger::test;
using ledger::Genesis;
using ledger::TimeMs;
using ledger::Transaction;
using ledger::TransactionPtr;
using ledger::TxId;

// SplitMix64: a seed is a history.
class Dice {
 public:
  explicit Dice(std::uint64_t seed) : state_(seed) {}
  std::uint64_t below(std::uint64_t bound) {
    std::uint64_t z = (state_ += 0x9e3779b97f4a7c15ULL);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
    return (z ^ (z >> 31)) % bound;
  }

 private:
  std::uint64_t state_;
};

// A list, searched from end to end for everything.
struct Model {
  struct Item {
    TransactionPtr transaction;
    bool ready = true;
    std::uint64_t pinned_until = 0;
    bool overtaken = false;
    bool settled = false;
  };
  const Genesis& genesis;
  std::vector<Item> items;
  std::vector<TransactionPtr> lapsed;
  std::uint64_t blocks = 0;
  std::size_t transactions_max = 0;

  static const Transaction& body(const TransactionPtr& t) { return t->signed_transaction->body; }

  std::string add(const TransactionPtr& t, const ledger::StateReader& state, TimeMs now) {
    const auto is_it = [&](const Item& item) { return item.transaction->id == t->id; };
    const auto found = std::find_if(items.begin(), items.end(), is_it);
    if (found != items.end() && found->ready) return "here";
    const auto verdict = ledger::check_admission(*t, genesis, state, now);
    if (!verdict) return std::string(verdict.error().code);
    if (items.size() >= transactions_max) return "busy";
    for (const Item& item : items) {
      if (item.ready && body(item.transaction).sender == body(t).sender &&
          body(item.transaction).nonce == body(t).nonce) {
        return "tx-nonce-pending";
      }
    }
    const std::uint64_t pinned = found != items.end() ? found->pinned_until : 0;
    std::erase_if(items, is_it);
    std::erase_if(lapsed, [&](const auto& each) { return each->id == t->id; });
    items.push_back({t, true, pinned});
    return "new";
  }

  std::set<TxId> execute(const std::vector<TransactionPtr>& batch,
                         const std::vector<ledger::TxResult>& results) {
    std::set<TxId> gone;
    for (std::size_t i = 0; i < batch.size(); ++i) {
      const TransactionPtr& winner = batch[i];
      std::erase_if(lapsed, [&](const auto& each) { return each->id == winner->id; });
      for (Item& item : items) {
        const Transaction& waiting = body(item.transaction);
        const bool is_it = item.transaction->id == winner->id;
        const bool impossible = ledger::uses_nonce(results[i].outcome) &&
                                waiting.sender == body(winner).sender &&
                                (waiting.nonce == body(winner).nonce ||
                                 waiting.nonce + ledger::kNonceWindow <= body(winner).nonce);
        if (!is_it && !impossible) continue;
        if (item.ready) {
          gone.insert(item.transaction->id);
          item.overtaken = true;
        }
        item.ready = false;
        item.settled = item.settled || is_it;
      }
    }
    ++blocks;
    for (Item& item : items) {
      if (item.pinned_until <= blocks) item.pinned_until = 0;
    }
    std::erase_if(items, [&](const Item& item) {
      return item.settled || (item.overtaken && item.pinned_until == 0);
    });
    return gone;
  }

  void pin(const std::vector<TxId>& ids) {
    for (Item& item : items) {
      if (std::find(ids.begin(), ids.end(), item.transaction->id) == ids.end()) continue;
      item.pinned_until = blocks + 4ULL * genesis.parameters.window_batches;
    }
  }

  std::set<TxId> drop_expired(TimeMs now, TimeMs agreed) {
    for (Item& item : items) {
      const std::uint64_t until = body(item.transaction).valid_until.value;
      if (item.pinned_until != 0 || until > now.value + genesis.parameters.time_slack_ms) continue;
      item.ready = false;
      if (until <= now.value) lapsed.push_back(item.transaction);
    }
    std::erase_if(items, [&](const Item& item) {
      return item.pinned_until == 0 && body(item.transaction).valid_until <= now;
    });
    std::set<TxId> ended;
    for (const auto& each : lapsed) {
      if (body(each).valid_until <= agreed) ended.insert(each->id);
    }
    std::erase_if(lapsed, [&](const auto& each) { return ended.contains(each->id); });
    return ended;
  }
};

struct Property : testing::TestWithParam<std::uint64_t> {};

TEST_P(Property, TheMempoolIsTheModel) {
  Dice dice(GetParam());
  Genesis genesis = example_genesis();
  genesis.parameters.window_batches = 2;  // pins end after 8 blocks
  MapState state(ledger::genesis_state(genesis));
  std::set<TxId> ready;
  Mempool pool(genesis, state,
               {.transactions_max = 40, .bytes_max = 1 << 20, .sender_transactions_max = 1000},
               {[&](const TransactionPtr& t) { EXPECT_TRUE(ready.insert(t->id).second); },
                [&](TxId id) { EXPECT_EQ(ready.erase(id), 1U); }});
  Model model{genesis, {}, {}, 0, 40};
  TimeMs now{kGenesisTime.value + 1000};
  std::vector<TransactionPtr> made;
  std::uint64_t highest = 1;
  std::uint64_t sequence = 0;
  for (int step = 0; step < 3000; ++step) {
    const std::uint64_t choice = dice.below(100);
    if (choice < 60) {
      TransactionPtr t;
      if (!made.empty() && dice.below(4) == 0) {
        t = made[made.size() - 1 - dice.below(std::min<std::size_t>(made.size(), 60))];
      } else {
        const bool jump = dice.below(50) == 0;
        const std::uint64_t nonce = highest + dice.below(jump ? 1100 : 12);
        Transaction body = example_body(genesis, nonce, {put("k", std::to_string(step))});
        body.sender = public_key_of(dice.below(2) == 0 ? "alice" : "bob");
        body.valid_until = {now.value + 400 + dice.below(4000)};
        t = Trusting::trust(body);
        made.push_back(t);
      }
      const std::string expected = model.add(t, state, now);
      const auto result = pool.add(t, now);
      ASSERT_EQ(result ? (*result ? "new" : "here") : result.error().code, expected) << step;
    } else if (choice < 75) {
      std::vector<TxId> ids;
      for (const auto& item : model.items) {
        if (dice.below(6) == 0) ids.push_back(item.transaction->id);
      }
      model.pin(ids);
      pool.pin(ids);
    } else if (choice < 85) {
      std::vector<TransactionPtr> batch;
      std::set<TxId> taken;
      for (const auto& t : made) {
        const bool waits = pool.find(t->id) != nullptr;
        if (dice.below(waits ? 5 : 200) == 0 && taken.insert(t->id).second) batch.push_back(t);
      }
      const auto execution =
          run_batch(state, genesis, {now.value - dice.below(600)}, batch, {++sequence});
      for (const auto& result : execution.results) {
        if (!ledger::uses_nonce(result.outcome)) continue;
        for (const auto& t : batch) {
          if (t->id == result.id) highest = std::max(highest, Model::body(t).nonce - 3);
        }
      }
      const auto expected = model.execute(batch, execution.results);
      const auto gone = pool.on_executed(batch, execution.results);
      ASSERT_EQ(std::set<TxId>(gone.begin(), gone.end()), expected) << step;
      ASSERT_EQ(gone.size(), expected.size()) << step;
      for (const TxId& id : gone) ASSERT_EQ(ready.erase(id), 1U);
    } else {
      now.value += dice.below(500);
      const TimeMs agreed = ledger::read_time(state).value();
      const auto expected = model.drop_expired(now, agreed);
      const auto ended = pool.drop_expired(now);
      ASSERT_EQ(std::set<TxId>(ended.begin(), ended.end()), expected) << step;
    }
    std::vector<TransactionPtr> waiting;
    std::size_t bytes = 0;
    for (const auto& item : model.items) {
      ASSERT_EQ(pool.find(item.transaction->id), item.transaction) << step;
      bytes += item.transaction->encoded_bytes;
      if (item.ready) waiting.push_back(item.transaction);
    }
    ASSERT_EQ(pool.oldest(1000, 1 << 20), waiting) << step;
    ASSERT_EQ(pool.counters().transactions, model.items.size()) << step;
    ASSERT_EQ(pool.counters().bytes, bytes) << step;
    ASSERT_EQ(ready.size(), waiting.size()) << step;
  }
  EXPECT_GT(sequence, 100U);
}

INSTANTIATE_TEST_SUITE_P(Seeds, Property, testing::Range<std::uint64_t>(1, 9));

// A state that one thread changes while others read.
class LockedState final : public ledger::StateReader {
 public:
  explicit LockedState(const ledger::WriteSet& writes) : state_(writes) {}
  [[nodiscard]] Result<std::optional<Bytes>> get(ByteView key) const override {
    auto value = [&] {
      const std::lock_guard lock(mutex_);
      return state_.get(key);
    }();
    std::this_thread::yield();  // time for the others to make it old
    return value;
  }
  void apply(const ledger::WriteSet& writes) {
    const std::lock_guard lock(mutex_);
    state_.apply(writes);
  }

 private:
  mutable std::mutex mutex_;
  MapState state_;
};

// Four clients fill it, one thread executes what became ready, one expires and reads. What is
// announced ready and not gone must be what waits in the end, and every nonce is executed once.
TEST(MempoolThreads, AnnouncementsComeInTheOrderOfTheChanges) {
  const Genesis genesis = example_genesis();
  LockedState state(ledger::genesis_state(genesis));
  std::mutex mutex;
  std::map<TxId, TransactionPtr> ready;
  Mempool pool(genesis, state, {},
               {[&](const TransactionPtr& t) {
                  const std::lock_guard lock(mutex);
                  EXPECT_TRUE(ready.emplace(t->id, t).second);
                },
                [&](TxId id) {
                  const std::lock_guard lock(mutex);
                  ready.erase(id);
                }});
  constexpr std::uint64_t kNonces = 150;
  constexpr std::size_t kClients = 4;
  std::atomic<std::size_t> running = kClients;
  std::vector<std::thread> threads;
  for (std::size_t client = 0; client < kClients; ++client) {
    threads.emplace_back([&, client] {
      const TimeMs now{kGenesisTime.value + 1000};
      // Two clients share a key, so nonces collide.
      const std::string sender = client < 2 ? "alice" : "bob";
      for (std::uint64_t nonce = 1; nonce <= kNonces; ++nonce) {
        Transaction body = example_body(genesis, nonce, {put("k", std::to_string(client))});
        body.sender = public_key_of(sender);
        (void)pool.add(Trusting::trust(body), now);
      }
      --running;
    });
  }
  threads.emplace_back([&] {
    while (running > 0) {
      (void)pool.drop_expired(kGenesisTime);
      (void)pool.next_nonce(public_key_of("alice"), 0);
      const auto some = pool.oldest(10, 1 << 20);
      if (!some.empty()) pool.pin({some[0]->id});
      (void)pool.counters();
    }
  });
  std::size_t applied = 0;
  std::size_t skipped = 0;
  for (std::uint64_t sequence = 1;; ++sequence) {
    const bool last = running == 0;
    const auto batch = pool.oldest(20, 1 << 20);
    const auto made = ledger::make_batch({sequence}, kGenesisTime, 0, ids_of(batch));
    const auto execution = ledger::execute(made.header, batch, genesis, state).value();
    state.apply(execution.writes);
    for (const TxId& id : pool.on_executed(batch, execution.results)) {
      const std::lock_guard lock(mutex);
      EXPECT_EQ(ready.erase(id), 1U) << "gone before it was ready";
    }
    for (const auto& result : execution.results) {
      applied += result.outcome == ledger::Outcome::kApplied ? 1 : 0;
      skipped += ledger::is_skipped(result.outcome) ? 1 : 0;
    }
    if (last && batch.empty()) break;
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(applied, 2 * kNonces);
  EXPECT_EQ(skipped, 0U) << "ready with a nonce that a block had used";
  EXPECT_EQ(ready.size(), 0U);
  EXPECT_EQ(pool.counters().transactions, 0U);
}

}  // namespace
}  // namespace quorate::node
