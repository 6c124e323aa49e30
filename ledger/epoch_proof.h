#pragma once

// Epoch proofs: which replicas may vote in an epoch, for someone who has the genesis document
// alone.
//
// The batch at a boundary is a checkpoint, cosigned by the replicas of the epoch that it ends, and
// the state under it holds the start of the next one (ledger/membership.h). So that checkpoint with
// the proof of one leaf hands the vote from one set to the next. One change an epoch can be
// executed, so the leaf under a certified root is the change; a set that could sign two of them has
// more than f liars, and each of those signed two checkpoints of one size.
//
// Whatever is proved about an epoch carries the proofs of all epochs up to it, in their order, no
// more and no fewer; so every such proof has one spelling. They are kept for good and do not
// change.
//
// Pure functions, thread-safe.

#include <cstddef>
#include <span>
#include <vector>

#include "ledger/membership.h"
#include "ledger/stable_checkpoint.h"
#include "ledger/state_proof.h"

namespace quorate::ledger {

struct EpochProof {
  StableCheckpoint boundary;  // the last of the epoch before, by its replicas
  EpochStart start;
  StateProof proof;  // of the start's leaf under the checkpoint's state root
};

// As many epochs as anything is proved through.
inline constexpr std::size_t kEpochProofsMax = 10'000;

// Whether it begins the epoch after those that are known. Errors (kCorrupt): "epoch-proof-out-of-
// order" (it is of another epoch), "epoch-proof-no-boundary" (the checkpoint is not the last of its
// epoch, or the start does not follow from the one before), those of CheckpointVerifier::check and
// of verify_key.
[[nodiscard]] Status check_epoch_proof(const EpochProof& proof, const Membership& before,
                                       const Genesis& genesis, crypto::SignatureCache& cache);

// All sets up to that of `epoch`, from genesis alone. Errors (kCorrupt): those above, and
// "epoch-proofs-missing", "epoch-proofs-not-needed", "epoch-proofs-too-many" where their number is
// not that of the epoch.
[[nodiscard]] Result<Membership> verify_epochs(std::span<const EpochProof> proofs, Epoch epoch,
                                               const Genesis& genesis,
                                               crypto::SignatureCache& cache);

}  // namespace quorate::ledger
