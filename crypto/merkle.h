#pragma once

// Merkle trees as RFC 9162 §2.1 (and RFC 6962 before it) defines them, over SHA-256.
//
//   empty tree   SHA-256("")
//   leaf         SHA-256(0x00 || entry)
//   inner node   SHA-256(0x01 || left || right)
//   n leaves     split at the largest power of two below n
//
// The two prefixes keep a leaf from being read as a node. A *complete* subtree at (level, index)
// covers the 2^level leaves from index * 2^level on; once complete it never changes, so a log that
// stores these nodes proves anything by reading at most two nodes a level.
//
// Pure functions without recursion; at most 64 levels. Thread-safe.

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "crypto/bytes.h"
#include "crypto/result.h"
#include "crypto/sha256.h"

namespace quorate::crypto::merkle {

[[nodiscard]] Digest leaf_hash(ByteView entry);
[[nodiscard]] Digest node_hash(const Digest& left, const Digest& right);
[[nodiscard]] Digest empty_root();
[[nodiscard]] Digest root(std::span<const Digest> leaf_hashes);

struct NodeId {
  std::uint8_t level = 0;   // 0: leaves
  std::uint64_t index = 0;  // from the left, among the complete subtrees of this level

  friend auto operator<=>(const NodeId&, const NodeId&) = default;
};

struct Node {
  NodeId id;
  Digest digest;

  friend bool operator==(const Node&, const Node&) = default;
};

// The right edge of a growing tree: all that is needed to append and to know the root. It is a
// plain struct, so the codec stores it; what comes from a disk is used only if `is_well_formed`.
struct Frontier {
  std::uint64_t size = 0;     // leaves
  std::vector<Digest> nodes;  // roots of the complete subtrees, the largest first

  friend bool operator==(const Frontier&, const Frontier&) = default;

  // As many nodes as `size` has one-bits.
  [[nodiscard]] bool is_well_formed() const;

  // Precondition, checked: is_well_formed(). Amortised two hashes. If `completed` is given, the
  // leaf and every subtree that it completes are appended to it, lowest level first: what a log
  // has to store.
  void append(const Digest& leaf_hash, std::vector<Node>* completed = nullptr);

  // Precondition, checked: is_well_formed().
  [[nodiscard]] Digest root() const;
};

using Path = std::vector<Digest>;

// Reads a stored complete subtree; its error ends the proof and is passed on.
using NodeGetter = std::function<Result<Digest>(const NodeId&)>;

// RFC 9162 §2.1.3.1. The getter is asked for complete subtrees of the first `size` leaves only.
// Error: "merkle-out-of-range" (kNotFound) unless index < size.
[[nodiscard]] Result<Path> inclusion_path(std::uint64_t index, std::uint64_t size,
                                          const NodeGetter& get);
[[nodiscard]] Result<Path> inclusion_path(std::uint64_t index, std::span<const Digest> leaf_hashes);

// RFC 9162 §2.1.4.1; empty for size1 = 0 and for size1 = size2.
// Error: "merkle-out-of-range" (kNotFound) unless size1 <= size2.
[[nodiscard]] Result<Path> consistency_path(std::uint64_t size1, std::uint64_t size2,
                                            const NodeGetter& get);
[[nodiscard]] Result<Path> consistency_path(std::uint64_t size1,
                                            std::span<const Digest> leaf_hashes);

// RFC 9162 §2.1.3.2. Any input is judged; a path of any length costs at most 64 hashes.
[[nodiscard]] bool verify_inclusion(const Digest& leaf_hash, std::uint64_t index,
                                    std::uint64_t size, std::span<const Digest> path,
                                    const Digest& root);

// RFC 9162 §2.1.4.2. False for size1 = 0: every tree extends the empty one, so whoever starts from
// nothing has nothing to verify and decides so without a proof.
[[nodiscard]] bool verify_consistency(std::uint64_t size1, std::uint64_t size2, const Digest& root1,
                                      const Digest& root2, std::span<const Digest> path);

}  // namespace quorate::crypto::merkle
