#pragma once

// The mempool: transactions that this node admitted and that are not settled.
//
// It decides what is *ready* for the core: a transaction is admitted if it could run in the last executed
// state, and leaves when a block settles it, when its nonce goes to another, or past its expiry. What a
// proposal names is pinned until a block settles it, whatever the clock says.
//
// Bounds: transactions, bytes, and transactions of one sender (the genesis quota). Beyond them the answer
// is "busy" with a reason, never a silent drop. Thread-safe; `on_executed` must be called after the store
// shows the block.

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <unordered_map>
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

class Mempool {
 public:
  // What the core is told; called outside the mempool's lock, in an order in which an id that is gone
  // is never announced ready afterwards.
  struct Callbacks {
    std::function<void(ledger::TransactionPtr)> on_ready;
    std::function<void(ledger::TxId)> on_gone;
  };

  // All outlive this.
  Mempool(const ledger::Genesis& genesis, const ledger::StateReader& state, MempoolLimits limits,
          Callbacks callbacks);

  // True if it is new, false if it was there already (no error: the same transaction).
  // Errors: those of check_admission; "tx-nonce-pending" (kConflict: another transaction of this sender
  // with this nonce waits here); "busy" (kUnavailable).
  [[nodiscard]] Result<bool> add(const ledger::TransactionPtr& transaction, ledger::TimeMs now);

  [[nodiscard]] ledger::TransactionPtr find(const ledger::TxId& id) const;

  // A proposal names them: they stay until a block settles them. Unknown ids are ignored.
  void pin(const std::vector<ledger::TxId>& ids);

  // The block's results: settles them, and drops what their nonces made impossible. Returns every id that
  // is no longer ready because of this block.
  std::vector<ledger::TxId> on_executed(const std::vector<ledger::TransactionPtr>& transactions,
                                        const std::vector<ledger::TxResult>& results);

  // Drops what expired by the node's clock and is not pinned. Returns their ids.
  std::vector<ledger::TxId> drop_expired(ledger::TimeMs now);

  // The lowest nonce above `highest_used` that no waiting transaction of the sender takes.
  [[nodiscard]] std::uint64_t next_nonce(const ledger::PublicKey& sender,
                                         std::uint64_t highest_used) const;

  // Oldest first, up to so many bytes; for a peer that has just connected, and for RPC.
  [[nodiscard]] std::vector<ledger::TransactionPtr> oldest(std::size_t count_max,
                                                           std::size_t bytes_max) const;
  [[nodiscard]] MempoolCounters counters() const;

 private:
  struct Entry {
    ledger::TransactionPtr transaction;
    std::uint64_t place = 0;
    bool pinned = false;
  };
  using NonceSlots = std::map<std::uint64_t, ledger::TxId>;  // nonce -> id, of one sender

  void erase(const ledger::TxId& id);  // with the lock held

  const ledger::Genesis& genesis_;
  const ledger::StateReader& state_;
  MempoolLimits limits_;
  Callbacks callbacks_;

  mutable std::mutex mutex_;
  std::mutex announce_mutex_;  // keeps announcements in the order of the changes; taken before mutex_
  std::unordered_map<ledger::TxId, Entry> entries_;
  std::unordered_map<ledger::PublicKey, NonceSlots> by_sender_;
  std::map<std::uint64_t, ledger::TxId> by_place_;
  std::uint64_t next_place_ = 0;
  MempoolCounters counters_;
};

}  // namespace quorate::node
