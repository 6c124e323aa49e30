#pragma once

// Which epoch a replica's core serves, and as whom: what a host must know to make one.
//
// A replica is a machine with its stores and keys; its id is a place in an epoch's set, and changes
// from epoch to epoch. Pure; the node and the simulator go by it alike.

#include <optional>

#include "ledger/membership.h"
#include "pbft/step.h"

namespace quorate::node {

// `head` is the ledger's last batch, and `stable` the highest stable checkpoint that is known,
// whatever store has it. It is the epoch of the next batch; but while the head is the boundary of
// one and its checkpoint is not known to be stable, it is still that one, in which this replica may
// owe its vote for the checkpoint: a crash came between the two.
[[nodiscard]] ledger::Epoch epoch_to_serve(const ledger::Membership& membership,
                                           ledger::Sequence head,
                                           std::optional<ledger::Sequence> stable);

// Where this epoch ends, if it is decided.
[[nodiscard]] std::optional<ledger::Sequence> boundary_of(const ledger::Membership& membership,
                                                          ledger::Epoch epoch);

// nullopt: no replica of the set has this vote key.
[[nodiscard]] std::optional<ledger::ReplicaId> id_in(const ledger::ReplicaSet& set,
                                                     const ledger::PublicKey& vote_key);

}  // namespace quorate::node
