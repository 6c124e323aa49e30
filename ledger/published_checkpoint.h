#pragma once

// A stable checkpoint as the world reads it: a signed note (C2SP tlog-checkpoint) under which each
// replica of the quorum is a cosigner. A node's own signature with its log key may stand first
// (node/log_publisher.h); it is for clients that know that node, and proves nothing here.
//
// Of a later epoch than that of genesis, one more line stands last, which signs nothing: under the
// name <origin>/epochs, of the type that C2SP leaves to everybody (0xff), the proofs of how the
// epochs began. Readers that do not know it pass over it, as over every key that they do not know.

#include <optional>
#include <string_view>

#include "ledger/epoch_proof.h"
#include "ledger/signed_note.h"
#include "ledger/stable_checkpoint.h"
#include "ledger/store.h"

namespace quorate::ledger {

// The first one at or above a block under which it can be proved here: a ledger may hold one that
// lies above its own blocks. nullopt: none yet. Errors: those of Store::stable_at_or_above.
[[nodiscard]] Result<std::optional<StableCheckpoint>> covering(const Store& store, Height height);

// A replica's cosigning key: its vote key, under the name <origin>/replica-<id>.
[[nodiscard]] NoteKey cosigner_key(const Digest& chain_id, ReplicaId id, const ReplicaSet& set);

// With the cosignatures in the order of the replicas. Precondition: it verified, by the set of its
// epoch, and `epochs` are the proofs up to it.
[[nodiscard]] SignedNote publish(const StableCheckpoint& stable, const ReplicaSet& set,
                                 const std::vector<EpochProof>& epochs = {});

// One that a disk gave back with its epochs, which is verified first. Error: "ledger-corrupt".
[[nodiscard]] Result<SignedNote> publish_stored(const StableCheckpoint& stable,
                                                const Digest& chain_id, const ReplicaSet& genesis,
                                                const std::vector<EpochProof>& epochs);

// The way back: the cosignatures of the set's replicas, all else left out. Does not verify.
// Errors (kInvalid): "checkpoint-malformed", "checkpoint-times-differ" (replicas cosign one time).
[[nodiscard]] Result<StableCheckpoint> read_published(const SignedNote& note,
                                                      const ReplicaSet& set);

// Parses and verifies against genesis alone. Errors: "note-malformed", those of read_published, of
// verify_epochs and of CheckpointVerifier::check.
[[nodiscard]] Result<StableCheckpoint> verify_published(std::string_view note,
                                                        const Genesis& genesis);

}  // namespace quorate::ledger
