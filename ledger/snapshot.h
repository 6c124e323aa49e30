#pragma once

// A snapshot: the state as of one stable checkpoint, in chunks that prove themselves.
//
// Who joins knows one digest, the state root that a quorum cosigned, and asks for what stands below
// it, from the top down. A chunk is about one path of the tree (ledger/state_pages.h): all keys and
// values below it, if they are few, else the sixteen continuations, each a digest to go on with, or
// a key with its value. Either way the reader hashes it up to the digest that it expected at that
// path, so each chunk is verified alone, in any order and from any source, before a byte of it is
// kept. Nobody can make it ask for something that an honest source does not have: a false kind of a
// continuation has another digest, or is answered all the same.
//
// Pure functions, thread-safe.

#include <optional>
#include <span>
#include <variant>
#include <vector>

#include "ledger/epoch_proof.h"
#include "ledger/stable_view.h"

namespace quorate::ledger {

// Of a chunk's keys and values; one key and its value always fit.
inline constexpr std::size_t kChunkBytesMax = 256 << 10;
// A larger value stands in a chunk of its own.
inline constexpr std::size_t kChunkInlineBytesMax = 16 << 10;

struct SnapshotEntry {
  Bytes key;
  Bytes value;
};

// One continuation: nothing, the only key below it, or what to ask for.
using ChunkSlot = std::variant<StateHole, SnapshotEntry, Digest>;
using ChunkSlots = std::array<ChunkSlot, kPageSlots>;
// All keys below the path, in the order of their hashes; or its continuations.
using Chunk = std::variant<std::vector<SnapshotEntry>, ChunkSlots>;

// What a snapshot is of. Its log goes on from the frontier, so nothing before is needed.
struct SnapshotHead {
  StableCheckpoint checkpoint;
  crypto::merkle::Frontier frontier;
};

// `epochs` are the proofs up to the checkpoint's epoch. Errors: those of CheckpointVerifier::check
// and of verify_epochs, "snapshot-other-log" (kCorrupt: the frontier is not that of the note).
[[nodiscard]] Status check_snapshot_head(const SnapshotHead& head, const Genesis& genesis,
                                         std::span<const EpochProof> epochs = {});

[[nodiscard]] Result<SnapshotHead> snapshot_head(const StableView& view);
// Errors: "chunk-not-found" (kNotFound: the path is malformed, or nothing stands there); those of
// the view.
[[nodiscard]] Result<Chunk> read_chunk(const StableView& view, const StatePath& path);

// Whether it is what stands at the path under this digest.
// Errors (kCorrupt): "chunk-malformed", "chunk-other-digest".
[[nodiscard]] Status verify_chunk(const Chunk& chunk, const StatePath& path,
                                  const Digest& expected);

}  // namespace quorate::ledger
