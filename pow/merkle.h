#pragma once

// Bitcoin's Merkle tree over a block's transactions.
//
// Leaves are SHA256d(transaction bytes), leaf 0 the coinbase's; a node is SHA256d(left || right); a
// level with an odd number of nodes pairs its last one with itself. Because of that last rule,
// different lists have one root (CVE-2012-2459): a list and the same with its end repeated. In such
// a list two nodes that form a pair are equal, which without a repetition nobody can bring about;
// so it is refused.
//
// A second trap (CVE-2017-12842): a transaction of exactly 64 bytes looks like an inner node. The
// caller keeps transactions of 64 bytes out of blocks. Pure functions, thread-safe.

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "pow/header.h"

namespace quorate::pow {

// A proof of a leaf: the other node of each pair on the way up, the leaf's first.
using MerkleBranch = std::vector<Digest>;
// No block has more transactions.
inline constexpr std::size_t kMerkleDepthMax = 32;

// nullopt: ambiguous, or no leaves.
[[nodiscard]] std::optional<Digest> merkle_root(std::span<const Digest> leaves);

// Precondition: index < leaves.size(), and the leaves have a root (checked).
[[nodiscard]] MerkleBranch merkle_branch(std::span<const Digest> leaves, std::size_t index);

// The root that a branch leads to. nullopt: the branch is longer than kMerkleDepthMax, `index` does
// not fit its length, or a pair of equal nodes of which ours is the right one: a repetition.
[[nodiscard]] std::optional<Digest> root_of_branch(const Digest& leaf, std::uint64_t index,
                                                   std::span<const Digest> branch);

}  // namespace quorate::pow
