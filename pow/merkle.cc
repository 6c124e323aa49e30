#include "pow/merkle.h"

#include <array>
#include <cstring>

#include "crypto/check.h"

namespace quorate::pow {
namespace {

Digest pair_hash(const Digest& left, const Digest& right) {
  std::array<std::uint8_t, 64> both;
  std::memcpy(both.data(), left.bytes.data(), 32);
  std::memcpy(both.data() + 32, right.bytes.data(), 32);
  return sha256d(both);
}

// The level above; false if two that form a pair are equal.
bool climb(std::vector<Digest>& level) {
  const std::size_t count = level.size();
  for (std::size_t i = 0; i < count; i += 2) {
    const bool has_partner = i + 1 < count;
    if (has_partner && level[i] == level[i + 1]) return false;
    level[i / 2] = pair_hash(level[i], level[has_partner ? i + 1 : i]);
  }
  level.resize((count + 1) / 2);
  return true;
}

}  // namespace

std::optional<Digest> merkle_root(std::span<const Digest> leaves) {
  if (leaves.empty()) return std::nullopt;
  std::vector<Digest> level(leaves.begin(), leaves.end());
  while (level.size() > 1) {
    if (!climb(level)) return std::nullopt;
  }
  return level.front();
}

MerkleBranch merkle_branch(std::span<const Digest> leaves, std::size_t index) {
  QUORATE_CHECK(index < leaves.size(), "a branch of a leaf that is there");
  MerkleBranch branch;
  std::vector<Digest> level(leaves.begin(), leaves.end());
  while (level.size() > 1) {
    const std::size_t other = index ^ 1;
    branch.push_back(other < level.size() ? level[other] : level[index]);
    QUORATE_CHECK(climb(level), "a branch of leaves that have a root");
    index /= 2;
  }
  return branch;
}

std::optional<Digest> root_of_branch(const Digest& leaf, std::uint64_t index,
                                     std::span<const Digest> branch) {
  if (branch.size() > kMerkleDepthMax || index >> branch.size() != 0) return std::nullopt;
  Digest node = leaf;
  for (const Digest& other : branch) {
    const bool is_right = (index & 1) != 0;
    if (is_right && node == other) return std::nullopt;
    node = is_right ? pair_hash(other, node) : pair_hash(node, other);
    index >>= 1;
  }
  return node;
}

}  // namespace quorate::pow
