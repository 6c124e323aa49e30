#pragma once

// The record: the one leaf a sequence adds to the log, the same bytes on every correct replica.
//
// View, proposer and certificate differ between replicas and stand beside it, outside the hash.

#include "ledger/batch.h"
#include "ledger/types.h"

namespace quorate::ledger {

struct Record {
  Epoch epoch;
  BatchHeader batch;
  TimeMs effective_time;
  Digest results_root;

  friend bool operator==(const Record&, const Record&) = default;
};

// RFC 6962 leaf hash over BCS(Record). Sequence 1 is leaf 0.
[[nodiscard]] Digest record_leaf(const Record& record);

// The size and root of the log: what two ledgers are compared by.
struct TreeHead {
  std::uint64_t size = 0;
  Digest root;

  friend bool operator==(const TreeHead&, const TreeHead&) = default;
};

}  // namespace quorate::ledger
