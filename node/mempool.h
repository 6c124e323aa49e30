#pragma once

// The mempool: transactions that this node admitted and that are not settled.
//
// It decides what is *ready* for the core: a transaction is admitted if it could run in the last
// executed state, and ceases to be ready when a block settles it, when its nonce goes to another,
// or within one slack of its expiry by the node's clock. What a proposal names is pinned: it keeps
// its body, and stays ready whatever the clock says, until a block settles it or so many blocks
// passed that no proposal of that time is still open.
//
// Expiry is final only in agreed time, which may lag behind the clock; so an expired transaction
// leaves at once, and is reported as expired when a block's time has passed its valid-until.
//
// Bounds: transactions, bytes, and transactions of one sender (the genesis quota). Beyond them the
// answer is "busy" with a reason, never a silent drop. Thread-safe; `on_executed` must be called
// for every block, in order, after the store shows it.

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <unordered_map>
#include <utility>
#include <vector>

#include "ledger/execution.h"
#include "ledger/store.h"

namespace quorate::node {

struct MempoolLimits {
  std::size_t transactions_max = 50'000;
  std::size_t bytes_max = 64 << 20;
  std::size_t sender_transactions_max = 10'000;
};

struct MempoolCounters {
  std::size_t transactions = 0;
  std::size_t bytes = 0;
  std::uint64_t admitted = 0;
  std::uint64_t refused = 0;
};

// A waiting transaction that a block made impossible without containing it.
struct Overtaken {
  ledger::TxId id;
  std::optional<ledger::TxId> nonce_owner;  // nullopt: the nonce window moved past it
};

class Mempool {
 public:
  // What the core is told; called outside the lock that readers take, in an order in which an id
  // that is gone is never announced ready afterwards. They may read the mempool, and must not
  // change it. What `on_executed` returns is not announced as gone: its caller tells the core, with
  // the block.
  struct Callbacks {
    std::function<void(ledger::TransactionPtr)> on_ready;
    std::function<void(ledger::TxId)> on_gone;
  };

  // All outlive this.
  Mempool(const ledger::Genesis& genesis, const ledger::StateReader& state, MempoolLimits limits,
          Callbacks callbacks);

  // True if it is new, false if it was there already (no error: the same transaction). Errors:
  // those of check_admission; "tx-nonce-pending" (kConflict: another transaction of this sender
  // with this nonce waits here); "busy" (kUnavailable).
  [[nodiscard]] Result<bool> add(const ledger::TransactionPtr& transaction, ledger::TimeMs now);

  // Also one that is no longer ready, while a proposal may need its body.
  [[nodiscard]] ledger::TransactionPtr find(const ledger::TxId& id) const;

  // A proposal names them. Unknown ids are ignored.
  void pin(const std::vector<ledger::TxId>& ids);

  // The block's results: settles them, and drops what their nonces made impossible. Returns every
  // id that is no longer ready because of this block; those that the block does not contain are
  // also added to `overtaken`, if given.
  std::vector<ledger::TxId> on_executed(const std::vector<ledger::TransactionPtr>& transactions,
                                        const std::vector<ledger::TxResult>& results,
                                        std::vector<Overtaken>* overtaken = nullptr);

  // Drops what expired by the node's clock and is not pinned; to be called a few times a second.
  // Returns those of which it is final by now: agreed time has passed their valid-until.
  std::vector<ledger::TxId> drop_expired(ledger::TimeMs now);

  // The lowest nonce above `highest_used` that no waiting transaction of the sender takes.
  [[nodiscard]] std::uint64_t next_nonce(const ledger::PublicKey& sender,
                                         std::uint64_t highest_used) const;

  // The ready ones, oldest first, up to so many bytes; for a peer that has just connected, and for
  // RPC.
  [[nodiscard]] std::vector<ledger::TransactionPtr> oldest(std::size_t count_max,
                                                           std::size_t bytes_max) const;
  [[nodiscard]] MempoolCounters counters() const;

 private:
  struct Entry {
    ledger::TransactionPtr transaction;
    std::uint64_t place = 0;
    std::uint64_t pinned_until = 0;  // number of the block that lifts the pin; 0: not pinned
    bool ready = true;
    bool overtaken = false;  // for good: not ready, and here for its body alone
  };
  using NonceSlots = std::map<std::uint64_t, ledger::TxId>;  // nonce -> id, of one sender
  using Expiries = std::set<std::pair<ledger::TimeMs, ledger::TxId>>;

  [[nodiscard]] bool is_ready(const ledger::TxId& id) const;
  // All below with mutex_ held.
  [[nodiscard]] Status check_bounds(const ledger::CheckedTransaction& transaction);
  void insert(const ledger::TransactionPtr& transaction);
  void cease_to_be_ready(Entry& entry);
  void erase(const ledger::TxId& id);
  void overtake(const ledger::TxId& id, std::optional<ledger::TxId> owner,
                std::vector<Overtaken>& overtaken);
  void settle_nonce(const ledger::CheckedTransaction& winner, std::vector<Overtaken>& overtaken);
  void lift_pins();
  void remember_expired(ledger::TimeMs until, const ledger::TxId& id);
  // The ids that are no longer ready, and were until now.
  std::vector<ledger::TxId> end_readiness(ledger::TimeMs now);

  const ledger::Genesis& genesis_;
  const ledger::StateReader& state_;
  MempoolLimits limits_;
  Callbacks callbacks_;

  // Held from the look at the state until the callback, so that announcements come in the order of
  // the changes, and no block is settled between a look at the state and the insertion that relies
  // on it. Taken before mutex_.
  std::mutex announce_mutex_;
  mutable std::mutex mutex_;
  std::unordered_map<ledger::TxId, Entry> entries_;
  std::unordered_map<ledger::PublicKey, NonceSlots> by_sender_;  // of ready entries
  std::map<std::uint64_t, ledger::TxId> by_place_;               // of ready entries
  Expiries by_expiry_;                                           // of all entries
  std::set<std::pair<std::uint64_t, ledger::TxId>> by_pin_;      // pinned_until, of pinned entries
  Expiries expired_;  // dropped by the clock, not yet by agreed time
  std::uint64_t next_place_ = 0;
  std::uint64_t blocks_ = 0;  // executed since the start
  MempoolCounters counters_;
};

}  // namespace quorate::node
