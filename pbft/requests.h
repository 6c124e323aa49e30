#pragma once

// Ready transactions, in the order in which they became ready.
//
// The host decides what is ready (admission against the last executed state); this keeps the order
// and the time, so that the primary batches fairly and a backup can judge a primary that does not.
// Bounded by the host's mempool and the batches in flight. Not thread-safe.

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <vector>

#include "pbft/message.h"

namespace quorate::pbft {

class Requests {
 public:
  // Adds or, if known, changes nothing.
  void add(TransactionPtr transaction, std::uint64_t now_ms);
  void remove(const TxId& id);

  // A batch in flight names these: none is proposed again until no batch does. Ids need not be
  // known here (yet). Each `name` is undone by one `unname`.
  void name(const std::vector<TxId>& ids);
  void unname(const std::vector<TxId>& ids);

  [[nodiscard]] TransactionPtr find(const TxId& id) const;  // nullptr if unknown
  [[nodiscard]] std::optional<std::uint64_t> ready_ms(const TxId& id) const;

  // The oldest ready transactions that no batch names, within both limits.
  [[nodiscard]] std::vector<TransactionPtr> oldest(std::size_t count_max,
                                                   std::size_t bytes_max) const;

  [[nodiscard]] std::size_t size() const { return entries_.size(); }
  [[nodiscard]] std::size_t unordered() const { return waiting_.size(); }
  // When the oldest transaction became ready, whether a batch names it or not.
  [[nodiscard]] std::optional<std::uint64_t> oldest_ready_ms() const;
  // The oldest one that no batch names, and when it became ready.
  struct Waiting {
    TxId id;
    std::uint64_t ready_ms = 0;
  };
  [[nodiscard]] std::optional<Waiting> oldest_waiting() const;

  // What no batch names, became ready by `ready_by_ms` and was not given out here since
  // `forget_relayed`; at most `count_max`.
  [[nodiscard]] std::vector<TransactionPtr> take_for_relay(std::uint64_t ready_by_ms,
                                                           std::size_t count_max);
  // When the first one became ready that `take_for_relay` has not given out.
  [[nodiscard]] std::optional<std::uint64_t> next_for_relay_ms() const;
  void forget_relayed() { relayed_to_ = 0; }

 private:
  struct Entry {
    TransactionPtr transaction;
    std::uint64_t ready_ms = 0;
    std::uint64_t place = 0;
  };
  std::map<TxId, Entry> entries_;
  std::map<TxId, std::uint32_t> named_;            // by how many batches in flight
  // By place; std::map nodes do not move.
  std::map<std::uint64_t, const Entry*> all_;
  std::map<std::uint64_t, const Entry*> waiting_;
  std::uint64_t next_place_ = 1;
  std::uint64_t relayed_to_ = 0;  // the last place that was given out for relay
};

}  // namespace quorate::pbft
