#pragma once

// What peers say to each other: one BCS variant a frame (node/peers.h).
//
// The index is part of the wire format: append only, and raise kWireVersion when an alternative
// changes.

#include <cstdint>
#include <optional>
#include <type_traits>
#include <variant>
#include <vector>

#include "ledger/snapshot.h"
#include "ledger/transaction.h"
#include "pbft/message.h"

namespace quorate::node {

// Gossip, and the answer to a BodyRequest. Each is verified on arrival, whoever brings it.
struct Transactions {
  std::vector<ledger::SignedTransaction> transactions;
};

struct BodyRequest {
  std::vector<ledger::TxId> ids;
};

// Blocks first, first + 1, ... ; the answer holds as many as fit, perhaps none.
struct BlockRequest {
  ledger::Sequence first;
  std::uint32_t count = 0;
};

struct WireBlock {
  ledger::Batch batch;
  ledger::CommitCertificate certificate;
  std::vector<ledger::SignedTransaction> transactions;
};

struct Blocks {
  std::vector<WireBlock> blocks;
};

// The newest state that a quorum cosigned, for one that joins; the answer is empty if there is
// none.
struct SnapshotRequest {};

struct SnapshotOffer {
  std::optional<ledger::SnapshotHead> head;
};

// One chunk of a state that was offered; the answer is empty if it is not held any more.
struct ChunkRequest {
  ledger::Sequence sequence;
  ledger::StatePath path;
};

struct ChunkAnswer {
  ledger::Sequence sequence;
  ledger::StatePath path;
  std::optional<ledger::Chunk> chunk;
};

// The same of a later epoch than that of genesis, with the proofs of how the epochs began.
struct EpochSnapshotOffer {
  ledger::SnapshotHead head;
  std::vector<ledger::EpochProof> epochs;
};

// Of a network with both engines: BCS of a PowMessage (node/pow_wire.h). A node without the chain
// passes over it.
struct ChainFrame {
  Bytes message;
};

using PeerMessage =
    std::variant<pbft::PrePrepare, pbft::Prepare, pbft::Commit, pbft::StatusReport, Transactions,
                 BodyRequest, BlockRequest, Blocks, pbft::CheckpointVote, pbft::StableCheckpoint,
                 pbft::ViewChange, pbft::NewView, pbft::Ask, pbft::BatchAnswer, SnapshotRequest,
                 SnapshotOffer, ChunkRequest, ChunkAnswer, EpochSnapshotOffer, ChainFrame>;

// The first byte of a frame about snapshots is at least this; the rest is about agreement.
inline constexpr std::uint8_t kSnapshotTagFirst = 14;
static_assert(std::is_same_v<std::variant_alternative_t<kSnapshotTagFirst, PeerMessage>,
                             SnapshotRequest>);

// An answer is cut at this many bytes; the rest is asked for again.
inline constexpr std::size_t kAnswerBytesMax = 4 << 20;

}  // namespace quorate::node
