#pragma once

// Evidence as a file that verifies with the genesis document alone, also of a later epoch.
//
// Format 1 is EvidenceFile (ledger/evidence.h), format 2 what two ledgers prove (pbft/blame.h),
// both about replicas of epoch 0. Format 3 holds one of these, about replicas of a later epoch, and
// the proofs of how the epochs up to that one began.

#include <cstdint>
#include <vector>

#include "ledger/epoch_proof.h"

namespace quorate::ledger {

inline constexpr std::uint32_t kEpochEvidenceFormat = 3;

struct EpochEvidenceFile {
  std::uint32_t format = kEpochEvidenceFormat;
  std::vector<EpochProof> epochs;  // never empty
  Bytes file;                      // of format 1 or 2
};

// The file as it is where there are no epochs, else within one of format 3.
[[nodiscard]] Bytes with_epochs(Bytes file, std::vector<EpochProof> epochs);

struct OpenedEvidence {
  std::vector<EpochProof> epochs;  // of format 3; verify_epochs says what they are worth
  Bytes file;
};
// Judges no proof. Error: "evidence-malformed" (kCorrupt).
[[nodiscard]] Result<OpenedEvidence> open_evidence(ByteView bytes);

}  // namespace quorate::ledger
