#pragma once

// Holds a ledger against the anchors of a chain of proof of work.
//
// A ledger that all replicas together signed anew is as good as the first one to whoever has the
// genesis document alone. The chain tells them apart: on the chain with the most work the first
// anchor of a size says which root the log had when that work was done. Both are read from stopped
// nodes, or copies; nothing in the folders changes. The chain is judged as by a node, headers
// and anchors, so it may be anybody's.

#include <boost/json/object.hpp>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "ledger/store.h"
#include "node/anchor_book.h"

namespace quorate::node {

struct AnchorAudit {
  std::uint64_t blocks = 0;     // of the active chain
  std::string tip;
  std::string work;             // hashes on average, decimal
  std::uint64_t agreeing = 0;   // anchors
  std::uint64_t ahead = 0;      // of more records than the ledger has
  std::uint64_t not_kept = 0;   // of sizes below where the ledger begins
  ledger::Sequence highest;     // that agrees; 0: none
  std::uint64_t depth = 0;      // of its block
  // The first, by size; what is after it is not looked at.
  std::optional<AnchorContradiction> contradiction;
};

// Errors: those of chain_params and of PowChain::open, of the ledger.
[[nodiscard]] Result<AnchorAudit> audit_anchors(const std::filesystem::path& chain,
                                                const ledger::Genesis& genesis,
                                                const ledger::Store& ledger);
[[nodiscard]] std::vector<std::string> describe(const AnchorAudit& audit);
[[nodiscard]] boost::json::object to_json(const AnchorAudit& audit);

}  // namespace quorate::node
