#pragma once

// Proofs about one key of the state: that it holds a value, or that it is absent.
//
// A proof is the way from the root of the state's tree (ledger/state_tree.h) down to where the key
// stands or would stand: the siblings that were passed, and where that place is taken by another
// key, the two hashes of its leaf. Siblings that are empty subtrees are zero and are left out; a
// bit says where they were. One key of one state has exactly one proof.
//
// It is as good as the root: with one that a quorum cosigned, nobody can prove a value that was not
// there, or the absence of one that was, without a collision of SHA-256.
//
// Pure functions, thread-safe.

#include <optional>
#include <vector>

#include "ledger/state_pages.h"

namespace quorate::ledger {

inline constexpr std::size_t kProofDepthMax = 256;

struct StateLeaf {
  Digest key_hash;
  Digest value_hash;
};

struct StateProof {
  std::uint16_t depth = 0;       // of the place: as many siblings were passed
  Bytes filled;                  // bit i, from the most significant: sibling i is not empty
  std::vector<Digest> siblings;  // those that are not, from the root down
  std::optional<StateLeaf> other;  // absence: the key that has the place; nullopt: it is empty
};

// Of the tree below `root`. The proof is of presence if the key is there. `value_of` reads a value
// of the same state, for the hash of a leaf that is in the way.
// Errors: those of `read` and `value_of`; "state-page-other", also where a value is not its leaf's.
[[nodiscard]] Result<StateProof> prove_key(
    const StateSlot& root, ByteView key, const PageReader& read,
    const std::function<Result<std::optional<Bytes>>(ByteView key)>& value_of);

// That the state of this root has the value under the key, or (nullopt) does not have the key.
// Errors: "state-proof-malformed" (kInvalid), "state-proof-other-root" (kCorrupt).
[[nodiscard]] Status verify_key(const StateProof& proof, ByteView key,
                                const std::optional<Bytes>& value, const Digest& root);

}  // namespace quorate::ledger
