#pragma once

// Whom a node serves: the epoch, its replicas, its own place among them, and who else is connected.
//
// Chosen when a node starts and, since ids change with the set, again when an epoch ends: the node
// then starts anew in the same process, from its stores. Used by node.cc.

#include <optional>
#include <vector>

#include "node/node_parts.h"

namespace quorate::node {

struct Service {
  ledger::ReplicaSet set;
  ledger::ReplicaId self;                    // from the size of the set on: an observer
  std::optional<ledger::Sequence> boundary;  // where the epoch ends, if that is decided
  std::vector<ledger::StableCheckpoint> past;  // what earlier epochs ended with
  // The other members, then those of the other sets that are known, as observers. Without those
  // that config.toml has no address for: nothing can be sent there.
  std::vector<PeerAddress> peers;
  std::vector<std::string> without_address;  // members, by name

  [[nodiscard]] bool is_observer() const { return self.value >= set.size(); }
};

// Errors: "node-not-a-member" (kInvalid) if no known set has both keys and the settings do not say
// that this node observes; those of the stores.
[[nodiscard]] Result<Service> choose_service(const Stores& stores, const ledger::Genesis& genesis,
                                             const Identity& identity, const Config& config);

}  // namespace quorate::node
