#pragma once

// A batch: what one sequence number orders.
//
// The digest covers sequence, agreed time, flags and the transactions' root; never view, proposer
// or certificate, since two views may certify one batch. The root covers ids only, so a re-signed
// copy of a transaction cannot split a batch.

#include <cstdint>
#include <vector>

#include "ledger/types.h"

namespace quorate::ledger {

// Batch flags; unknown bits are refused.
inline constexpr std::uint32_t kFlagNull = 1;        // fills a gap; no transactions, time 0
inline constexpr std::uint32_t kFlagCheckpoint = 2;  // the primary asks for a checkpoint here
inline constexpr std::uint32_t kFlagsKnown = kFlagNull | kFlagCheckpoint;

struct BatchHeader {
  Sequence sequence;
  TimeMs time;  // the primary's clock; the effective time is max(previous effective, this)
  std::uint32_t flags = 0;
  std::uint32_t transaction_count = 0;
  Digest transaction_root;  // RFC 6962 tree over the ids (32 bytes each), in order

  friend bool operator==(const BatchHeader&, const BatchHeader&) = default;
};

struct Batch {
  BatchHeader header;
  std::vector<TxId> ids;
};

[[nodiscard]] Batch make_batch(Sequence sequence, TimeMs time, std::uint32_t flags,
                               std::vector<TxId> ids);
[[nodiscard]] Batch null_batch(Sequence sequence);

// What a vote names.
[[nodiscard]] Digest digest_of_batch(const BatchHeader& header);
[[nodiscard]] Digest transaction_root(const std::vector<TxId>& ids);

// True if header and ids fit each other: sequence not 0, count, root, no id twice, known flags, at
// most `transactions_max` ids; a null batch is empty, has time 0 and no other flag, so that a
// sequence has one null batch.
[[nodiscard]] bool is_well_formed(const Batch& batch, std::size_t transactions_max);

}  // namespace quorate::ledger
