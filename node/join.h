#pragma once

// Joining by snapshot: what a replica whose ledger is gone does before it starts.
//
// It connects to its peers with its network key, asks each for the newest state that a quorum
// cosigned, takes the one that most of them hold, and fetches it in chunks from all of these at
// once; each chunk is verified before it is kept (ledger/snapshot.h). Who brings what an honest
// source cannot have is asked no more, and named in the log and in the ledger that is made. What
// lies in home.staging() when it is broken off is used by the next start. Then the ledger is made
// beside its place and renamed, and the node starts as any other: it fetches the blocks after the
// snapshot, and votes as its guard allows.
//
// Everything that is waited for has a deadline, so a lost frame or a peer that says nothing costs
// time only. What peers send is held as it came, at most kJoinCreditBytes of each, until it is
// looked at.

#include <functional>

#include "ledger/genesis.h"
#include "node/config.h"
#include "node/node_parts.h"

namespace quorate::node {

inline constexpr std::uint64_t kJoinCreditBytes = 4 << 20;
// Of answers to no open question, of one peer: a few are late, or of an earlier attempt.
inline constexpr std::uint64_t kUnaskedBytesMax = 8 << 20;

enum class JoinOutcome : std::uint8_t {
  kJoined,   // home.ledger() is there now
  kNoOffer,  // no peer offers a state of `config.snapshot_blocks_min` blocks, or none that can be
             // had: the node begins at genesis and replays
  kStopped,  // `is_stopped` said so; there is no ledger yet
};

// Precondition: there is no ledger. Logs what was taken, on which signatures, from whom, and who
// brought something false. Errors: those of PeerMesh::start, the staging, make_ledger,
// check_disk_space; "ledger-unreadable" (kEnvironment). After an error the next start goes on.
[[nodiscard]] Result<JoinOutcome> join_by_snapshot(const Home& home, const Config& config,
                                                   const ledger::Genesis& genesis,
                                                   const Identity& identity,
                                                   const std::function<bool()>& is_stopped);

// Removes what a join leaves behind when it ends between the new ledger's rename and the removal of
// its chunks. Precondition: there is a ledger.
void remove_join_leftovers(const Home& home);

}  // namespace quorate::node
