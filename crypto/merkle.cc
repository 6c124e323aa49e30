#include "crypto/merkle.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>

#include "crypto/check.h"

namespace quorate::crypto::merkle {
namespace {

// The root over leaves [begin, end), where the range is a subtree of the RFC's splitting: its
// complete parts lie in it from the largest to the smallest, and are joined from the right.
Result<Digest> range_root(std::uint64_t begin, std::uint64_t end, const NodeGetter& get) {
  std::vector<Digest> parts;
  while (begin < end) {
    const std::uint64_t width = std::bit_floor(end - begin);
    const auto level = static_cast<std::uint8_t>(std::countr_zero(width));
    QUORATE_ASSIGN(const Digest part, get({level, begin >> level}));
    parts.push_back(part);
    begin += width;
  }
  Digest joined = parts.back();
  for (std::size_t i = parts.size() - 1; i > 0; --i) joined = node_hash(parts[i - 1], joined);
  return joined;
}

NodeGetter getter_of(std::span<const Digest> leaf_hashes) {
  return [leaf_hashes](const NodeId& id) -> Result<Digest> {
    return root(leaf_hashes.subspan(id.index << id.level, std::size_t{1} << id.level));
  };
}

// Past the levels at which the last node has no sibling, then up one level.
void climb(std::uint64_t& node, std::uint64_t& last) {
  while ((node & 1) == 0 && node != 0) {
    node >>= 1;
    last >>= 1;
  }
  node >>= 1;
  last >>= 1;
}

}  // namespace

Digest leaf_hash(ByteView entry) {
  static constexpr std::uint8_t kPrefix = 0x00;
  return Sha256().update({&kPrefix, 1}).update(entry).finish();
}

Digest node_hash(const Digest& left, const Digest& right) {
  static constexpr std::uint8_t kPrefix = 0x01;
  return Sha256().update({&kPrefix, 1}).update(left.bytes).update(right.bytes).finish();
}

Digest empty_root() { return sha256({}); }

Digest root(std::span<const Digest> leaf_hashes) {
  Frontier frontier;
  for (const Digest& leaf : leaf_hashes) frontier.append(leaf);
  return frontier.root();
}

bool Frontier::is_well_formed() const {
  return nodes.size() == static_cast<std::size_t>(std::popcount(size));
}

void Frontier::append(const Digest& leaf_hash, std::vector<Node>* completed) {
  QUORATE_CHECK(is_well_formed(), "a frontier has one node for each one-bit of its size");
  QUORATE_CHECK(size != UINT64_MAX, "a log of 2^64 entries");
  Node node{{0, size}, leaf_hash};
  if (completed != nullptr) completed->push_back(node);
  // Adding one to `size` carries through its low one-bits; so do the subtrees.
  for (std::uint64_t carry = size; (carry & 1) != 0; carry >>= 1) {
    node.digest = node_hash(nodes.back(), node.digest);
    nodes.pop_back();
    ++node.id.level;
    node.id.index >>= 1;
    if (completed != nullptr) completed->push_back(node);
  }
  nodes.push_back(node.digest);
  ++size;
}

Digest Frontier::root() const {
  QUORATE_CHECK(is_well_formed(), "a frontier has one node for each one-bit of its size");
  if (nodes.empty()) return empty_root();
  Digest joined = nodes.back();
  for (std::size_t i = nodes.size() - 1; i > 0; --i) joined = node_hash(nodes[i - 1], joined);
  return joined;
}

Result<Path> inclusion_path(std::uint64_t index, std::uint64_t size, const NodeGetter& get) {
  if (index >= size) {
    return fail(ErrorKind::kNotFound, "merkle-out-of-range",
                fmt::format("leaf {} was asked for in a tree of {} leaves", index, size),
                "Ask for a leaf below the size of the tree.");
  }
  Path path;
  std::uint64_t begin = 0;
  std::uint64_t end = size;
  while (end - begin > 1) {  // from the root down to the leaf
    const std::uint64_t middle = begin + std::bit_floor(end - begin - 1);
    const bool is_left = index < middle;
    QUORATE_ASSIGN(const Digest sibling,
                   is_left ? range_root(middle, end, get) : range_root(begin, middle, get));
    path.push_back(sibling);
    (is_left ? end : begin) = middle;
  }
  std::reverse(path.begin(), path.end());
  return path;
}

Result<Path> inclusion_path(std::uint64_t index, std::span<const Digest> leaf_hashes) {
  return inclusion_path(index, leaf_hashes.size(), getter_of(leaf_hashes));
}

Result<Path> consistency_path(std::uint64_t size1, std::uint64_t size2, const NodeGetter& get) {
  if (size1 > size2) {
    return fail(ErrorKind::kNotFound, "merkle-out-of-range",
                fmt::format("a tree of {} leaves cannot have grown to {} leaves", size1, size2),
                "Ask for a proof from the smaller size to the larger one.");
  }
  Path path;
  if (size1 == 0 || size1 == size2) return path;
  std::uint64_t begin = 0;
  std::uint64_t end = size2;
  while (end != size1) {  // down to the subtree that ends where the old tree ended
    const std::uint64_t middle = begin + std::bit_floor(end - begin - 1);
    const bool is_left = size1 <= middle;
    QUORATE_ASSIGN(const Digest sibling,
                   is_left ? range_root(middle, end, get) : range_root(begin, middle, get));
    path.push_back(sibling);
    (is_left ? end : begin) = middle;
  }
  if (begin != 0) {  // else this subtree is the old tree, whose root the verifier has
    QUORATE_ASSIGN(const Digest subtree, range_root(begin, end, get));
    path.push_back(subtree);
  }
  std::reverse(path.begin(), path.end());
  return path;
}

Result<Path> consistency_path(std::uint64_t size1, std::span<const Digest> leaf_hashes) {
  return consistency_path(size1, leaf_hashes.size(), getter_of(leaf_hashes));
}

bool verify_inclusion(const Digest& leaf_hash, std::uint64_t index, std::uint64_t size,
                      std::span<const Digest> path, const Digest& root) {
  if (index >= size) return false;
  std::uint64_t node = index;
  std::uint64_t last = size - 1;
  Digest computed = leaf_hash;
  for (const Digest& sibling : path) {
    if (last == 0) return false;
    if ((node & 1) != 0 || node == last) {
      computed = node_hash(sibling, computed);
      climb(node, last);
    } else {
      computed = node_hash(computed, sibling);
      node >>= 1;
      last >>= 1;
    }
  }
  return last == 0 && computed == root;
}

bool verify_consistency(std::uint64_t size1, std::uint64_t size2, const Digest& root1,
                        const Digest& root2, std::span<const Digest> path) {
  if (size1 == 0 || size1 > size2) return false;
  if (size1 == size2) return path.empty() && root1 == root2;

  // Where the old tree is one complete subtree, the proof leaves its root out.
  const bool starts_with_root1 = std::has_single_bit(size1);
  if (!starts_with_root1 && path.empty()) return false;
  Digest old_root = starts_with_root1 ? root1 : path.front();
  Digest new_root = old_root;
  std::uint64_t node = size1 - 1;
  std::uint64_t last = size2 - 1;
  const int shift = std::countr_one(node);
  node >>= shift;
  last >>= shift;
  for (const Digest& sibling : path.subspan(starts_with_root1 ? 0 : 1)) {
    if (last == 0) return false;
    if ((node & 1) != 0 || node == last) {
      old_root = node_hash(sibling, old_root);
      new_root = node_hash(sibling, new_root);
      climb(node, last);
    } else {
      new_root = node_hash(new_root, sibling);
      node >>= 1;
      last >>= 1;
    }
  }
  return last == 0 && old_root == root1 && new_root == root2;
}

}  // namespace quorate::crypto::merkle
