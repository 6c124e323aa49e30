#pragma once

// The check after a load, as a pure function: what was acknowledged against what ledgers hold.
//
// Transactions are named by their number in the run. A ledger holds a transaction once if exactly
// one block applied it; copies that a block skipped (their nonce was used) had no effect and do not
// count.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "ledger/record.h"

namespace quorate::node {

// What one node's blocks say, from the first height that the run can have touched.
struct NodeLedger {
  std::string node;
  std::vector<std::uint8_t> applied_times;    // by transaction; 255 is 255 or more
  std::vector<ledger::Digest> block_hashes;   // one a height, in order
  std::optional<ledger::TreeHead> tree_head;  // afterwards, in a moment of rest
};

struct LedgerFindings {
  std::uint64_t missing = 0;   // acknowledged and not in a ledger, summed over the ledgers
  std::uint64_t repeated = 0;  // applied more than once, whether acknowledged or not
  // The first of each kind of violation, in words; empty: none.
  std::vector<std::string> violations;
  // All tree heads are known and of one size, so that they could be compared.
  bool heads_compared = false;

  [[nodiscard]] bool is_violated() const { return !violations.empty(); }
};

// `acknowledged` says which transactions were; each ledger's applied_times is as long (checked).
[[nodiscard]] LedgerFindings compare_ledgers(const std::vector<bool>& acknowledged,
                                             const std::vector<NodeLedger>& ledgers,
                                             std::uint64_t first_height);

}  // namespace quorate::node
