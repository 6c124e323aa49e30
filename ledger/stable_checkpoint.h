#pragma once

// Checkpoint votes and the stable certificate: the note that a quorum cosigned.
//
// A vote is a C2SP cosignature over the checkpoint note (ledger/checkpoint.h), so a stable
// certificate is the note that the world can read: one object, not two (OSDI '99 §4.3, "proof of
// correctness for the checkpoint"). The time is the batch's effective time in whole seconds; it is
// signed, the same at every correct replica, and says nothing about when the vote was made.

#include <cstdint>
#include <vector>

#include "ledger/certificate.h"
#include "ledger/checkpoint.h"

namespace quorate::ledger {

struct CheckpointVote {
  CheckpointNote note;
  std::uint64_t time_seconds = 0;
  ReplicaId replica;
  Signature signature;  // over cosigned_bytes(checkpoint_body(note), time_seconds)
};

// Cosignatures of a quorum over one note and time. Replica ids strictly ascending.
struct StableCheckpoint {
  CheckpointNote note;
  std::uint64_t time_seconds = 0;
  std::vector<Endorsement> cosignatures;
};

[[nodiscard]] Signature cosign(const crypto::Signer& signer, const CheckpointNote& note,
                               std::uint64_t time_seconds);

// Thread-safe.
class CheckpointVerifier : public crypto::Verifier {
 public:
  using Verifier::Verifier;

  // Errors of both (kCorrupt): "checkpoint-wrong-chain", "checkpoint-wrong-epoch",
  // "checkpoint-size-not-sequence" (every sequence is one record, so size = sequence, and no
  // checkpoint is at 0), "checkpoint-unknown-replica", "checkpoint-bad-signature".
  [[nodiscard]] Status check(const CheckpointVote& vote, const ReplicaSet& set) const;
  // And: "checkpoint-not-ascending", "checkpoint-too-few-votes".
  [[nodiscard]] Status check(const StableCheckpoint& stable, const ReplicaSet& set) const;

 private:
  [[nodiscard]] Status check_note(const CheckpointNote& note, const ReplicaSet& set) const;
  [[nodiscard]] Status check_signature(const CheckpointNote& note, std::uint64_t time_seconds,
                                       const Endorsement& cosignature, const ReplicaSet& set) const;
};

}  // namespace quorate::ledger
