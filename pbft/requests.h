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

  // The oldest ready transactions that no batch names, within both limits.
  [[nodiscard]] std::vector<TransactionPtr> oldest(std::size_t count_max,
                                                   std::size_t bytes_max) const;

  [[nodiscard]] std::size_t size() const { return entries_.size(); }
  [[nodiscard]] std::size_t unordered() const { return waiting_.size(); }
  // When the oldest transaction that no batch names became ready.
  [[nodiscard]] std::optional<std::uint64_t> oldest_ready_ms() const;

 private:
  struct Entry {
    TransactionPtr transaction;
    std::uint64_t ready_ms = 0;
    std::uint64_t place = 0;
  };
  std::map<TxId, Entry> entries_;
  std::map<TxId, std::uint32_t> named_;            // by how many batches in flight
  std::map<std::uint64_t, const Entry*> waiting_;  // by place; std::map nodes do not move
  std::uint64_t next_place_ = 0;
};

}  // namespace quorate::pbft
