#include "node/bench/exactly_once.h"

#include <fmt/format.h>

#include <algorithm>

#include "crypto/check.h"

namespace quorate::node {
namespace {

void count_transactions(const std::vector<bool>& acknowledged, const NodeLedger& ledger,
                        LedgerFindings& findings) {
  std::uint64_t missing = 0;
  std::uint64_t repeated = 0;
  for (std::size_t i = 0; i < acknowledged.size(); ++i) {
    if (acknowledged[i] && ledger.applied_times[i] == 0) ++missing;
    if (ledger.applied_times[i] > 1) ++repeated;
  }
  if (missing > 0) {
    findings.violations.push_back(
        fmt::format("{} lacks {} acknowledged transactions", ledger.node, missing));
  }
  if (repeated > 0) {
    findings.violations.push_back(
        fmt::format("{} applied {} transactions more than once", ledger.node, repeated));
  }
  findings.missing += missing;
  findings.repeated += repeated;
}

void compare_blocks(const NodeLedger& a, const NodeLedger& b, std::uint64_t first_height,
                    LedgerFindings& findings) {
  const std::size_t common = std::min(a.block_hashes.size(), b.block_hashes.size());
  for (std::size_t i = 0; i < common; ++i) {
    if (a.block_hashes[i] == b.block_hashes[i]) continue;
    findings.violations.push_back(fmt::format("{} and {} have different blocks at height {}",
                                              a.node, b.node, first_height + i));
    return;
  }
}

void compare_heads(const std::vector<NodeLedger>& ledgers, LedgerFindings& findings) {
  findings.heads_compared = !ledgers.empty();
  for (const NodeLedger& a : ledgers) {
    for (const NodeLedger& b : ledgers) {
      if (!a.tree_head || !b.tree_head || a.tree_head->size != b.tree_head->size) {
        findings.heads_compared = false;
      } else if (&a < &b && a.tree_head->root != b.tree_head->root) {
        findings.violations.push_back(fmt::format("{} and {} have different tree heads at size {}",
                                                  a.node, b.node, a.tree_head->size));
      }
    }
  }
}

}  // namespace

LedgerFindings compare_ledgers(const std::vector<bool>& acknowledged,
                               const std::vector<NodeLedger>& ledgers, std::uint64_t first_height) {
  LedgerFindings findings;
  for (const NodeLedger& ledger : ledgers) {
    QUORATE_CHECK(ledger.applied_times.size() == acknowledged.size(), "a ledger of another run");
    count_transactions(acknowledged, ledger, findings);
    compare_blocks(ledgers.front(), ledger, first_height, findings);
  }
  compare_heads(ledgers, findings);
  return findings;
}

}  // namespace quorate::node
