#pragma once

// Roots of the upper complete subtrees of the log, in memory: a complete subtree never changes, so
// what was read once need not be read again, and a path costs a read for its lowest levels only.
//
// For each level from kLowestLevel on a table of at most kNodesALevel nodes, in which a node has
// one place; the one that comes later stands there. Nothing is forgotten up to a million records.
// Memory: 40 bytes a node, so 1.3 MB for a million records, at most 0.7 MB for each level beyond.
//
// It vouches for nothing: what is kept is what was read, and paths are held against their roots.
// Any thread.

#include <array>
#include <cstdint>
#include <mutex>
#include <optional>
#include <vector>

#include "crypto/merkle.h"

namespace quorate::ledger {

class LogNodes {
 public:
  static constexpr std::uint8_t kLowestLevel = 6;
  static constexpr std::uint64_t kNodesALevel = std::uint64_t{1} << (20 - kLowestLevel);

  // Precondition: id.level is at least kLowestLevel and below 64.
  [[nodiscard]] std::optional<crypto::Digest> find(const crypto::merkle::NodeId& id) const;
  // Precondition: as above, and the subtree is complete.
  void keep(const crypto::merkle::NodeId& id, const crypto::Digest& digest);

 private:
  struct Place {
    std::uint64_t next_index = 0;  // the node's index and one more; 0: empty
    crypto::Digest digest;
  };

  mutable std::mutex mutex_;
  std::array<std::vector<Place>, 64> levels_;
};

}  // namespace quorate::ledger
