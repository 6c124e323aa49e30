#pragma once

// Anchors: what the blocks of a chain carry where replicas agree on the transactions.
//
//   anchor = checkpoint:StableCheckpoint epochs:list<EpochProof>         ; BCS
//
// A checkpoint that a quorum cosigned, with the proofs of how its epoch began, so that it is judged
// with the genesis document alone. Work on the block that carries it then stands on the log's root:
// not even all who ever voted can show another history of that size without doing the work again.
//
// An anchor is about one size of the log (a checkpoint's sequence is its log's size), and on one
// chain the first of a size counts; a later one, whatever it says, changes nothing.

#include <memory>
#include <vector>

#include "ledger/epoch_proof.h"
#include "ledger/genesis.h"
#include "pow/header.h"

namespace quorate::pow {

// In a block. Each covers all before it, so whatever finds no room is covered by the next one.
inline constexpr std::size_t kAnchorsMax = 64;

struct Anchor {
  ledger::StableCheckpoint checkpoint;
  std::vector<ledger::EpochProof> epochs;  // up to the checkpoint's
};

// One whose certificate verified. Immutable, shared between threads.
struct CheckedAnchor {
  Anchor anchor;
  std::size_t encoded_bytes = 0;

  [[nodiscard]] const ledger::CheckpointNote& note() const { return anchor.checkpoint.note; }
  [[nodiscard]] ledger::Sequence sequence() const { return note().sequence; }
};
using AnchorPtr = std::shared_ptr<const CheckedAnchor>;

// The only maker of CheckedAnchor. Thread-safe.
class AnchorVerifier {
 public:
  // `genesis` outlives this.
  explicit AnchorVerifier(const ledger::Genesis& genesis);

  // Errors: those of verify_epochs and of CheckpointVerifier::check.
  [[nodiscard]] Result<AnchorPtr> check(Anchor anchor) const;

 private:
  const ledger::Genesis& genesis_;
  ledger::Digest chain_id_;
  mutable crypto::SignatureCache signatures_;
};

}  // namespace quorate::pow
