#pragma once

// One seed's broken agreement, and who is blamed for it.
//
// f+1 to 2f liars among 4, 7 or 10 replicas: either they equivocate and vote twice, or the network
// cuts the correct ones into two halves and they live another life with each (behaviours.h), so
// that the halves commit different batches, in one view or in different ones. What two correct
// replicas then have, their blocks and what opened their views, goes to pbft/blame.h as it would
// from two ledgers.

#include <cstdint>
#include <optional>
#include <set>
#include <string>

#include "ledger/types.h"

namespace quorate::testnet {

struct BlameReport {
  std::size_t replicas = 0;
  std::set<ledger::ReplicaId> liars;
  bool is_broken = false;  // two correct replicas committed different batches
  ledger::Sequence sequence;
  ledger::View one;        // the views in which they did
  ledger::View other;
  std::set<ledger::ReplicaId> named;
  // Nothing, or what is wrong: fewer than f+1 named, a correct one named, a proof that does not
  // verify from its file, or what blame itself said.
  std::optional<std::string> fault;

  [[nodiscard]] bool is_across_views() const { return one != other; }
};

[[nodiscard]] BlameReport run_blame(std::uint64_t seed);

}  // namespace quorate::testnet
