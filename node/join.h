#pragma once

// Joining by snapshot: what a replica whose ledger is gone does before it starts.
//
// It connects to its peers with its network key, asks each for the newest state that a quorum
// cosigned, takes the one that most of them hold, and fetches it in chunks from all of these at
// once; each chunk is verified before it is kept (ledger/snapshot.h). What is here when it is
// broken off is used by the next start. Then the ledger is made and the node starts as any other:
// it fetches the blocks after the snapshot, and votes as its guard allows.

#include <functional>

#include "ledger/genesis.h"
#include "node/config.h"
#include "node/node_parts.h"

namespace quorate::node {

// True: home.ledger() is there now. False: no peer offered a state of at least
// `config.snapshot_blocks_min` blocks, or `is_stopped` said so: the node begins at genesis and
// replays. Precondition: there is no ledger. Logs what was taken, on which signatures, from whom,
// and who brought something false. Errors: those of PeerMesh::start, the staging, make_ledger.
[[nodiscard]] Result<bool> join_by_snapshot(const Home& home, const Config& config,
                                            const ledger::Genesis& genesis,
                                            const Identity& identity,
                                            const std::function<bool()>& is_stopped);

}  // namespace quorate::node
