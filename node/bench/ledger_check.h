#pragma once

// The check after a load, over RPC: reads the blocks of every node that answers and compares.

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "node/bench/exactly_once.h"
#include "node/bench/workload.h"

namespace quorate::node {

struct LedgerCheckOptions {
  std::vector<std::string> urls;
  std::uint64_t first_height = 1;  // blocks from here on are read
  std::uint64_t last_height = 0;   // each node must reach this one
  std::uint64_t timeout_ms = 60'000;
};

struct LedgerCheck {
  enum class Verdict : std::uint8_t { kHolds, kViolated, kNotDone };

  Verdict verdict = Verdict::kNotDone;
  std::string sentence;  // the verdict in words
  std::uint64_t nodes_checked = 0;
  std::uint64_t nodes_unreachable = 0;
  std::uint64_t blocks = 0;  // of one node
  LedgerFindings findings;
};
// "holds", "violated", "not-done"
[[nodiscard]] std::string_view verdict_text(LedgerCheck::Verdict verdict);

// Blocks. A node that does not answer at all is left out; one that answers and does not reach the
// height in time, or fails while it is read, makes the check undone unless another is violated.
[[nodiscard]] LedgerCheck check_ledgers(const LedgerCheckOptions& options, const Workload& workload,
                                        const std::vector<bool>& acknowledged);

}  // namespace quorate::node
